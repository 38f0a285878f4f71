#include "actors/run_keeper.hpp"

#include "actors/batch.hpp"
#include "actors/error.hpp"
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

caf::error unknown(const std::string& name) {
  return error_of({ec::unknown_run, "There is no run `" + name + "` on this node; `hearth get runs` lists them."});
}

std::string log_of(const run_row& row) { return "run-" + row.name; }

} // namespace

// -- beginning and end ----

caf::result<std::string> run_keeper_state::accept(run_order& order) {
  auto root = order.root.header.id;
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
  if (config_->store->find(root) || !config_->store->insert(std::move(row)))
    return error_of({ec::name_taken, "A run named `" + name + "` exists on this node; choose another name."});
  auto& l = live_[root];
  l.supervisor = order.supervisor;
  l.session = order.session;
  l.detach = order.detach;
  l.began = self_->clock().now();
  if (order.logs)
    l.watchers.push_back({order.session, false, {}, {}});
  self_->monitor(order.supervisor);
  order.root.caller = caller_actor(self_);
  order.root.output = caller_actor(self_);
  order.root.in_run = true;
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
  self_->demonitor(l.supervisor.address());
  run.row.phase = phase_of(answer.code);
  run.row.duration_ms
    = static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(self_->clock().now() - l.began).count());
  if (answer.code != ec::none)
    run.row.error = answer.is_text ? std::string(answer.value.head.view()) : std::string(sentence(answer.code));
  if (l.session)
    self_->send(l.session, atom::replies::value, std::vector<call_reply>{answer});
  for (auto& promise : l.waiting_result)
    promise.deliver(answer);
  for (auto& promise : l.waiting_row)
    promise.deliver(run.row);
  for (auto& w : l.watchers)
    if (w.end.pending() && !w.is_fetching)
      w.end.deliver(true);
  keep(run, std::move(answer));
}

void run_keeper_state::keep(run_record& run, call_reply answer) {
  const auto size = answer.value.size();
  if (size > defaults::run_result_bytes_kept) {
    answer.code = ec::value_too_large;
    answer.is_text = true;
    answer.value = payload::text("The result was delivered but is too large to be kept.");
  } else if (size <= defaults::read_arena_bytes && answer.value.rest.empty()) {
    // Small, it is a slice of what a socket brought; kept for long, it is to keep nothing but itself.
    answer.value.head = bytes::copy_of(answer.value.head.view());
  }
  run.result = std::move(answer);
  config_->store->ended(run, self_->clock().now());
  forget_old_results();
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

// -- actions and output ----

void run_keeper_state::acted(std::vector<action_event>& events) {
  std::set<call_id> touched;
  for (auto& e : events) {
    auto* run = config_->store->find(e.root);
    if (!run)
      continue;
    // The reply of the root call comes straight from its replica, so it may be faster than the record of its action.
    auto l = live_.find(e.root);
    act(*run, l == live_.end() ? nullptr : &l->second, e);
    touched.insert(e.root);
  }
  for (auto root : touched)
    if (auto l = live_.find(root); l != live_.end() && l->second.session && !l->second.detach)
      self_->send(l->second.session, atom::watch::value, root, config_->store->find(root)->row.actions_done);
}

void run_keeper_state::act(run_record& run, live* l, action_event& e) {
  using phase_t = action_event::phase_t;
  if (e.phase == phase_t::queued)
    ++run.row.actions;
  bool is_open = e.phase == phase_t::queued || e.phase == phase_t::running;
  if (is_open) {
    if (l)
      l->open_actions[e.id] = e.supervisor;
    if (l && e.depth == 0 && e.phase == phase_t::running)
      run.row.phase = "RUNNING";
  } else {
    if (l)
      l->open_actions.erase(e.id);
    ++run.row.actions_done;
    run.row.actions_failed += e.phase == phase_t::succeeded ? 0 : 1;
  }
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
  row.run_us = micros(e.run);
  row.replica = e.replica ? e.replica : row.replica;
  row.error = std::move(e.error);
}

void run_keeper_state::logged(std::vector<log_text>& texts) {
  std::vector<std::pair<call_id, std::vector<log_text>>> by_run;
  for (auto& text : texts)
    batch_for(by_run, text.root).push_back(std::move(text));
  for (auto& [root, batch] : by_run) {
    auto* run = config_->store->find(root);
    if (!run)
      continue;
    if (auto l = live_.find(root); l != live_.end()) {
      for (auto& w : l->second.watchers) {
        if (w.is_fetching)
          w.held.insert(w.held.end(), batch.begin(), batch.end());
        else
          self_->send(w.session, atom::logged::value, batch);
      }
    }
    self_->send(config_->logs, atom::append::value, log_of(run->row), std::move(batch));
  }
}

caf::result<bool> run_keeper_state::watch(const std::string& name_or_root, const session_actor& session,
                                          std::uint32_t lines, bool follow) {
  auto* run = find(name_or_root);
  if (!run)
    return unknown(name_or_root);
  auto root = run->row.call;
  auto promise = self_->make_response_promise<bool>();
  auto l = live_.find(root);
  bool goes_on = follow && l != live_.end();
  if (goes_on)
    l->second.watchers.push_back({session, true, {}, promise});
  self_->request(config_->logs, defaults::inner_request_timeout, atom::read::value, log_of(run->row), lines)
    .then(
      [=, this](std::vector<log_text>& kept) mutable {
        self_->send(session, atom::logged::value, std::move(kept));
        auto still = live_.find(root);
        if (!goes_on || still == live_.end()) { // ended meanwhile: all of its output was appended before
          promise.deliver(false);
          return;
        }
        for (auto& w : still->second.watchers)
          if (w.is_fetching && w.session == session) {
            w.is_fetching = false;
            if (!w.held.empty())
              self_->send(session, atom::logged::value, std::move(w.held));
            w.held.clear();
          }
      },
      [=](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
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
    for (const auto& [id, supervisor] : l->second.open_actions)
      if (to_string(id).compare(0, action.size(), action) == 0)
        matches.push_back(id);
    if (matches.size() == 1) {
      auto to = caf::actor_cast<supervisor_actor>(l->second.open_actions.at(matches.front()));
      self_->send(to, atom::cancel::value, std::vector<cancellation>{cancellation{caller_actor{}, matches.front(), ec::aborted, reason}});
      return row_of(*run);
    }
    if (matches.size() > 1)
      return error_of({ec::bad_request, std::to_string(matches.size()) + " open actions of run `" + run->row.name
                                          + "` begin with `" + action + "`; give more of the id."});
  }
  return error_of({ec::bad_request, "Run `" + run->row.name + "` has no open action `" + action + "`; `hearth get actions "
                                      + run->row.name + "` lists them."});
}

void run_keeper_state::leave(const session_actor& session) {
  for (auto& [root, l] : live_) {
    l.watchers.remove_if([&](watcher& w) { return w.session == session; });
    if (l.session != session)
      continue;
    l.session = session_actor{};
    if (!l.detach)
      self_->send(l.supervisor, atom::cancel::value,
                  std::vector<cancellation>{{caller_actor(self_), root, ec::aborted, "The client that ran it is gone."}});
  }
}

run_keeper_actor::behavior_type run_keeper_state::make_behavior(run_keeper_actor::pointer self,
                                                                std::shared_ptr<run_keeper_config> config) {
  self_ = self;
  config_ = std::move(config);
  self->set_down_handler([this](caf::down_msg& down) { supervisor_down(down); });
  return {
    [this](atom::replies, std::vector<call_reply>& replies) { replied(replies); },
    [this](atom::logged, std::vector<log_text>& texts) { logged(texts); },
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
    [this](atom::actions, const std::string& name_or_root, std::uint32_t limit) -> caf::result<std::vector<action_row>> {
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
    [this](atom::watch, const std::string& run, const session_actor& session, std::uint32_t lines, bool follow) {
      return watch(run, session, lines, follow);
    },
    [this](atom::leave, const session_actor& session) { leave(session); },
    [this](atom::status) { return static_cast<std::uint64_t>(config_->store->open_count()); },
    [this](atom::tick) {
      tick_is_coming_ = false;
      forget_old_results();
    },
  };
}

} // namespace hearth
