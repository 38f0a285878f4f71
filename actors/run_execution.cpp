#include "actors/error.hpp"
#include "actors/run_keeper.hpp"
#include "actors/text_reply.hpp"
#include "cluster/run_home.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <utility>

/// How a run is executed on its home: what it needs is fetched, with `lost=0` the log is told before it starts, its root call
/// is made, and what that returned is proposed as the end of the run.
namespace hearth {

namespace {

std::string one_sentence(const call_reply& answer) {
  return answer.is_text ? std::string(answer.value.head.view()) : std::string(sentence(answer.code));
}

std::uint64_t count_of(nanoseconds t) { return static_cast<std::uint64_t>(t.count()); }

} // namespace

/// This attempt of the run, unless it ended or went elsewhere while something was on its way.
run_keeper_state::execution* run_keeper_state::executed(call_id root, std::uint32_t attempt) {
  const auto found = executions_.find(root);
  return found != executions_.end() && found->second.run->attempt == attempt ? &found->second : nullptr;
}

void run_keeper_state::begin(run_entry& run) {
  const auto root = run.root();
  auto& x = executions_[root];
  x.run = run.durable;
  x.began = self_->clock().now();
  if (const auto s = submissions_.find(root); s != submissions_.end()) {
    x.spec = s->second->order.spec;
    x.supervisor = s->second->order.supervisor;
    x.arguments = std::move(s->second->order.root.arguments);
  }
  prepare(root);
}

/// Gets what is missing, one after the other.
void run_keeper_state::prepare(call_id root) {
  auto& x = executions_.at(root);
  const auto& run = *x.run;
  if (run.is_to_end)
    return fail(root, {ec::aborted, run.abort_reason});
  if (run.submitted.deadline_ms > 0 && remaining(run).count() <= 0)
    return fail(root, {ec::deadline_exceeded, "The run's deadline passed before it could go on at its new home."});
  switch (
    cluster::need_of({x.arguments.has_value(), static_cast<bool>(x.supervisor), run.is_claimed, run.submitted.lost})) {
    case cluster::run_need::arguments:
      return fetch_arguments(root);
    case cluster::run_need::environment:
      return open_environment(root);
    case cluster::run_need::claim:
      return claim(root);
    case cluster::run_need::nothing:
      return dispatch(root);
  }
}

void run_keeper_state::fetch_arguments(call_id root) {
  auto& x = executions_.at(root);
  const auto& stored = x.run->submitted.arguments;
  if (stored.content.size() == stored.size) {
    x.arguments = payload{stored.content, {}};
    return prepare(root);
  }
  read_blob(
    stored.digest,
    [this, root, attempt = x.run->attempt](payload value) {
      if (auto* still = executed(root, attempt)) {
        still->arguments = std::move(value);
        prepare(root);
      }
    },
    [this, root, attempt = x.run->attempt](const caf::error& error) {
      // In a cluster it may be on a node that is away.
      if (executed(root, attempt))
        cluster::passes(failure_of(error).code) || config_->switchboard ? put_off(root) : fail(root, failure_of(error));
    });
}

void run_keeper_state::open_environment(call_id root) {
  auto& x = executions_.at(root);
  const auto failed = [this, root, attempt = x.run->attempt](const caf::error& error) {
    if (executed(root, attempt))
      cluster::passes(failure_of(error).code) ? put_off(root) : fail(root, failure_of(error));
  };
  const auto open = [this, root, attempt = x.run->attempt, failed](const spec_ptr& spec) {
    self_->request(agent_, defaults::inner_request_timeout, atom::open::value, spec, false)
      .then(
        [this, root, attempt](const opened_environment& opened) {
          if (auto* still = executed(root, attempt)) {
            still->supervisor = opened.supervisor;
            still->spec = opened.spec;
            prepare(root);
          }
        },
        failed);
  };
  if (x.spec)
    return open(x.spec);
  self_
    ->request(config_->control, defaults::inner_request_timeout, atom::find::value, x.run->submitted.key,
              x.run->submitted.version)
    .then(
      [this, root, attempt = x.run->attempt, open](const bytes& encoded) {
        const auto* still = executed(root, attempt);
        if (!still)
          return;
        if (auto spec = config_->decode_spec(encoded))
          return open(spec);
        fail(root, {ec::unknown_environment, "Version " + still->run->submitted.version + " of environment "
                                               + still->run->submitted.key + " is not understood by this node."});
      },
      failed);
}

void run_keeper_state::claim(call_id root) {
  auto& x = executions_.at(root);
  cluster::claim_run claim{x.run->submitted.name, x.run->attempt, x.run->seat};
  self_->request(config_->control, caf::infinite, atom::propose::value, cluster::command(std::move(claim)))
    .then(
      [this, root, attempt = x.run->attempt](const cluster::outcome& outcome) {
        if (!executed(root, attempt))
          return;
        switch (cluster::verdict_of(outcome.code)) {
          case cluster::run_verdict::holds:
            return dispatch(root);
          case cluster::run_verdict::later:
            return put_off(root);
          case cluster::run_verdict::over:
            return drop(root, outcome.message);
        }
      },
      [this, root, attempt = x.run->attempt](const caf::error&) {
        if (executed(root, attempt))
          put_off(root);
      });
}

void run_keeper_state::dispatch(call_id root) {
  auto& x = executions_.at(root);
  const auto& submitted = x.run->submitted;
  x.stage = execution::stage_t::running;
  call c;
  c.header.id = c.header.root = root;
  c.header.task = submitted.task;
  c.header.deadline = submitted.deadline_ms > 0 ? remaining(*x.run) : milliseconds{0};
  c.header.cache = submitted.cache;
  c.header.trace = {submitted.trace_hi, submitted.trace_lo, submitted.trace_span};
  c.arguments = *x.arguments;
  c.spec = x.spec;
  c.caller = c.output = caller_actor(self_);
  c.in_run = true;
  c.replays = cluster::replays(x.run->attempt, std::exchange(x.was_made, true), !submitted.rerun_of.empty());
  heed(x.supervisor.address());
  std::vector<call> batch;
  batch.push_back(std::move(c));
  self_->send(x.supervisor, atom::invoke::value, std::move(batch));
}

milliseconds run_keeper_state::remaining(const durable_run& run) const {
  const auto end = run.submitted.unix_ms + run.submitted.deadline_ms;
  const auto now = config_->unix_ms();
  return milliseconds(now < end ? end - now : 0);
}

// -- end ----

void run_keeper_state::replied(std::vector<call_reply>& replies) {
  for (auto& answer : replies) {
    const auto found = executions_.find(answer.id);
    if (found == executions_.end() || found->second.stage != execution::stage_t::running)
      continue;
    if (answer.code == ec::shutting_down)
      found->second.stage = execution::stage_t::preparing; // the node ends, the run does not
    else
      end(answer.id, std::move(answer));
  }
}

/// The root call returned: first its value is where it lasts.
void run_keeper_state::end(call_id root, call_reply answer) {
  auto& x = executions_.at(root);
  x.stage = execution::stage_t::ending;
  x.answer = std::move(answer);
  const auto& reply = *x.answer;
  cluster::complete_run end;
  end.name = x.run->submitted.name;
  end.attempt = x.run->attempt;
  end.code = reply.code;
  end.is_text = reply.is_text;
  end.error = reply.code == ec::none ? std::string{} : one_sentence(reply);
  end.unix_ms = config_->unix_ms();
  end.run_ns = count_of(reply.run);
  end.queued_ns = count_of(reply.queued);
  end.start_ns = count_of(reply.start);
  if (const auto* entry = book_->find(root)) {
    end.actions = entry->row.actions;
    end.actions_failed = entry->row.actions_failed;
  }
  keep_value(
    reply.value,
    [this, root, end, attempt = x.run->attempt](cluster::stored_value kept) mutable {
      end.value = std::move(kept);
      if (executed(root, attempt))
        complete(root, std::move(end));
    },
    [this, root, attempt = x.run->attempt](const caf::error&) {
      if (executed(root, attempt))
        put_off(root);
    });
}

void run_keeper_state::complete(call_id root, cluster::complete_run end) {
  executions_.at(root).answer_digest = end.value.digest;
  self_->request(config_->control, caf::infinite, atom::propose::value, cluster::command(std::move(end)))
    .then(
      [this, root](const cluster::outcome& outcome) {
        // Decided, by us or by somebody else: the fact has been told before this answer, and the execution is over.
        const auto verdict = cluster::verdict_of(outcome.code);
        if (verdict != cluster::run_verdict::holds && executions_.contains(root))
          verdict == cluster::run_verdict::later ? put_off(root) : drop(root, outcome.message);
      },
      [this, root](const caf::error&) {
        if (executions_.contains(root))
          put_off(root);
      });
}

/// It ends without its root call.
void run_keeper_state::fail(call_id root, const failure& why) { end(root, text_reply(root, why.code, why.message)); }

void run_keeper_state::put_off(call_id root) {
  auto& x = executions_.at(root);
  if (!std::exchange(x.retries, true))
    self_->delayed_send(self_, defaults::run_retry_interval, atom::retry::value, root);
}

void run_keeper_state::resume(call_id root) {
  const auto found = executions_.find(root);
  if (found == executions_.end())
    return;
  auto& x = found->second;
  if (!std::exchange(x.retries, false))
    return; // the timer was that of its submission: what it waits for is on its way
  if (x.stage == execution::stage_t::preparing)
    prepare(root);
  else if (x.stage == execution::stage_t::ending)
    end(root, std::move(*x.answer));
}

/// It is not ours to execute any more: what runs of it is stopped, and nobody hears of that.
void run_keeper_state::drop(call_id root, const std::string& why) {
  auto gone = executions_.extract(root);
  if (!gone.empty() && gone.mapped().supervisor && gone.mapped().stage == execution::stage_t::running)
    self_->send(gone.mapped().supervisor, atom::cancel::value,
                std::vector<cancellation>{{caller_actor(self_), root, ec::aborted, why}});
}

void run_keeper_state::wish_abort(run_entry& run) {
  const auto found = executions_.find(run.root());
  if (found == executions_.end())
    return;
  auto& x = found->second;
  x.run = run.durable;
  if (x.stage == execution::stage_t::running)
    self_->send(x.supervisor, atom::cancel::value,
                std::vector<cancellation>{{caller_actor(self_), run.root(), ec::aborted, run.durable->abort_reason}});
  else if (x.stage == execution::stage_t::preparing)
    fail(run.root(), {ec::aborted, run.durable->abort_reason});
}

/// A supervisor ends with its node, and then the runs go on elsewhere or later; or by a fault, and then they start again.
void run_keeper_state::supervisor_down(const caf::actor_addr& supervisor) {
  std::vector<call_id> orphans;
  for (const auto& [root, x] : executions_)
    if (x.supervisor && x.supervisor.address() == supervisor)
      orphans.push_back(root);
  for (auto root : orphans) {
    auto& x = executions_.at(root);
    x.supervisor = supervisor_actor{};
    if (x.stage != execution::stage_t::running)
      continue;
    x.stage = execution::stage_t::preparing;
    if (const auto code = cluster::after_loss(x.run->submitted.lost, 1); code != ec::none)
      fail(root, {code, std::string(sentence(code))});
    else
      put_off(root);
  }
}

} // namespace hearth
