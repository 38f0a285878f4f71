#include "actors/remote_caller.hpp"

#include "core/defaults.hpp"

#include <algorithm>
#include <utility>

namespace hearth {

namespace {

link::acted::item far(action_event& e) {
  return {e.root,
          e.id,
          e.parent,
          e.depth,
          std::string(e.task),
          e.keep ? e.keep->key() : std::string(),
          e.phase,
          e.attempt,
          e.cold,
          e.queued,
          e.start,
          e.fork,
          e.import,
          e.run,
          e.replica,
          std::move(e.error),
          std::move(e.cache),
          std::move(e.producer)};
}

/// What is longer than travels inline could be overtaken by what follows it.
std::vector<reply_part> small_parts(std::vector<reply_part>& parts) {
  std::vector<reply_part> small;
  for (auto& part : parts)
    for (std::size_t done = 0; done < part.data.size();) {
      const auto count = std::min<std::size_t>(part.data.size() - done, defaults::link_inline_bytes_max);
      small.push_back({part.id, part.attempt, part.data.slice(done, count)});
      done += count;
    }
  return small;
}

} // namespace

remote_caller_actor::behavior_type remote_caller(remote_caller_actor::pointer self, const link::caller_ref& whom,
                                                 const switchboard_actor& switchboard) {
  const auto say = [self, switchboard, node = whom.node](link::message what) {
    link::messages said;
    said.push_back(std::move(what));
    self->send(switchboard, atom::send::value, node, std::move(said));
  };
  return {
    [say, number = whom.number](atom::replies, std::vector<call_reply>& replies) {
      say(link::replies{number, std::move(replies)});
    },
    [say, number = whom.number](atom::logged, std::vector<log_text>& texts) {
      say(link::logged{number, std::move(texts)});
    },
    [say, number = whom.number](atom::actions, std::vector<action_event>& events) {
      link::acted what{number, {}};
      what.items.reserve(events.size());
      for (auto& e : events)
        what.items.push_back(far(e));
      say(std::move(what));
    },
    [say, number = whom.number](atom::record, std::vector<finished_child>& children) {
      say(link::recorded{number, std::move(children)});
    },
    [say, number = whom.number](atom::seek, call_id root, std::vector<call_id>& ids, const seeker_actor& seeker) {
      say(link::sought{number, root, std::move(ids), {caf::actor_cast<caf::strong_actor_ptr>(seeker), {}, 0}});
    },
    [say, number = whom.number](atom::found, std::vector<found_child>& children) {
      say(link::found{number, std::move(children)});
    },
    [self, say, number = whom.number](atom::parts, std::vector<reply_part>& parts) {
      say(link::parts{number, small_parts(parts), {self->current_sender(), {}, 0}});
    },
    [self, say, number = whom.number](atom::more, call_id id, std::uint64_t size) {
      say(link::more{number, id, size, {self->current_sender(), {}, 0}});
    },
    [say, number = whom.number](atom::input, const input_part& part) {
      const auto size = part.data.size();
      std::size_t done = 0;
      do {
        const auto count = std::min<std::size_t>(size - done, defaults::link_inline_bytes_max);
        say(link::input{number, {part.id, part.data.slice(done, count), part.is_last && done + count == size}});
        done += count;
      } while (done < size);
    },
  };
}

output_relay_actor::behavior_type output_relay(output_relay_actor::pointer self, const link::caller_ref& whom,
                                               const switchboard_actor& switchboard) {
  return {
    [](atom::replies, const std::vector<call_reply>&) { /* a relay has no calls */ },
    [self, whom, switchboard](atom::logged, std::vector<log_text>& texts) {
      if (whom.number == 0)
        return self->send(caf::actor_cast<caller_actor>(whom.here), atom::logged::value, std::move(texts));
      link::messages said;
      said.push_back(link::logged{whom.number, std::move(texts)});
      self->send(switchboard, atom::send::value, whom.node, std::move(said));
    },
    [](atom::events, const client::events&) { /* nor a client */ },
    [](atom::watch, call_id, std::uint64_t) { /* nobody asked for progress */ },
    [](atom::tick) { /* nor a deadline */ },
    [self](atom::stop) {
      self->quit();
      return true;
    },
  };
}

} // namespace hearth
