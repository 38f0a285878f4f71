#include "actors/run_keeper.hpp"

#include "actors/error.hpp"
#include "cluster/run_home.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

namespace hearth {

namespace {

nanoseconds duration_of(std::uint64_t ns) { return nanoseconds(static_cast<std::int64_t>(ns)); }

} // namespace

caf::error run_keeper_state::unknown(const std::string& name) {
  return error_of({ec::unknown_run, "There is no run `" + name + "`; `hearth get runs` lists them."});
}

std::string run_keeper_state::log_of(const run_row& row) { return "run-" + row.name; }

// -- what the control log says ----

void run_keeper_state::take(control::facts& facts) {
  for (auto& fact : facts) {
    if (auto* now = std::get_if<control::standing>(&fact))
      stand(std::move(*now));
    else if (auto* run = std::get_if<control::run_changed>(&fact))
      changed(std::move(run->now));
    else if (auto* old = std::get_if<control::run_forgotten>(&fact))
      forgotten(old->last);
    else if (auto* member = std::get_if<control::member_changed>(&fact))
      members_[member->now.node] = member->now;
  }
}

/// A new seat makes this node the home of what the log gave to it, also of what was heard of before.
void run_keeper_state::stand(control::standing now) {
  const bool is_other_seat = now.seat != standing_.seat;
  standing_ = std::move(now);
  if (is_other_seat)
    for (auto* run : book_->newest(std::numeric_limits<std::size_t>::max()))
      if (!run->ended() && is_at_home(*run->durable))
        changed(run->durable);
  settle_waiting({});
}

void run_keeper_state::changed(durable_run_ptr now) {
  auto& run = book_->put(std::move(now));
  const auto root = run.root();
  const auto& d = *run.durable;
  if (const auto home = members_.find(d.home); home != members_.end())
    run.row.node = home->second.name; // the last one, when it has ended
  const auto x = executions_.find(root);
  const bool is_ours = is_at_home(d);
  std::optional<cluster::run_hold> here;
  if (x != executions_.end())
    here = {x->second.run->attempt, x->second.run->is_to_end};
  const auto turn = cluster::turn_of({d.end.has_value(), is_ours, d.is_to_end, d.attempt}, here);
  if (d.end)
    conclude(run);
  if (turn.drops)
    drop(root, d.end ? "The run has ended." : "The run goes on elsewhere.");
  if (!d.end && !is_ours)
    run_book::forget_actions(run); // another home is told of them
  if (turn.begins)
    begin(run);
  else if (turn.aborts)
    wish_abort(run);
  else if (here && !turn.drops)
    x->second.run = run.durable;
}

/// What others say of a run counts for its home alone: another node has not all of it.
bool run_keeper_state::is_at_home(const durable_run& run) const {
  return run.home == config_->self && run.seat == standing_.seat;
}

void run_keeper_state::forgotten(const durable_run_ptr& run) {
  self_->send(config_->records, atom::forget::value, run->submitted.root);
  book_->forget(run->submitted.root);
  if (!std::exchange(pin_is_coming_, true))
    self_->delayed_send(self_, defaults::blob_pin_interval, atom::pin::value);
}

/// Of all runs that are known, so not for each that goes.
void run_keeper_state::pin_blobs() {
  pin_is_coming_ = false;
  std::set<std::string> needed;
  for (const auto* run : book_->newest(std::numeric_limits<std::size_t>::max())) {
    const auto& d = *run->durable;
    if (d.submitted.arguments.size > d.submitted.arguments.content.size())
      needed.insert(d.submitted.arguments.digest);
    if (d.end && d.end->value.size > d.end->value.content.size())
      needed.insert(d.end->value.digest);
  }
  self_->send(config_->blobs, atom::pin::value, std::move(needed));
}

/// Its end is in the log: whoever waits hears it.
void run_keeper_state::conclude(run_entry& run) {
  auto node = audiences_.extract(run.root());
  if (node.empty())
    return;
  auto& a = node.mapped();
  for (auto& promise : a.waiting_row)
    promise.deliver(run.row);
  for (const auto& w : a.watchers) {
    w->goes_on = false; // whoever fetches hears the end after what it fetches
    if (w->end.pending() && !w->is_fetching)
      w->end.deliver(true);
  }
  if (!a.session && a.waiting_result.empty())
    return;
  answer(run, [this, session = a.session, waiting = std::move(a.waiting_result)](call_reply reply) mutable {
    for (auto& promise : waiting)
      promise.deliver(reply);
    if (session)
      self_->send(session, atom::replies::value, std::vector<call_reply>{std::move(reply)});
  });
}

/// What an ended run's root call replied, as the log has it; a blob is read, or was never away.
void run_keeper_state::answer(run_entry& run, std::function<void(call_reply)> then) {
  const auto& end = *run.durable->end;
  call_reply reply;
  reply.id = run.root();
  reply.code = end.code;
  reply.is_text = end.is_text;
  reply.attempt = static_cast<std::uint16_t>(end.attempt);
  reply.run = duration_of(end.run_ns);
  reply.queued = duration_of(end.queued_ns);
  reply.start = duration_of(end.start_ns);
  if (const auto x = executions_.find(run.root());
      x != executions_.end() && x->second.answer && x->second.answer->code == end.code
      && x->second.run->attempt == end.attempt && x->second.answer_digest == end.value.digest)
    return then(std::move(*x->second.answer)); // ours, which was never away
  if (end.value.size == end.value.content.size()) {
    reply.value = payload{end.value.content, {}};
    return then(std::move(reply));
  }
  read_blob(
    end.value.digest,
    [reply, then](payload value) mutable {
      reply.value = std::move(value);
      then(std::move(reply));
    },
    [reply, then, name = run.name(), error = end.error](const caf::error& why) mutable {
      reply.is_text = true;
      if (reply.code == ec::none) {
        reply.code = ec::gone;
        reply.value = payload::text("The result of run `" + name + "` is no longer kept (" + failure_of(why).message
                                    + ") Run it again, or let the task store what has to last.");
      } else {
        reply.value = payload::text(error + " (Nothing more of this failure is kept.)");
      }
      then(std::move(reply));
    });
}

// -- actions ----

void run_keeper_state::acted(std::vector<action_event>& events) {
  std::set<call_id> touched;
  for (auto& e : events) {
    auto* run = book_->find(e.root);
    if (!run || (!run->ended() && !is_at_home(*run->durable)))
      continue;
    // The reply of the root call comes straight from its replica, so it may be faster than the record of its action.
    run_book::count(*run, e);
    touched.insert(e.root);
  }
  for (auto root : touched)
    if (auto a = audiences_.find(root); a != audiences_.end() && a->second.session && a->second.wants_progress)
      self_->send(a->second.session, atom::watch::value, root, book_->find(root)->row.actions_done);
}

// -- requests ----

run_row run_keeper_state::row_of(const run_entry& run) const {
  auto row = run.row;
  if (const auto now = config_->unix_ms(); !run.ended() && now > row.started_unix_ms)
    row.duration_ms = now - row.started_unix_ms;
  return row;
}

caf::result<run_row> run_keeper_state::abort(const std::string& name_or_root, const std::string& action,
                                             const std::string& reason) {
  auto* run = book_->find_either(name_or_root);
  if (!run)
    return unknown(name_or_root);
  if (!action.empty())
    return abort_action(*run, action, reason);
  if (run->ended())
    return error_of({ec::bad_request, "Run `" + run->name() + "` has ended already (" + run->row.phase + ")."});
  auto promise = self_->make_response_promise<run_row>();
  self_
    ->request(config_->control, caf::infinite, atom::propose::value,
              cluster::command(cluster::abort_run{run->name(), reason}))
    .then(
      [this, promise, root = run->root()](const cluster::outcome& outcome) mutable {
        const auto* still = book_->find(root);
        if (outcome.code == ec::none && still)
          promise.deliver(row_of(*still));
        else
          promise.deliver(error_of({outcome.code == ec::none ? ec::gone : outcome.code, outcome.message}));
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

caf::result<run_row> run_keeper_state::abort_action(run_entry& run, const std::string& action,
                                                    const std::string& reason) {
  if (config_->switchboard && run.durable->home && run.durable->home != config_->self)
    return abort_at_home(run, action, reason);
  std::vector<call_id> matches;
  for (const auto& [id, open] : run.open_actions)
    if (to_string(id).compare(0, action.size(), action) == 0)
      matches.push_back(id);
  if (matches.size() == 1) {
    cancel(matches.front(), run.open_actions.at(matches.front()), reason);
    return row_of(run);
  }
  if (matches.size() > 1)
    return error_of({ec::bad_request, std::to_string(matches.size()) + " open actions of run `" + run.name()
                                        + "` begin with `" + action + "`; give more of the id."});
  return error_of({ec::bad_request, "Run `" + run.name() + "` has no open action `" + action + "`; `hearth get actions "
                                      + run.name() + "` lists them."});
}

/// Only the home of a run knows where its actions are.
caf::result<run_row> run_keeper_state::abort_at_home(const run_entry& run, const std::string& action,
                                                     const std::string& reason) {
  link::ask question;
  question.what = "abort";
  question.words = {run.name(), action, reason};
  auto promise = self_->make_response_promise<run_row>();
  self_
    ->request(config_->switchboard, caf::infinite, atom::ask::value, run.durable->home, std::move(question),
              milliseconds(defaults::inner_request_timeout))
    .then(
      [promise](link::answer& found) mutable {
        auto* rows = std::get_if<std::vector<run_row>>(&found.content);
        promise.deliver(rows && !rows->empty() ? std::move(rows->front()) : run_row{});
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

void run_keeper_state::cancel(call_id action, const open_action& open, const std::string& reason) {
  if (!open.far) {
    if (const auto to = caf::actor_cast<supervisor_actor>(open.supervisor))
      self_->send(to, atom::cancel::value, std::vector<cancellation>{{caller_actor{}, action, ec::aborted, reason}});
    return;
  }
  link::messages said;
  said.emplace_back(link::cancel{open.far->key, {{{}, action, ec::aborted, reason}}});
  if (const auto to = caf::actor_cast<switchboard_actor>(open.supervisor))
    self_->send(to, atom::send::value, open.far->node, std::move(said));
}

void run_keeper_state::heed(const caf::actor_addr& actor) {
  if (heeded_.insert(actor).second)
    self_->monitor(actor);
}

void run_keeper_state::down(const caf::down_msg& down) {
  heeded_.erase(down.source);
  supervisor_down(down.source);
  leave(down.source);
}

void run_keeper_state::leave(const caf::actor_addr& session) {
  for (auto& [root, a] : audiences_) {
    a.watchers.remove_if([&](const auto& w) { return w->session.address() == session; });
    if (a.session && a.session.address() == session)
      a.session = session_actor{};
  }
}

run_keeper_actor::behavior_type run_keeper_state::make_behavior(run_keeper_actor::pointer self,
                                                                std::shared_ptr<run_keeper_config> config) {
  self_ = self;
  config_ = std::move(config);
  book_.emplace(config_->actions_of_ended_max);
  self->set_down_handler([this](caf::down_msg& down) { this->down(down); });
  return {
    [this](atom::replies, std::vector<call_reply>& replies) { replied(replies); },
    [this](atom::logged, std::vector<log_text>& texts) { logged(texts); },
    [this](atom::record, std::vector<finished_child>& children) { record(children); },
    [this](atom::seek, call_id root, const std::vector<call_id>& ids, const seeker_actor& seeker) {
      seek(root, ids, seeker);
    },
    [this](atom::attach, const agent_actor& agent) {
      agent_ = agent;
      self_->send(config_->control, atom::watch::value, control_watcher(self_));
      pin_is_coming_ = true;
      self_->delayed_send(self_, defaults::blob_pin_interval, atom::pin::value);
    },
    [this](atom::accept, run_order& order) { return accept(order); },
    [this](atom::actions, std::vector<action_event>& events) { acted(events); },
    [this](atom::list, const std::string& name_or_root, std::uint32_t limit) -> caf::result<std::vector<run_row>> {
      if (!name_or_root.empty()) {
        const auto* run = book_->find_either(name_or_root);
        if (!run)
          return unknown(name_or_root);
        return std::vector<run_row>{row_of(*run)};
      }
      std::vector<run_row> rows;
      for (const auto* run : book_->newest(limit))
        rows.push_back(row_of(*run));
      return rows;
    },
    [this](atom::actions, const std::string& name_or_root,
           std::uint32_t limit) -> caf::result<std::vector<action_row>> {
      const auto* run = book_->find_either(name_or_root);
      if (!run)
        return unknown(name_or_root);
      return run_book::actions(*run, limit);
    },
    [this](atom::await, const std::string& name_or_root) -> caf::result<run_row> {
      auto* run = book_->find_either(name_or_root);
      if (!run)
        return unknown(name_or_root);
      if (run->ended())
        return run->row;
      auto promise = self_->make_response_promise<run_row>();
      audiences_[run->root()].waiting_row.push_back(promise);
      return promise;
    },
    [this](atom::result, const std::string& name_or_root) -> caf::result<call_reply> {
      auto* run = book_->find_either(name_or_root);
      if (!run)
        return unknown(name_or_root);
      auto promise = self_->make_response_promise<call_reply>();
      audiences_[run->root()].waiting_result.push_back(promise);
      if (run->ended())
        conclude(*run);
      return promise;
    },
    [this](atom::abort, const std::string& run, const std::string& action, const std::string& reason) {
      return abort(run, action, reason);
    },
    [this](atom::watch, const std::string& run, const session_actor& session, const std::string& action,
           std::uint32_t lines, bool follow) { return watch(run, session, action, lines, follow); },
    [this](atom::rerun, const std::string& name_or_root) { return again(name_or_root); },
    [this](atom::leave, const session_actor& session) { leave(session.address()); },
    [this](atom::status) { return static_cast<std::uint64_t>(book_->open_count()); },
    [this](atom::events, control::facts& facts) { take(facts); },
    [this](atom::retry, call_id root) { settle_waiting(root), resume(root); },
    [this](atom::pin) { pin_blobs(); },
  };
}

} // namespace hearth
