#include "actors/run_book.hpp"

#include <algorithm>
#include <charconv>
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

bool is_terminal(const std::string& phase) { return phase != "QUEUED" && phase != "RUNNING"; }

/// What came of its lookup is told apart from what became of it, also when that is over.
void note_cache(run_entry& run, const action_event& e) {
  const auto known = run.index.find(e.id);
  if (e.cache.empty() || known == run.index.end())
    return;
  auto& row = run.actions[known->second];
  row.cache = e.cache;
  if (!e.producer.empty())
    row.producer = e.producer;
}

/// Whether it tells something new; counts it then. Only a call without success is made once more, under its id, when its
/// parent runs again.
bool counts(run_entry& run, const action_event& e) {
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
    // Queued once more is what has another supervisor now.
    const bool is_new = run.open_actions
                          .insert_or_assign(e.id, open_action{caf::actor_cast<caf::actor_addr>(e.supervisor), e.far})
                          .second;
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

/// Of a call id as it is written; the empty id for anything else.
call_id parse_call_id(const std::string& text) {
  call_id id;
  if (text.size() != 32)
    return {};
  const auto* middle = text.data() + 16;
  const bool whole = std::from_chars(text.data(), middle, id.hi, 16).ptr == middle
                     && std::from_chars(middle, middle + 16, id.lo, 16).ptr == middle + 16;
  return whole ? id : call_id{};
}

} // namespace

run_entry& run_book::put(durable_run_ptr run) {
  const auto root = run->submitted.root;
  auto found = by_root_.find(root);
  const bool was_open = found != by_root_.end() && !found->second->ended();
  if (found == by_root_.end()) {
    auto at = entries_.emplace(entries_.end());
    found = by_root_.emplace(root, at).first;
    by_name_.insert_or_assign(run->submitted.name, at);
  }
  auto& entry = *found->second;
  entry.durable = std::move(run);
  settle(entry);
  const bool is_open = !entry.ended();
  open_ += is_open && !was_open ? 1 : 0;
  open_ -= was_open && !is_open ? 1 : 0;
  if (was_open && !is_open)
    ended_.push_back(root);
  if (ended_.size() > actions_of_ended_) {
    if (auto* oldest = find(ended_.front())) {
      oldest->actions = {};
      oldest->index = {};
      oldest->open_actions = {};
    }
    ended_.pop_front();
  }
  return entry;
}

void run_book::settle(run_entry& entry) {
  const auto& d = *entry.durable;
  auto& row = entry.row;
  row.name = d.submitted.name;
  row.task = d.submitted.task_name;
  row.started_unix_ms = d.submitted.unix_ms;
  row.detached = d.submitted.detached;
  row.inputs = d.submitted.inputs;
  row.project = d.submitted.project;
  row.domain = d.submitted.domain;
  row.environment_version = d.submitted.version;
  row.call = d.submitted.root;
  if (!d.end) {
    if (row.phase.empty() || d.is_claimed)
      row.phase = d.is_claimed ? "RUNNING" : "QUEUED";
    return;
  }
  row.phase = phase_of(d.end->code);
  row.error = d.end->error;
  row.duration_ms = d.end->unix_ms > row.started_unix_ms ? d.end->unix_ms - row.started_unix_ms : 0;
  if (row.actions == 0) { // it ran elsewhere, or before this node started
    row.actions = row.actions_done = d.end->actions;
    row.actions_failed = d.end->actions_failed;
  }
}

void run_book::forget(call_id root) {
  const auto found = by_root_.find(root);
  if (found == by_root_.end())
    return;
  const auto at = found->second;
  open_ -= at->ended() ? 0 : 1;
  if (const auto name = by_name_.find(at->name()); name != by_name_.end() && name->second == at)
    by_name_.erase(name);
  by_root_.erase(found);
  entries_.erase(at);
}

run_entry* run_book::find(const std::string& name) {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &*found->second;
}

run_entry* run_book::find(call_id root) {
  const auto found = by_root_.find(root);
  return found == by_root_.end() ? nullptr : &*found->second;
}

run_entry* run_book::find_either(const std::string& name_or_root) {
  if (auto* run = find(name_or_root))
    return run;
  if (const auto root = parse_call_id(name_or_root))
    return find(root);
  const auto named = std::find_if(entries_.begin(), entries_.end(), [&](const run_entry& run) {
    return run_name(run.durable->submitted.root) == name_or_root;
  });
  return named == entries_.end() ? nullptr : &*named;
}

std::vector<run_entry*> run_book::newest(std::size_t limit) {
  std::vector<run_entry*> result;
  for (auto run = entries_.rbegin(); run != entries_.rend() && result.size() < limit; ++run)
    result.push_back(&*run);
  return result;
}

std::vector<action_row> run_book::actions(const run_entry& run, std::size_t limit) {
  std::vector<action_row> rows(run.actions.begin(),
                               run.actions.begin() + static_cast<std::ptrdiff_t>(std::min(limit, run.actions.size())));
  if (!run.ended())
    return rows;
  for (auto& row : rows) {
    if (is_terminal(row.phase))
      continue;
    row.phase = row.depth == 0 ? run.row.phase : "UNKNOWN";
    row.error = row.depth == 0 ? run.row.error : "Its run has ended, and how it ended itself was not reported.";
  }
  return rows;
}

void run_book::forget_actions(run_entry& run) {
  run.actions = {};
  run.index = {};
  run.open_actions = {};
  run.row.actions = run.row.actions_done = run.row.actions_failed = 0;
}

void run_book::count(run_entry& run, action_event& e) {
  if (!counts(run, e))
    return note_cache(run, e);
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
  note_cache(run, e);
}

} // namespace hearth
