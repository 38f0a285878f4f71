#include "actors/remote_replica.hpp"

#include <utility>

namespace hearth {

template <class Message>
void remote_replica_state::say(Message&& message) {
  link::messages batch;
  batch.emplace_back(std::forward<Message>(message));
  self_->send(config_.switchboard, atom::send::value, config_.node, std::move(batch));
}

void remote_replica_state::dispatch(std::vector<dispatched_call>& calls) {
  link::dispatch out{config_.id, config_.owner_epoch, {}};
  out.items.reserve(calls.size());
  for (auto& c : calls) {
    held_.insert(c.id);
    link::dispatch::item item{c.id,     c.attempt, c.cold, c.queued, c.header,  std::move(c.arguments),
                              c.in_run, c.replays, {},     {},       c.streams, c.has_input};
    item.caller.here = std::move(c.caller);
    item.output.here = std::move(c.output);
    out.items.push_back(std::move(item));
  }
  say(std::move(out));
}

void remote_replica_state::take(replica::events& events) {
  for (auto& event : events) {
    if (auto* ready = std::get_if<replica::ready>(&event)) {
      ready->self = self_->ctrl();
      config_.is_ready = true;
    } else if (const auto* done = std::get_if<replica::done>(&event)) {
      held_.erase(done->call);
    } else if (const auto* back = std::get_if<replica::recalled>(&event)) {
      for (const auto id : back->calls)
        held_.erase(id);
    } else if (std::holds_alternative<replica::lost>(event) || std::holds_alternative<replica::start_failed>(event)) {
      ended_ = true;
    }
  }
  self_->send(config_.supervisor, atom::events::value, std::move(events));
  if (ended_)
    self_->quit();
}

void remote_replica_state::node_down(const std::string& reason) {
  if (config_.is_ready) {
    replica::lost lost{config_.id,
                       {ec::node_lost, "Node " + config_.node_name + ", where it ran, is gone: " + reason},
                       {held_.begin(), held_.end()},
                       {}};
    self_->send(config_.supervisor, atom::events::value, replica::events{std::move(lost)});
  }
  self_->quit();
}

remote_replica_actor::behavior_type remote_replica_state::make_behavior(remote_replica_actor::pointer self,
                                                                        remote_replica_config config) {
  self_ = self;
  config_ = std::move(config);
  self->monitor(config_.supervisor);
  self->set_down_handler([this](const caf::down_msg& down) {
    if (down.reason != caf::exit_reason::normal)
      say(link::retire{config_.id, true, "its supervisor failed"});
    self_->quit();
  });
  return {
    // What only an interpreter, a foundry or a child call would say: they are on the node of the replica, and speak with the
    // actor there.
    [](atom::replies, const std::vector<call_reply>&) {},
    [](atom::more, call_id, std::uint64_t) {},
    [](atom::input, const input_part&) {},
    [](atom::logged, const std::vector<log_text>&) {},
    [](atom::attach, const interpreter_actor&, const attachment&) {},
    [](atom::unmade, const failure&) {},
    [](atom::events, const interpreter::events&) {},
    [this](atom::dispatch, std::vector<dispatched_call>& calls) { dispatch(calls); },
    [this](atom::recall, const std::vector<ticket>& calls) {
      say(link::recall{config_.id, calls});
    },
    [this](atom::cancel, ticket id) {
      say(link::cancel_ticket{config_.id, id});
    },
    [this](atom::retire, bool at_once, const std::string& reason) {
      say(link::retire{config_.id, at_once, reason});
    },
    [](atom::adopt, const supervisor_actor&) { return false; }, // the one there changes its owner
    [](atom::found, const std::vector<found_child>&) {},
    [](atom::tick, ticket) {},
    [](atom::retry, const std::vector<call_id>&) {},
    [this](atom::events, replica::events& events) { take(events); },
    [this](atom::down, const std::string& reason) { node_down(reason); },
  };
}

} // namespace hearth
