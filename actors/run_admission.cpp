#include "actors/error.hpp"
#include "actors/run_keeper.hpp"
#include "core/defaults.hpp"

#include <utility>

/// How a run is accepted: its arguments are where they last, its environment is in the control log, and then it is, and
/// only then its client hears of it.
namespace hearth {

namespace {

/// Length-prefixed, so that no content can look like another one with its boundaries elsewhere.
void add(std::string& to, std::string_view part) {
  to += std::to_string(part.size());
  to += ':';
  to += part;
}

} // namespace

caf::result<std::string> run_keeper_state::accept(run_order& order) {
  const auto root = order.root.header.id;
  auto s = std::make_shared<submission>();
  auto& e = s->entry;
  e.root = root;
  e.name = order.name.empty() ? run_name(root) : order.name;
  e.project = order.project.empty() ? order.spec->project : order.project;
  e.domain = order.domain.empty() ? order.spec->domain : order.domain;
  e.key = order.spec->key();
  e.version = order.spec->version;
  e.task = order.root.header.task;
  if (e.task >= order.spec->tasks.size())
    return error_of(
      {ec::unknown_task, "Environment " + order.spec->name + " has no task " + std::to_string(e.task) + "."});
  const auto& task = order.spec->tasks[e.task];
  e.task_name = task.name;
  e.lost = task.retries.lost;
  e.inputs = order.inputs;
  e.principal = order.principal;
  e.rerun_of = order.rerun_of;
  e.detached = order.detach;
  e.unix_ms = config_->unix_ms();
  e.deadline_ms = static_cast<std::uint64_t>(order.root.header.deadline.count());
  e.cache = order.root.header.cache;
  e.trace_hi = order.root.header.trace.hi;
  e.trace_lo = order.root.header.trace.lo;
  e.trace_span = order.root.header.trace.span;
  s->order = std::move(order);
  s->promise = self_->make_response_promise<std::string>();
  submit(s);
  return s->promise;
}

/// A client that has lost its connection submits again, perhaps before the first time was decided: one after the other, so
/// that the control log says whether it is the same run. Each is a request of a session, which bounds how many there are.
void run_keeper_state::submit(const submission_ptr& s) {
  const auto root = s->entry.root;
  if (const auto [first, is_first] = submissions_.emplace(root, s); !is_first) {
    first->second->behind.push_back(s);
  } else if (may_accept()) {
    store_arguments(s);
  } else if (unsettled_.size() < defaults::runs_unsettled_max) {
    unsettled_.push_back(s); // a node that starts, or a cluster that has lost its leader, is there again soon
    self_->delayed_send(self_, defaults::run_acceptance_wait, atom::retry::value, root);
  } else {
    refuse(s, {ec::overloaded, std::to_string(unsettled_.size()) + " runs wait on this node for its cluster already."});
  }
}

/// It has been decided: whoever submitted the same meanwhile is next.
void run_keeper_state::settled(const submission_ptr& s) {
  submissions_.erase(s->entry.root);
  for (const auto& next : std::exchange(s->behind, {}))
    submit(next);
}

/// Its time to wait for a cluster is over, or that is there.
void run_keeper_state::settle_waiting(call_id expired) {
  std::vector<submission_ptr> waiting;
  waiting.swap(unsettled_);
  for (const auto& s : waiting) {
    if (may_accept())
      store_arguments(s);
    else if (s->entry.root == expired)
      refuse(s, {ec::no_quorum, standing_.why_not.empty() ? std::string(sentence(ec::no_quorum)) : standing_.why_not});
    else
      unsettled_.push_back(s);
  }
}

void run_keeper_state::store_arguments(const submission_ptr& s) {
  keep_value(
    s->order.root.arguments,
    [this, s](cluster::stored_value kept) {
      s->entry.arguments = std::move(kept);
      put_spec(s);
    },
    [this, s](const caf::error& error) { refuse(s, failure_of(error)); });
}

/// Runs of one version come by the thousand, and its spec is put once.
void run_keeper_state::put_spec(const submission_ptr& s) {
  if (specs_put_.contains({s->entry.key, s->entry.version}))
    return propose(s);
  cluster::put_spec put;
  put.key = s->entry.key;
  put.version = s->entry.version;
  put.spec = config_->encode_spec(*s->order.spec);
  self_->request(config_->control, caf::infinite, atom::propose::value, cluster::command(std::move(put)))
    .then(
      [this, s](const cluster::outcome& outcome) {
        if (outcome.code != ec::none)
          return refuse(s, {outcome.code, outcome.message});
        if (specs_put_.size() >= defaults::specs_remembered_max)
          specs_put_.clear();
        specs_put_.emplace(s->entry.key, s->entry.version);
        propose(s);
      },
      [this, s](const caf::error& error) { refuse(s, failure_of(error)); });
}

void run_keeper_state::propose(const submission_ptr& s) {
  s->entry.home = standing_.seat;
  std::string all;
  for (std::string_view part : {std::string_view(s->entry.key), std::string_view(s->entry.version),
                                std::string_view(s->entry.task_name), std::string_view(s->entry.arguments.digest),
                                std::string_view(s->entry.name), std::string_view(s->entry.rerun_of)})
    add(all, part);
  s->entry.request_digest = config_->digest(all);
  self_->request(config_->control, caf::infinite, atom::propose::value, cluster::command(s->entry))
    .then([this, s](const cluster::outcome& outcome) { accepted(s, outcome); },
          [this, s](const caf::error& error) { refuse(s, failure_of(error)); });
}

/// What the control log decided has been told as facts before: when the run is ours, it is being executed.
void run_keeper_state::accepted(const submission_ptr& s, const cluster::outcome& outcome) {
  if (outcome.code == ec::unknown_environment && !std::exchange(s->put_again, true)) {
    specs_put_.erase({s->entry.key, s->entry.version}); // the log kept it only as long as somebody needed it
    return put_spec(s);
  }
  if (outcome.code != ec::none)
    return refuse(s, {outcome.code, outcome.message});
  settled(s);
  auto* run = book_->find(s->entry.root);
  if (!run) {
    s->promise.deliver(
      error_of({ec::gone, "Run `" + s->entry.name + "` was accepted before, and is forgotten by now."}));
    return;
  }
  s->promise.deliver(run->name());
  auto& a = audiences_[run->root()];
  a.session = s->order.session;
  a.wants_progress = !s->order.detach;
  if (s->order.logs && s->order.session && !run->ended())
    a.watchers.push_back(std::make_shared<watcher>(s->order.session));
  if (s->order.session)
    heed(s->order.session.address());
  if (run->ended()) // it was submitted again
    conclude(*run);
}

void run_keeper_state::refuse(const submission_ptr& s, failure why) {
  s->promise.deliver(error_of(why));
  settled(s);
}

} // namespace hearth
