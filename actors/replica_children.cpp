#include "actors/replica.hpp"

#include "actors/batch.hpp"
#include "actors/error.hpp"
#include "actors/text_reply.hpp"
#include "core/defaults.hpp"

#include <utility>

/// Calls that the tasks inside a replica make.
namespace hearth {

void replica_state::take(interpreter::child_call& e) {
  auto parent = slot_of_call_.find(e.header.parent);
  const auto* opened = handles_.find(e.environment);
  if (parent == slot_of_call_.end())
    return answer_child(e.header.id, {ec::aborted, "The task that made this call has ended."});
  if (!opened)
    return answer_child(e.header.id, {ec::unknown_environment, std::string(sentence(ec::unknown_environment))});
  const auto& u = uses_[parent->second];
  if (e.parks)
    told_.push_back(replica::parked{config_.order.id, u.call.id});
  call c;
  c.header = e.header;
  // The node knows where the parent stands; what the interpreter says of it is not taken on trust.
  c.header.root = u.call.header.root;
  c.header.cache = u.call.header.cache;
  c.header.depth = static_cast<std::uint16_t>(u.call.header.depth + 1);
  c.arguments = std::move(e.arguments);
  c.spec = opened->spec;
  c.caller = caller_actor(self_);
  c.output = caf::actor_cast<caller_actor>(u.call.output);
  c.in_run = u.call.in_run;
  c.replays = c.in_run && (u.call.replays || u.call.attempt > 1);
  auto [at, is_new] = children_.try_emplace(c.header.id, child{opened->supervisor, parent->second, {}});
  if (!is_new)
    return answer_child(c.header.id, {ec::bad_request, "A call with this id is open already."});
  if (c.replays)
    look_up(at->second, std::move(c));
  else
    batch_for(child_calls_, opened->supervisor).push_back(std::move(c));
}

void replica_state::take(interpreter::child_cancel& e) {
  constexpr const char* why = "The task that made this call cancelled it.";
  auto open = children_.find(e.id);
  if (open == children_.end())
    return;
  if (open->second.waiting) {
    children_.erase(open);
    return answer_child(e.id, {ec::aborted, why});
  }
  batch_for(child_cancels_, open->second.supervisor).push_back({caller_actor(self_), e.id, ec::aborted, why});
}

void replica_state::take(interpreter::open_environment& e) {
  auto request = e.request;
  self_->request(config_.agent, defaults::inner_request_timeout, atom::open::value, e.spec, false)
    .then(
      [this, request](opened_environment& opened) {
        opened_handle answer{request, 0, opened.spec->version, opened.is_new, {}};
        if (!handles_.knows(opened.supervisor))
          self_->monitor(opened.supervisor);
        answer.handle = handles_.put(std::move(opened));
        if (door_)
          self_->send(door_, atom::open::value, std::move(answer));
      },
      [this, request](const caf::error& error) {
        if (door_)
          self_->send(door_, atom::open::value, opened_handle{request, 0, {}, false, failure_of(error)});
      });
}

void replica_state::cancel_children_of(std::uint32_t slot) {
  for (auto open = children_.begin(); open != children_.end();) {
    if (open->second.parent_slot != slot) {
      ++open;
      continue;
    }
    if (!open->second.waiting) {
      batch_for(child_cancels_, open->second.supervisor)
        .push_back({caller_actor(self_), open->first, ec::aborted, "The task that made this call has ended."});
      if (uses_[slot].call.in_run)
        leaving_.emplace(open->first, open->second.supervisor.address());
    }
    open = children_.erase(open);
  }
}

void replica_state::answer_child(call_id id, failure why) {
  child_replies_.push_back(text_reply(id, why.code, why.message));
}

void replica_state::forward(std::vector<call_reply>& replies) {
  for (auto& answer : replies) {
    const auto open = children_.find(answer.id);
    // The reply of a call that an earlier attempt of the parent left behind; the same call may wait for it to be over.
    if (!leaving_.empty() && leaving_.erase(answer.id) > 0 && answer.code != ec::none) {
      if (open != children_.end())
        seek(open->first, *open->second.waiting);
      continue;
    }
    if (open == children_.end())
      continue;
    const auto& parent = uses_[open->second.parent_slot].call;
    if (parent.in_run && answer.code == ec::none)
      batch_for(records_, parent.output).push_back({parent.header.root, answer.id, answer});
    children_.erase(open);
    child_replies_.push_back(std::move(answer));
  }
}

void replica_state::child_supervisor_down(const caf::down_msg& down) {
  handles_.forget(down.source);
  std::erase_if(leaving_, [&](const auto& entry) { return entry.second == down.source; });
  for (auto open = children_.begin(); open != children_.end();) {
    if (open->second.supervisor.address() != down.source) {
      ++open;
      continue;
    }
    answer_child(open->first,
                 {ec::shutting_down, "The supervisor of the called environment ended before the call was done."});
    open = children_.erase(open);
  }
}

// -- the record of a run ----

/// The parent runs again: what its child returned before may be recorded, and it may be on its way to its end still.
void replica_state::look_up(child& open, call&& what) {
  const auto id = what.header.id;
  open.waiting = std::make_unique<call>(std::move(what));
  if (!leaving_.contains(id))
    seek(id, *open.waiting);
}

void replica_state::seek(call_id id, const call& what) {
  batch_for(seeks_, std::pair(caf::actor_cast<caf::strong_actor_ptr>(what.output), what.header.root)).push_back(id);
}

void replica_state::found(std::vector<found_child>& children) {
  for (auto& [id, reply] : children) {
    const auto open = children_.find(id);
    if (open == children_.end() || !open->second.waiting)
      continue; // cancelled, or it runs already
    if (reply) {
      children_.erase(open);
      child_replies_.push_back(std::move(*reply));
    } else if (!leaving_.contains(id)) {
      invoke_waiting(open->second);
    }
  }
}

/// Whatever the reason that no answer came, a child that may be recorded can also run.
void replica_state::give_up(const std::vector<call_id>& ids) {
  for (auto id : ids)
    if (const auto open = children_.find(id); open != children_.end() && open->second.waiting && !leaving_.contains(id))
      invoke_waiting(open->second);
}

void replica_state::invoke_waiting(child& open) {
  batch_for(child_calls_, open.supervisor).push_back(std::move(*std::exchange(open.waiting, nullptr)));
}

void replica_state::flush_records() {
  for (auto& [to, ids] : seeks_) {
    const auto& [recorder, root] = to;
    if (recorder)
      self_->send(caf::actor_cast<recorder_actor>(recorder), atom::seek::value, root, ids, seeker_actor(self_));
    self_->delayed_send(self_, defaults::record_patience, atom::retry::value, std::move(ids));
  }
  seeks_.clear();
  for (auto& [to, batch] : records_)
    if (to)
      self_->send(caf::actor_cast<recorder_actor>(to), atom::record::value, std::move(batch));
  records_.clear();
}

} // namespace hearth
