#include "actors/run_keeper.hpp"

#include "actors/batch.hpp"
#include "actors/error.hpp"
#include "actors/run_records.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace hearth {

namespace {

std::string phase_of(ec code) {
  switch (code) {
    case ec::none:
      return "SUCCEEDED";
    case ec::aborted:
      return "ABORTED";
    case ec::timeout_runtime:
    case ec::timeout_queued:
    case ec::deadline_exceeded:
      return "TIMED_OUT";
    default:
      return "FAILED";
  }
}

const char* text_of(action_event::phase_t phase) {
  switch (phase) {
    case action_event::phase_t::queued:
      return "QUEUED";
    case action_event::phase_t::running:
      return "RUNNING";
    case action_event::phase_t::succeeded:
      return "SUCCEEDED";
    case action_event::phase_t::aborted:
      return "ABORTED";
    case action_event::phase_t::timed_out:
      return "TIMED_OUT";
    case action_event::phase_t::failed:
      break;
  }
  return "FAILED";
}

std::uint64_t micros(nanoseconds t) { return static_cast<std::uint64_t>(t.count() / 1000); }

bool is_terminal(const std::string& phase) { return phase != "QUEUED" && phase != "RUNNING"; }

} // namespace

caf::error run_keeper_state::unknown(const std::string& name) {
  return error_of({ec::unknown_run, "There is no run `" + name + "` on this node; `hearth get runs` lists them."});
}

std::string run_keeper_state::log_of(const run_row& row) { return "run-" + row.name; }

// -- beginning and end ----

caf::result<std::string> run_keeper_state::accept(run_order& order) {
  auto root = order.root.header.id;
  if (auto* known = config_->store->find(root))
    return accept_again(*known, order);
  run_row row;
  row.name = order.name.empty() ? run_name(root) : order.name;
  row.task = order.spec->tasks.size() > order.root.header.task ? order.spec->tasks[order.root.header.task].name : "";
  row.phase = "QUEUED";
  row.started_unix_ms = config_->unix_ms();
  row.detached = order.detach;
  row.inputs = order.inputs;
  row.project = order.project.empty() ? order.spec->project : order.project;
  row.domain = order.domain.empty() ? order.spec->domain : order.domain;
  row.environment_version = order.spec->version;
  row.call = root;
  auto name = row.name;
  auto* run = config_->store->insert(std::move(row));
  if (!run)
    return error_of({ec::name_taken, "A run named `" + name + "` exists on this node; choose another name."});
  run->spec = order.spec;
  run->task = order.root.header.task;
  run->arguments = lasting(order.root.arguments);
  if (const auto* before = order.rerun_of.empty() ? nullptr : find(order.rerun_of))
    run->record = before->row.call;
  auto& l = live_[root];
  l.supervisor = order.supervisor;
  l.session = order.session;
  l.detach = order.detach;
  l.began = self_->clock().now();
  if (order.logs)
    l.watchers.push_back(std::make_shared<watcher>(order.session));
  heed(order.supervisor.address());
  if (order.session)
    heed(order.session.address());
  order.root.caller = caller_actor(self_);
  order.root.output = caller_actor(self_);
  order.root.in_run = true;
  order.root.replays = static_cast<bool>(run->record);
  std::vector<call> batch;
  batch.push_back(std::move(order.root));
  self_->send(order.supervisor, atom::invoke::value, std::move(batch));
  return name;
}

void run_keeper_state::replied(std::vector<call_reply>& replies) {
  for (auto& answer : replies)
    if (auto* run = config_->store->find(answer.id); run && !run->ended())
      end(*run, std::move(answer));
}

void run_keeper_state::end(run_record& run, call_reply answer) {
  auto node = live_.extract(run.row.call);
  if (node.empty())
    return;
  auto& l = node.mapped();
  run.row.phase = phase_of(answer.code);
  run.row.duration_ms = static_cast<std::uint64_t>(
    std::chrono::duration_cast<milliseconds>(self_->clock().now() - l.began).count());
  if (answer.code != ec::none)
    run.row.error = answer.is_text ? std::string(answer.value.head.view()) : std::string(sentence(answer.code));
  if (l.session)
    self_->send(l.session, atom::replies::value, std::vector<call_reply>{answer});
  for (auto& promise : l.waiting_result)
    promise.deliver(answer);
  for (auto& promise : l.waiting_row)
    promise.deliver(run.row);
  for (const auto& w : l.watchers) {
    w->goes_on = false; // whoever fetches hears the end after what it fetches
    if (w->end.pending() && !w->is_fetching)
      w->end.deliver(true);
  }
  keep(run, std::move(answer));
}

void run_keeper_state::keep(run_record& run, call_reply answer) {
  if (answer.value.size() > defaults::run_result_bytes_kept) {
    answer.code = ec::value_too_large;
    answer.is_text = true;
    answer.value = payload::text("The result was delivered but is too large to be kept.");
  } else {
    answer.value = lasting(std::move(answer.value));
  }
  if (run.arguments.size() > defaults::run_result_bytes_kept) {
    run.spec.reset();
    run.arguments = payload{};
  }
  run.result = std::move(answer);
  config_->store->ended(run, self_->clock().now());
  forget_old_results();
  for (auto root : config_->store->take_forgotten())
    if (config_->records)
      self_->send(config_->records, atom::forget::value, root);
}

void run_keeper_state::forget_old_results() {
  const auto now = self_->clock().now();
  const auto next = config_->store->forget_old_results(now);
  if (next && !std::exchange(tick_is_coming_, true))
    self_->delayed_send(self_, *next - now, atom::tick::value);
}

void run_keeper_state::supervisor_down(const caf::down_msg& down) {
  std::vector<call_id> orphans;
  for (const auto& [root, l] : live_)
    if (l.supervisor.address() == down.source)
      orphans.push_back(root);
  for (auto root : orphans) {
    call_reply answer;
    answer.id = root;
    answer.code = ec::shutting_down;
    answer.is_text = true;
    answer.value = payload::text("The environment's supervisor ended before the run was done.");
    if (auto* run = config_->store->find(root))
      end(*run, std::move(answer));
  }
}

// -- actions ----

void run_keeper_state::acted(std::vector<action_event>& events) {
  std::set<call_id> touched;
  for (auto& e : events) {
    auto* run = config_->store->find(e.root);
    if (!run)
      continue;
    // The reply of the root call comes straight from its replica, so it may be faster than the record of its action.
    act(*run, e);
    touched.insert(e.root);
  }
  for (auto root : touched)
    if (auto l = live_.find(root); l != live_.end() && l->second.session && !l->second.detach)
      self_->send(l->second.session, atom::watch::value, root, config_->store->find(root)->row.actions_done);
}

/// Counts the event, unless it is about an action that has ended: whatever is reported later, an end is final. Only a call
/// without success is made once more, under its id, when its parent runs again.
bool run_keeper_state::counts(run_record& run, const action_event& e) const {
  using phase_t = action_event::phase_t;
  const auto known = run.index.find(e.id);
  if (known != run.index.end() && is_terminal(run.actions[known->second].phase)) {
    if (e.phase != phase_t::queued || run.actions[known->second].phase == text_of(phase_t::succeeded))
      return false;
    --run.row.actions;
    --run.row.actions_done;
    --run.row.actions_failed;
  }
  if (e.phase == phase_t::queued) {
    const bool is_new = run.open_actions.try_emplace(e.id, caf::actor_cast<caf::actor_addr>(e.supervisor)).second;
    run.row.actions += is_new ? 1 : 0;
    return is_new;
  }
  if (e.phase == phase_t::running)
    return run.open_actions.contains(e.id);
  if (run.open_actions.erase(e.id) == 0)
    return false;
  ++run.row.actions_done;
  run.row.actions_failed += e.phase == phase_t::succeeded ? 0 : 1;
  return true;
}

void run_keeper_state::act(run_record& run, action_event& e) {
  if (!counts(run, e))
    return;
  if (e.depth == 0 && e.phase == action_event::phase_t::running && !run.ended())
    run.row.phase = "RUNNING";
  auto [at, is_new] = run.index.try_emplace(e.id, run.actions.size());
  if (is_new) {
    if (run.actions.size() >= defaults::run_actions_kept) {
      run.index.erase(at);
      return;
    }
    run.actions.emplace_back();
  }
  auto& row = run.actions[at->second];
  if (is_new) {
    row.id = to_string(e.id);
    row.parent = e.parent ? to_string(e.parent) : "";
    row.task = std::string(e.task);
    row.depth = e.depth;
  }
  row.phase = text_of(e.phase);
  row.attempt = e.attempt;
  row.cold = e.cold;
  row.queued_us = micros(e.queued);
  row.start_us = micros(e.start);
  row.fork_us = micros(e.fork);
  row.import_us = micros(e.import);
  row.run_us = micros(e.run);
  row.replica = e.replica ? e.replica : row.replica;
  row.error = std::move(e.error);
}

// -- requests ----

run_record* run_keeper_state::find(const std::string& name_or_root) {
  if (auto* run = config_->store->find(name_or_root))
    return run;
  for (const auto& [root, l] : live_)
    if (to_string(root) == name_or_root)
      return config_->store->find(root);
  return nullptr;
}

run_row run_keeper_state::row_of(const run_record& run) const {
  auto row = run.row;
  if (auto l = live_.find(row.call); l != live_.end())
    row.duration_ms = static_cast<std::uint64_t>(
      std::chrono::duration_cast<milliseconds>(self_->clock().now() - l->second.began).count());
  return row;
}

caf::result<run_row> run_keeper_state::abort(const std::string& name_or_root, const std::string& action,
                                             const std::string& reason) {
  auto* run = find(name_or_root);
  if (!run)
    return unknown(name_or_root);
  auto l = live_.find(run->row.call);
  if (l == live_.end()) {
    if (action.empty())
      return error_of({ec::bad_request, "Run `" + run->row.name + "` has ended already (" + run->row.phase + ")."});
  } else if (action.empty()) {
    self_->send(l->second.supervisor, atom::cancel::value,
                std::vector<cancellation>{{caller_actor(self_), run->row.call, ec::aborted, reason}});
    return row_of(*run);
  } else {
    std::vector<call_id> matches;
    for (const auto& [id, supervisor] : run->open_actions)
      if (to_string(id).compare(0, action.size(), action) == 0)
        matches.push_back(id);
    if (matches.size() == 1) {
      if (auto to = caf::actor_cast<supervisor_actor>(run->open_actions.at(matches.front())))
        self_->send(to, atom::cancel::value,
                    std::vector<cancellation>{cancellation{caller_actor{}, matches.front(), ec::aborted, reason}});
      return row_of(*run);
    }
    if (matches.size() > 1)
      return error_of({ec::bad_request, std::to_string(matches.size()) + " open actions of run `" + run->row.name
                                          + "` begin with `" + action + "`; give more of the id."});
  }
  return error_of({ec::bad_request, "Run `" + run->row.name + "` has no open action `" + action
                                      + "`; `hearth get actions " + run->row.name + "` lists them."});
}

void run_keeper_state::heed(const caf::actor_addr& actor) {
  if (heeded_.insert(actor).second)
    self_->monitor(actor);
}

void run_keeper_state::down(const caf::down_msg& down) {
  heeded_.erase(down.source);
  supervisor_down(down);
  leave(down.source);
}

void run_keeper_state::leave(const caf::actor_addr& session) {
  for (auto& [root, l] : live_) {
    l.watchers.remove_if([&](const auto& w) { return w->session.address() == session; });
    if (l.session && l.session.address() == session)
      l.session = session_actor{};
  }
}

run_keeper_actor::behavior_type run_keeper_state::make_behavior(run_keeper_actor::pointer self,
                                                                std::shared_ptr<run_keeper_config> config) {
  self_ = self;
  config_ = std::move(config);
  self->set_down_handler([this](caf::down_msg& down) { this->down(down); });
  return {
    [this](atom::replies, std::vector<call_reply>& replies) { replied(replies); },
    [this](atom::logged, std::vector<log_text>& texts) { logged(texts); },
    [this](atom::record, std::vector<finished_child>& children) { record(children); },
    [this](atom::seek, call_id root, std::vector<call_id>& ids, const seeker_actor& seeker) {
      seek(root, ids, seeker);
    },
    [this](atom::accept, run_order& order) { return accept(order); },
    [this](atom::actions, std::vector<action_event>& events) { acted(events); },
    [this](atom::list, const std::string& name_or_root, std::uint32_t limit) -> caf::result<std::vector<run_row>> {
      if (!name_or_root.empty()) {
        auto* run = find(name_or_root);
        if (!run)
          return unknown(name_or_root);
        return std::vector<run_row>{row_of(*run)};
      }
      std::vector<run_row> rows;
      for (auto* run : config_->store->newest(limit))
        rows.push_back(row_of(*run));
      return rows;
    },
    [this](atom::actions, const std::string& name_or_root,
           std::uint32_t limit) -> caf::result<std::vector<action_row>> {
      auto* run = find(name_or_root);
      if (!run)
        return unknown(name_or_root);
      auto count = std::min<std::size_t>(limit, run->actions.size());
      return std::vector<action_row>(run->actions.begin(), run->actions.begin() + static_cast<std::ptrdiff_t>(count));
    },
    [this](atom::await, const std::string& name_or_root) -> caf::result<run_row> {
      auto* run = find(name_or_root);
      if (!run)
        return unknown(name_or_root);
      if (run->ended())
        return run->row;
      auto promise = self_->make_response_promise<run_row>();
      live_.at(run->row.call).waiting_row.push_back(promise);
      return promise;
    },
    [this](atom::result, const std::string& name_or_root) -> caf::result<call_reply> {
      auto* run = find(name_or_root);
      if (!run)
        return unknown(name_or_root);
      if (run->ended())
        return *run->result;
      auto promise = self_->make_response_promise<call_reply>();
      live_.at(run->row.call).waiting_result.push_back(promise);
      return promise;
    },
    [this](atom::abort, const std::string& run, const std::string& action, const std::string& reason) {
      return abort(run, action, reason);
    },
    [this](atom::watch, const std::string& run, const session_actor& session, const std::string& action,
           std::uint32_t lines, bool follow) { return watch(run, session, action, lines, follow); },
    [this](atom::rerun, const std::string& name_or_root) { return again(name_or_root); },
    [this](atom::leave, const session_actor& session) { leave(session.address()); },
    [this](atom::status) { return static_cast<std::uint64_t>(config_->store->open_count()); },
    [this](atom::tick) {
      tick_is_coming_ = false;
      forget_old_results();
    },
  };
}

} // namespace hearth
