#include "actors/scaling_words.hpp"
#include "actors/supervisor.hpp"

#include <type_traits>

/// What a supervisor hears of its replicas.
namespace hearth {

namespace {

/// How a replica came to be: "forked in 2.4 ms", "forked in 2.4 ms, after 1.8 s of imports", "spawned in 310 ms (why)".
std::string birth_of(const replica::ready& e) {
  std::string text = (e.how.forked ? "forked in " : "spawned in ") + scaling::in_words(e.start - e.how.import);
  if (e.how.import.count() > 0)
    text += ", after " + scaling::in_words(e.how.import) + " of imports";
  if (!e.how.spawn_reason.empty())
    text += " (" + e.how.spawn_reason + ')';
  return text;
}

} // namespace

void supervisor_state::take(replica::events& events) {
  for (auto& event : events)
    std::visit(
      [&](auto& e) {
        if (auto* v = version_with(e.id)) {
          take(*v, e);
          apply(*v);
        } else if constexpr (std::is_same_v<std::decay_t<decltype(e)>, replica::lost>) {
          std::erase_if(unclaimed_, [&](const auto& u) { return u.what.id == e.id; });
        }
      },
      event);
}

void supervisor_state::take(version& v, replica::ready& e) {
  auto& known = v.replicas[e.id];
  known.handle = caf::actor_cast<replica_actor>(e.self);
  known.how = e.how;
  known.pid = e.pid;
  known.start = e.start;
  ++v.starts;
  v.start_total += e.start;
  v.forked = e.how.forked;
  v.spawn_reason = e.how.spawn_reason;
  self_->monitor(known.handle);
  note(v, journal_entry::kind_t::ready, e.id, birth_of(e));
  if (known.retire_when_ready) {
    self_->send(known.handle, atom::retire::value, false, std::string("not needed any more"));
    return;
  }
  // The next one will find the interpreter that this one may have had to wait for.
  v.calls.replica_ready(e.id, e.how.can_hold_ahead, now(), effects_, e.start - e.how.import);
}

void supervisor_state::take(version& v, replica::start_failed& e) {
  v.replicas.erase(e.id);
  replica_index_.erase(e.id);
  if (e.why.code != ec::none) { // else it was a rehearsal
    v.failed_replica = e.id.value;
    note(v, journal_entry::kind_t::unmade, e.id, e.why.message);
  }
  v.calls.replica_unmade(e.id, e.why, now(), effects_);
}

void supervisor_state::take(version& v, replica::done& e) {
  if (e.code == ec::none && v.calls.is_awaited(e.call)) {
    const auto& c = v.kept[static_cast<std::uint32_t>(e.call.value)];
    if (c.in_run)
      record(v, e.call, c, action_event::phase_t::succeeded, e.code, e.run, e.id, {});
  }
  failed_ = &e.failed;
  v.calls.done(e.id, e.call, e.code, e.unstarted, e.run, now(), effects_);
  apply(v);
  failed_ = nullptr;
}

void supervisor_state::take(version& v, replica::parked& e) { v.calls.parked(e.id, e.call, now(), effects_); }

void supervisor_state::take(version& v, replica::resumed& e) { v.calls.resumed(e.id, e.call, now(), effects_); }

void supervisor_state::take(version& v, replica::recalled& e) { v.calls.recalled(e.id, e.calls, now(), effects_); }

void supervisor_state::take(version& v, replica::lost& e) {
  if (auto known = v.replicas.find(e.id); known != v.replicas.end()) {
    if (known->second.handle)
      self_->demonitor(known->second.handle.address());
    v.replicas.erase(known);
  }
  replica_index_.erase(e.id);
  const bool was_told = v.calls.is_draining(e.id);
  if (!was_told)
    v.failed_replica = e.id.value;
  note(v, was_told ? journal_entry::kind_t::ended : journal_entry::kind_t::lost, e.id,
       was_told ? std::string{} : e.why.message);
  v.calls.replica_lost(e.id, e.why, e.begun, now(), effects_);
}

void supervisor_state::take(version& v, replica::waiting& e) {
  note(v, journal_entry::kind_t::waiting, e.id, e.resource);
  v.calls.replica_waits(e.id, e.resource, now(), effects_);
}

void supervisor_state::take(version& v, replica::overcommitted& e) {
  note(v, journal_entry::kind_t::overcommitted, e.id, e.resource);
}

void supervisor_state::take(version& v, replica::memory& e) { v.calls.replica_memory(e.id, e.bytes, now(), effects_); }

void supervisor_state::replica_down(const caf::down_msg& down) {
  for (auto& [key, v] : versions_)
    for (auto& [id, known] : v->replicas)
      if (known.handle && known.handle.address() == down.source) {
        // An actor of ours failed: what it had sent is unknown, so all of it counts as begun.
        replica::lost e{
          id,
          {ec::interpreter_lost, "Its replica failed inside the node (" + caf::to_string(down.reason) + ")."},
          v->calls.sent_to(id),
          {}};
        auto& at = *v;
        take(at, e);
        apply(at);
        return;
      }
}

/// Writes into the journal what happened. Replicas that serve one call each come and go with their calls, which is no news.
void supervisor_state::note(const version& v, journal_entry::kind_t kind, replica_id about, std::string detail) {
  const bool is_routine = v.calls.limits().fresh
                          && (kind == journal_entry::kind_t::ready || kind == journal_entry::kind_t::ended);
  if (!config_.journal || is_routine || disowned_until_) // of another node's environment there is nothing to tell
    return;
  const auto& spec = v.calls.spec();
  auto& entry = journal_.emplace_back();
  entry.project = spec.project;
  entry.domain = spec.domain;
  entry.environment = spec.name;
  entry.version = spec.version;
  entry.kind = kind;
  entry.replica = about.value;
  entry.detail = std::move(detail);
}

} // namespace hearth
