#include "actors/replica.hpp"

#include "actors/batch.hpp"
#include "actors/error.hpp"
#include "core/defaults.hpp"

#include <algorithm>

namespace hearth {

// -- life ----

void replica_state::attach(const interpreter_actor& door, const attachment& how) {
  door_ = door;
  how_ = how;
  attached_ = self_->clock().now();
  self_->monitor(door_);
  uses_.resize(how.slots);
  free_.reserve(how.slots);
  for (auto slot = how.slots; slot > 0; --slot)
    free_.push_back(slot - 1);
}

void replica_state::fail_start(failure why) {
  told_.push_back(replica::start_failed{config_.order.id, std::move(why)});
  quit();
}

void replica_state::take(interpreter::hello& e) {
  if (ready_)
    return;
  ready_ = true;
  pid_ = e.pid;
  start_ = self_->clock().now() - born_;
  init_ = self_->clock().now() - attached_;
  if (!is_handed_over_)
    told_.push_back(replica::ready{config_.order.id, self_->ctrl(), how_, pid_, start_});
}

void replica_state::take(interpreter::gone& e) {
  if (!ready_)
    return fail_start({e.code == ec::none ? ec::interpreter_lost : e.code, e.message});
  replica::lost lost{config_.order.id, {e.code, e.message}, {}, {}};
  for (std::uint32_t slot = 0; slot < uses_.size(); ++slot) {
    if (!uses_[slot].in_use)
      continue;
    auto begun = std::find(e.begun.begin(), e.begun.end(), slot) != e.begun.end();
    (begun ? lost.begun : lost.unbegun).push_back(uses_[slot].call.id);
  }
  told_.push_back(std::move(lost));
  quit();
}

void replica_state::retire(bool at_once, const std::string& reason) {
  draining_ = true;
  if (!door_)
    return at_once ? fail_start({ec::interpreter_lost, reason}) : void();
  if (at_once && !runs_stop_hooks())
    self_->send(door_, atom::halt::value, true, ec::interpreter_lost, reason);
  else
    end_if_drained();
}

/// It is idle and on its way out, and its functions of on_stop have their time: the interpreter's door ends it after that.
bool replica_state::runs_stop_hooks() const {
  return ready_ && draining_ && in_use_ == 0 && config_.order.spec->has_stop_hooks();
}

void replica_state::end_if_drained() {
  if (draining_ && in_use_ == 0 && door_)
    self_->send(door_, atom::halt::value, false, ec::none, std::string("not needed any more"));
}

void replica_state::tick(ticket id) {
  if (!id) {
    if (!ready_) {
      auto waited = defaults::zygote_start_timeout + defaults::replica_start_timeout;
      if (door_)
        self_->send(door_, atom::halt::value, true, ec::start_failed, std::string("It did not report ready."));
      fail_start({ec::start_failed, "The interpreter " + config_.order.spec->python + " did not report ready within "
                                      + std::to_string(waited.count()) + " s." + hint_of_hooks()});
    }
    return;
  }
  auto slot = slot_of_ticket_.find(id);
  if (slot == slot_of_ticket_.end() || !uses_[slot->second].stopping)
    return;
  self_->send(door_, atom::halt::value, true, ec::interpreter_lost,
              "ended because task " + config_.order.spec->tasks[uses_[slot->second].call.header.task].name
                + " did not stop within " + std::to_string(defaults::cancel_grace.count()) + " s of being asked to");
}

/// What keeps a process that is there from being ready.
std::string replica_state::hint_of_hooks() const {
  std::string names;
  if (door_)
    for (const auto& hook : config_.order.spec->hooks)
      if (!hook.is_stop)
        names += (names.empty() ? "" : ", ") + hook.function;
  return names.empty() ? "" : " Its functions of @env.on_start (" + names + ") take too long or wait for something.";
}

/// Leaves nothing open: children are cancelled, the supervisor has been told the rest.
void replica_state::quit() {
  for (auto& [id, open] : children_)
    if (!open.waiting)
      batch_for(child_cancels_, open.supervisor)
        .push_back({caller_actor(self_), id, ec::aborted, "The task that made this call was lost."});
  children_.clear();
  count_load(-static_cast<std::int64_t>(in_use_));
  in_use_ = 0;
  draining_ = true; // no other owner gets it
  flush();
  self_->quit();
}

// -- calls in ----

void replica_state::dispatch(std::vector<dispatched_call>& calls) {
  std::vector<sent_call> out;
  out.reserve(calls.size());
  for (auto& c : calls) {
    if (free_.empty()) {
      call_reply failed;
      failed.code = ec::too_deep;
      failed.is_text = true;
      failed.value = payload::text("A replica of " + config_.order.spec->name + " holds " + std::to_string(uses_.size())
                                   + " waiting calls; nest less or allow more replicas.");
      told_.push_back(replica::done{config_.order.id, c.id, ec::too_deep, false, {}, std::move(failed)});
      continue;
    }
    auto slot = free_.back();
    free_.pop_back();
    out.push_back({c.header, c.attempt, slot, std::move(c.arguments), c.in_run, c.streams, c.has_input});
    slot_of_call_[c.header.id] = slot;
    slot_of_ticket_[c.id] = slot;
    auto& u = uses_[slot];
    u.call = std::move(c);
    u.in_use = true;
    u.stopping = false;
    ++in_use_;
    count_load(1);
  }
  self_->send(door_, atom::dispatch::value, std::move(out));
}

void replica_state::recall(const std::vector<ticket>& calls) {
  std::vector<std::uint32_t> slots;
  for (auto id : calls)
    if (auto found = slot_of_ticket_.find(id); found != slot_of_ticket_.end())
      slots.push_back(found->second);
  self_->send(door_, atom::recall::value, std::move(slots));
}

void replica_state::cancel(ticket id) {
  auto found = slot_of_ticket_.find(id);
  if (found == slot_of_ticket_.end())
    return;
  auto& u = uses_[found->second];
  u.stopping = true;
  self_->send(door_, atom::cancel::value, found->second, u.call.header.id);
  self_->delayed_send(self_, defaults::cancel_grace, atom::tick::value, id);
}

replica_state::use* replica_state::at(std::uint32_t slot) {
  return slot < uses_.size() && uses_[slot].in_use ? &uses_[slot] : nullptr;
}

void replica_state::free_slot(std::uint32_t slot) {
  auto& u = uses_[slot];
  if (auto found = slot_of_call_.find(u.call.header.id); found != slot_of_call_.end() && found->second == slot)
    slot_of_call_.erase(found);
  slot_of_ticket_.erase(u.call.id);
  u = use{};
  free_.push_back(slot);
  --in_use_;
  count_load(-1);
}

void replica_state::take(interpreter::outcome& e) {
  auto* u = at(e.slot);
  if (!u)
    return;
  auto& c = u->call;
  auto& answer = e.reply;
  answer.id = c.header.id;
  answer.attempt = c.attempt;
  answer.cold = c.cold;
  answer.queued = c.queued;
  answer.start = c.cold ? c.queued : nanoseconds{0};
  answer.fork = c.cold ? how_.fork : nanoseconds{0};
  answer.import = c.cold ? how_.import : nanoseconds{0};
  answer.init = c.cold ? init_ : nanoseconds{0};
  replica::done done{config_.order.id, c.id, answer.code, e.unstarted, answer.run, {}};
  if (answer.code == ec::none && !e.unstarted)
    batch_for(replies_, c.caller).push_back(std::move(answer));
  else
    done.failed = std::move(answer);
  told_.push_back(std::move(done));
  cancel_children_of(e.slot);
  free_slot(e.slot);
  end_if_drained();
}

void replica_state::take(interpreter::part& e) {
  if (auto* u = at(e.slot); u && u->call.output)
    batch_for(parts_, u->call.output).push_back({u->call.header.id, u->call.attempt, std::move(e.data)});
}

void replica_state::take(interpreter::wanted& e) {
  if (auto* u = at(e.slot); u && u->call.output)
    self_->send(caf::actor_cast<stream_caller_actor>(u->call.output), atom::more::value, u->call.header.id, e.size);
}

void replica_state::grant(call_id id, std::uint64_t size) {
  if (auto found = slot_of_call_.find(id); found != slot_of_call_.end() && door_)
    self_->send(door_, atom::more::value, found->second, id, size);
}

void replica_state::pass_on(input_part& part) {
  if (auto found = slot_of_call_.find(part.id); found != slot_of_call_.end() && door_)
    self_->send(door_, atom::input::value, found->second, std::move(part));
}

void replica_state::take(interpreter::parked& e) {
  if (auto* u = at(e.slot))
    told_.push_back(replica::parked{config_.order.id, u->call.id});
}

void replica_state::take(interpreter::resumed& e) {
  if (auto* u = at(e.slot))
    told_.push_back(replica::resumed{config_.order.id, u->call.id});
}

void replica_state::take(interpreter::recalled& e) {
  replica::recalled back{config_.order.id, {}};
  for (auto slot : e.slots)
    if (auto* u = at(slot)) {
      back.calls.push_back(u->call.id);
      free_slot(slot);
    }
  told_.push_back(std::move(back));
  end_if_drained();
}

// -- output ----

void replica_state::take(interpreter::output& e) {
  e.text.replica = config_.order.id.value;
  auto slot = slot_of_call_.find(e.text.call);
  if (slot == slot_of_call_.end()
      || config_.order.spec->is_app()) { // who sends requests has no use for what they print
    unattributed_.push_back(std::move(e.text));
    return;
  }
  const auto& c = uses_[slot->second].call;
  e.text.root = c.header.root;
  if (c.output)
    batch_for(output_, c.output).push_back(std::move(e.text));
}

void replica_state::take(interpreter::memory& e) { told_.push_back(replica::memory{config_.order.id, e.bytes}); }

/// Sends what the turn has gathered: output and parts of replies before the replies that they belong to.
void replica_state::flush() {
  for (auto& [to, batch] : output_)
    self_->send(caf::actor_cast<caller_actor>(to), atom::logged::value, std::move(batch));
  output_.clear();
  if (!unattributed_.empty() && config_.logs)
    self_->send(config_.logs, atom::append::value, "replica-" + std::to_string(config_.order.id.value),
                std::move(unattributed_));
  unattributed_.clear();
  for (auto& [to, batch] : parts_)
    self_->send(caf::actor_cast<stream_caller_actor>(to), atom::parts::value, std::move(batch));
  parts_.clear();
  for (auto& [to, batch] : replies_)
    if (to)
      self_->send(caf::actor_cast<caller_actor>(to), atom::replies::value, std::move(batch));
  replies_.clear();
  for (auto& [to, batch] : child_calls_)
    self_->send(to, atom::invoke::value, std::move(batch));
  child_calls_.clear();
  flush_records();
  for (auto& [to, batch] : child_cancels_)
    self_->send(to, atom::cancel::value, std::move(batch));
  child_cancels_.clear();
  if (!child_replies_.empty() && door_)
    self_->send(door_, atom::replies::value, std::move(child_replies_));
  child_replies_.clear();
  if (const auto& to = is_handed_over_ ? former_ : config_.supervisor; to && !told_.empty())
    self_->send(to, atom::events::value, std::move(told_));
  told_.clear();
  announce_if_idle();
}

replica_actor::behavior_type replica_state::make_behavior(replica_actor::pointer self, replica_config config) {
  self_ = self;
  config_ = std::move(config);
  born_ = self->clock().now();
  self->delayed_send(self, defaults::zygote_start_timeout + defaults::replica_start_timeout, atom::tick::value,
                     ticket{});
  self->monitor(config_.supervisor);
  self->set_down_handler([this](caf::down_msg& down) {
    if (down.source == config_.supervisor.address() || (former_ && down.source == former_.address())) {
      supervisor_down(down.source);
    } else if (door_ && down.source == door_.address()) {
      interpreter::gone e{ec::interpreter_lost, "Its interpreter's door failed inside the node.", {}};
      for (std::uint32_t slot = 0; slot < uses_.size(); ++slot)
        e.begun.push_back(slot);
      take(e);
    } else {
      child_supervisor_down(down);
      flush();
    }
  });
  return {
    [this](atom::replies, std::vector<call_reply>& replies) { forward(replies), flush(); },
    [](atom::logged, const std::vector<log_text>&) { /* output of children goes to `call::output`, never to us */ },
    [this](atom::attach, const interpreter_actor& door, const attachment& how) { attach(door, how); },
    [this](atom::unmade, failure& why) { fail_start(std::move(why)); },
    [this](atom::events, interpreter::events& events) {
      for (auto& event : events)
        std::visit([this](auto& e) { take(e); }, event);
      flush();
    },
    [this](atom::dispatch, std::vector<dispatched_call>& calls) { dispatch(calls), flush(); },
    [this](atom::recall, const std::vector<ticket>& calls) { recall(calls); },
    [this](atom::cancel, ticket id) { cancel(id); },
    [this](atom::retire, bool at_once, const std::string& reason) { retire(at_once, reason); },
    [this](atom::more, call_id id, std::uint64_t size) { grant(id, size); },
    [this](atom::input, input_part& part) { pass_on(part); },
    [this](atom::found, std::vector<found_child>& children) { found(children), flush(); },
    [this](atom::adopt, const supervisor_actor& to) { return change_owner(to); },
    [this](atom::tick, ticket id) { tick(id); },
    [this](atom::retry, const std::vector<call_id>& ids) { give_up(ids), flush(); },
  };
}

} // namespace hearth
