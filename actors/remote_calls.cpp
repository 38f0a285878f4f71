#include "actors/batch.hpp"
#include "actors/error.hpp"
#include "actors/remote_supervisor.hpp"
#include "cluster/run_home.hpp"

/// What a gate does with the calls it holds: hands them to the owner, and finds out about those that were lost there.
namespace hearth {

namespace {

/// Nothing when the call's time is over; zero when it has no limit.
std::optional<milliseconds> time_left(const call& c, instant::duration passed) {
  if (c.header.deadline.count() == 0)
    return milliseconds{0};
  const auto left = c.header.deadline - std::chrono::duration_cast<milliseconds>(passed);
  return left.count() > 0 ? std::optional(left) : std::nullopt;
}

} // namespace

// -- handing on ----

void gate_state::hand_on() {
  if (waiting_ == 0) {
    waiting_roots_.clear();
    waiting_children_.clear();
    return;
  }
  std::vector<call> here;
  std::vector<link::call> there;
  for (auto* waiting : {&waiting_children_, &waiting_roots_})
    if (has_owner())
      hand_on(*waiting, here, there);
  if (!here.empty())
    self_->send(here_, atom::invoke::value, std::move(here));
  if (there.empty())
    return;
  link::messages said;
  said.emplace_back(link::invoke{config_.key, owner_.epoch, std::move(there)});
  self_->send(config_.switchboard, atom::send::value, owner_.node, std::move(said));
}

void gate_state::hand_on(std::deque<call_id>& waiting, std::vector<call>& here, std::vector<link::call>& there) {
  std::deque<call_id> stays;
  while (!waiting.empty()) {
    const auto id = waiting.front();
    const auto found = calls_.find(id);
    if (found == calls_.end() || found->second.at) {
      waiting.pop_front();
      continue;
    }
    auto& h = found->second;
    if (h.what.header.depth == 0 && open_bytes_ >= defaults::gate_open_bytes)
      break;
    waiting.pop_front();
    auto& v = version_of(h.what.spec);
    if (v.is_open && (owner_.node != config_.node || here_)) {
      hand_over(h, here, there);
      continue;
    }
    stays.push_back(id);
    if (!v.is_asked)
      open_at_owner(v);
  }
  waiting.insert(waiting.begin(), stays.begin(), stays.end());
}

void gate_state::hand_over(held& h, std::vector<call>& here, std::vector<link::call>& there) {
  const auto left = time_left(h.what, now() - h.came);
  if (!left)
    return answer(h.what.header.id, ec::deadline_exceeded, std::string(sentence(ec::deadline_exceeded)));
  --waiting_;
  waiting_bytes_ -= h.what.arguments.size();
  h.at = place{owner_.node, owner_.epoch};
  h.is_suspect = h.was_missing = false;
  h.sure_at = now();
  if (!doubt_at_)
    doubt_at_ = now() + defaults::doubt_interval;
  if (owner_.node == config_.node) {
    auto& c = here.emplace_back(h.what);
    c.header.deadline = *left;
    c.caller = caller_actor(gate_actor(self_));
    return;
  }
  open_bytes_ += h.what.arguments.size();
  auto& c = there.emplace_back();
  c.header = h.what.header;
  c.header.deadline = *left;
  c.arguments = h.what.arguments;
  c.version = h.what.spec->version;
  c.caller.here = self_->ctrl();
  c.output.here = caf::actor_cast<caf::strong_actor_ptr>(h.what.output);
  c.in_run = h.what.in_run;
  c.replays = h.what.replays || h.lost > 0;
  c.streams = h.what.streams;
  c.has_input = h.what.has_input;
}

void gate_state::wait_again(held& h) {
  if (h.at->node != config_.node)
    open_bytes_ -= h.what.arguments.size();
  h.at.reset();
  ++waiting_;
  waiting_bytes_ += h.what.arguments.size();
  (h.what.header.depth > 0 ? waiting_children_ : waiting_roots_).push_back(h.what.header.id);
}

// -- what came back ----

void gate_state::replied(std::vector<call_reply>& replies) {
  for (auto& reply : replies) {
    const auto found = calls_.find(reply.id);
    if (found == calls_.end())
      continue;
    auto& h = found->second;
    if (reply.code != ec::stale_epoch) {
      finish(reply.id, std::move(reply));
      continue;
    }
    if (!h.at)
      continue; // it waits already
    if (h.at->epoch == owner_.epoch) {
      for (auto& [name, v] : versions_)
        v.is_open = false;
      retry_later();
    }
    h.was_refused = true;
    wait_again(h);
  }
}

void gate_state::missing(hearth::epoch epoch, const std::vector<call_id>& calls, const std::string& why) {
  if (calls.empty()) {
    for (auto id : sent([&](const place&at, const held&) { return at.epoch == epoch; }))
      lose(id, why);
    return;
  }
  for (auto id : calls) {
    const auto found = calls_.find(id);
    if (found == calls_.end() || !found->second.at || found->second.at->epoch != epoch)
      continue;
    if (std::exchange(found->second.was_missing, true))
      lose(id, why);
  }
}

/// It may have begun, and nobody will say what became of it.
void gate_state::lose(call_id id, const std::string& why) {
  auto& h = calls_.at(id);
  const auto& tasks = h.what.spec->tasks;
  const auto task = h.what.header.task;
  const auto allowed = task < tasks.size() ? tasks[task].retries.lost : retry_spec{}.lost;
  const auto name = task < tasks.size() ? tasks[task].name : h.what.spec->name;
  const auto end = cluster::after_loss(allowed, ++h.lost);
  if (end == ec::maybe_executed)
    return answer(id, end, "Nobody knows whether " + name + " ran: " + why + ". With lost=0 it is not run again.");
  if (end == ec::node_lost)
    return answer(id, end,
                  name + " was lost " + std::to_string(h.lost) + " times, the last time because " + why
                    + "; RetryStrategy(lost=" + std::to_string(allowed) + ") allows no more.");
  wait_again(h);
  h.waits_since = now();
  h.was_refused = false;
}

void gate_state::suspect(held& h) {
  h.is_suspect = true;
  h.asked = 0;
}

/// What was handed over long ago is asked after from time to time.
void gate_state::doubt() {
  doubt_at_.reset();
  const auto all = sent([](const place&, const held&) { return true; });
  bool any = false;
  for (auto id : all)
    if (auto& h = calls_.at(id); !h.is_suspect && now() - h.sure_at >= defaults::doubt_interval) {
      suspect(h);
      any = true;
    }
  if (any && !probe_at_)
    probe_at_ = now();
  if (!all.empty())
    doubt_at_ = now() + defaults::doubt_interval;
}

/// Asks the owners, present and former, for the calls whose answers may be lost. One that was not missing when it was asked
/// after runs.
void gate_state::probe() {
  probe_at_.reset();
  std::map<std::pair<node_uuid, hearth::epoch>, std::vector<call_id>> by_place;
  for (auto id : sent([](const place&, const held& h) { return h.is_suspect; })) {
    auto& h = calls_.at(id);
    if (is_reachable(h.at->node) && ++h.asked > 2 && !h.was_missing) {
      h.is_suspect = false;
      h.sure_at = now();
      continue;
    }
    by_place[{h.at->node, h.at->epoch}].push_back(id);
  }
  for (auto& [at, calls] : by_place) {
    if (at.first == config_.node) {
      probe_here(at.second, calls);
    } else if (is_reachable(at.first)) {
      link::messages said;
      said.emplace_back(link::probe{config_.key, at.second, {self_->ctrl(), {}, 0}, std::move(calls)});
      self_->send(config_.switchboard, atom::send::value, at.first, std::move(said));
    }
  }
  if (!by_place.empty())
    probe_at_ = now() + defaults::probe_interval;
}

void gate_state::probe_here(hearth::epoch epoch, const std::vector<call_id>& calls) {
  const auto which = supervisor_of(epoch);
  if (!which)
    return missing(epoch, calls, "the supervisor of its environment ended on this node");
  self_->request(which, defaults::inner_request_timeout, atom::has::value, caller_actor(gate_actor(self_)), calls)
    .then(
      [this, epoch, calls](std::vector<call_id>& open) {
        std::sort(open.begin(), open.end());
        std::vector<call_id> gone;
        std::set_difference(calls.begin(), calls.end(), open.begin(), open.end(), std::back_inserter(gone));
        if (!gone.empty())
          missing(epoch, gone, "its answer was lost with the link to another node");
        settle();
      },
      [](const caf::error&) { /* its end is heard of */ });
}

// -- patience ----

failure gate_state::no_owner() const {
  const auto time = std::to_string(defaults::owner_wait.count()) + " s";
  const auto reason = why_not_.empty() ? std::string() : " (" + why_not_ + ")";
  if (owner_.node && !is_reachable(owner_.node))
    return {ec::node_lost, "Node " + to_string(owner_.node) + ", which owns environment " + config_.key
                             + ", could not be reached from here for " + time + reason + "."};
  return {ec::no_quorum, "No node of the cluster has taken environment " + config_.key + " within " + time + reason
                           + "; `hearth cluster status` shows who is missing."};
}

void gate_state::give_up_waiting() {
  if (unreachable_since_ && now() - *unreachable_since_ >= defaults::owner_wait) {
    unreachable_since_ = now(); // what is sent there from now on, if it comes back for a moment, has its own time
    for (auto id : sent([&](const place&at, const held&) { return at.node == owner_.node; }))
      lose(id, "node " + to_string(owner_.node) + ", which owns its environment, cannot be reached");
  }
  if (!has_work())
    return;
  const auto is_over = [&](instant since) { return now() - since >= defaults::owner_wait; };
  std::vector<call_id> late, too_late;
  for (const auto& [id, h] : calls_) {
    if (h.at || has_owner())
      continue;
    if ((!owner_.node || !is_reachable(owner_.node) || h.was_refused) && is_over(h.waits_since))
      late.push_back(id);
    else if (!time_left(h.what, now() - h.came))
      too_late.push_back(id);
  }
  std::sort(late.begin(), late.end());
  std::sort(too_late.begin(), too_late.end());
  for (auto id : late)
    answer(id, no_owner().code, no_owner().message);
  for (auto id : too_late)
    answer(id, ec::deadline_exceeded, std::string(sentence(ec::deadline_exceeded)));
  for (auto& [name, v] : versions_) {
    if (v.waiting.empty() || has_owner() || !is_over(v.since))
      continue;
    for (auto& promise : std::exchange(v.waiting, {}))
      promise.deliver(error_of(no_owner()));
    v.is_news = false;
  }
}

} // namespace hearth
