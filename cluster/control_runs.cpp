#include "cluster/control_state.hpp"
#include "core/defaults.hpp"

#include <algorithm>

/// Runs from their acceptance to their one end, and what is remembered of them.
namespace hearth::cluster {

namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

std::optional<outcome> refusal(const stored_value& value, const std::string& of) {
  if (value.content.size() > defaults::inline_value_bytes_max)
    return refused(ec::bad_request, of + " has " + std::to_string(value.content.size())
                                      + " bytes, too many for the control log; it has to be stored as a blob.");
  if (!value.content.empty() && value.content.size() != value.size)
    return refused(ec::bad_request, of + " is not as long as it says.");
  if (value.content.empty() && value.size > 0 && value.digest.empty())
    return refused(ec::bad_request, of + " is a blob without a digest.");
  return std::nullopt;
}

bool says_the_same(const complete_run& a, const complete_run& b) {
  return a.attempt == b.attempt && a.code == b.code && a.is_text == b.is_text && a.error == b.error
         && same(a.value, b.value);
}

outcome unknown(const std::string& name) {
  return refused(ec::unknown_run, "There is no run " + name + "; `hearth get runs` lists those that are kept.");
}

outcome ended_already(const run_record& run) {
  return refused(ec::conflict, "Run " + run.order.name + " has ended already.");
}

} // namespace

run_record* control_state::run_called(const std::string& name) {
  const auto found = image_.runs.find(name);
  return found == image_.runs.end() ? nullptr : &found->second;
}

// Why a run that is not known yet is not accepted.
std::optional<outcome> control_state::refusal(const accept_run& order) const {
  const auto text = order.name.size() + order.request_digest.size() + order.principal.size() + order.project.size()
                    + order.domain.size() + order.key.size() + order.version.size() + order.task_name.size()
                    + order.inputs.size() + order.rerun_of.size();
  if (order.name.empty() || !order.root || text > defaults::command_text_bytes_max)
    return refused(ec::bad_request, "A run needs an id, and a name and inputs of reasonable length.");
  if (auto why = cluster::refusal(order.arguments, "The arguments of run " + order.name))
    return why;
  const auto chosen = chosen_ms(order.root);
  const auto ahead = static_cast<std::uint64_t>(duration_cast<milliseconds>(defaults::id_ahead_max).count());
  if (order.unix_ms != 0 && chosen > order.unix_ms + ahead)
    return refused(ec::bad_request, "The clock of the client of run " + order.name
                                      + " is more than an hour ahead of its node's; set one of them.");
  if (chosen < image_.horizon_ms)
    return refused(ec::gone, "Run " + order.name + " was submitted too long ago: what became of runs of that time is "
                               + "forgotten. Submit it as a new one if it has to run again.");
  const auto* environment = find_environment(order.key);
  if (environment == nullptr || !environment->specs.contains(order.version))
    return refused(ec::unknown_environment, "The cluster does not know version " + order.version + " of environment "
                                              + order.key + "; it has to be put first.");
  if (open_.size() >= defaults::open_runs_max)
    return refused(ec::overloaded, "The cluster has " + std::to_string(open_.size())
                                     + " unfinished runs, its limit; wait until some have ended.");
  if (open_bytes_ + order.arguments.content.size() + text > defaults::open_runs_bytes_max)
    return refused(ec::overloaded, "The arguments of unfinished runs fill what the cluster keeps for them; wait until "
                                   "some have ended.");
  return std::nullopt;
}

outcome control_state::on(const accept_run& order) {
  auto result = done();
  if (const auto* known = find_run(order.root); known != nullptr) {
    if (known->order.request_digest != order.request_digest || known->order.principal != order.principal)
      return refused(ec::conflict,
                     "The id of run " + known->order.name + " was used again for something else; draw a new one.");
    result.index = known->accepted;
    return result;
  }
  if (run_called(order.name) != nullptr)
    return refused(ec::name_taken, "There is a run called " + order.name + " already; choose another name.");
  if (auto why = refusal(order))
    return *why;
  run_record run;
  run.order = order;
  run.accepted = image_.applied;
  if (find_seat(order.home) != nullptr) {
    run.home = order.home;
    run.placed = true;
  }
  auto& kept = image_.runs.emplace(order.name, std::move(run)).first->second;
  index_run(kept);
  happened(facts::run_accepted{order.name});
  if (!kept.home)
    happened(facts::run_orphaned{order.name});
  return result;
}

outcome control_state::on(const claim_run& order) {
  auto* run = run_called(order.name);
  if (run == nullptr)
    return unknown(order.name);
  if (!run->open())
    return ended_already(*run);
  if ((run->attempt != order.attempt || run->home != order.home || !run->home) && !mutated(anybody_claims))
    return refused(ec::stale_epoch, "Run " + order.name + " goes on elsewhere.");
  if (run->abort_wanted)
    return refused(ec::aborted, "Run " + order.name + " is to be aborted: " + run->abort_reason);
  if (run->phase == run_phase::accepted) {
    run->phase = run_phase::claimed;
    happened(facts::run_claimed{order.name});
  }
  return done();
}

outcome control_state::on(const complete_run& order) {
  auto* run = run_called(order.name);
  if (run == nullptr)
    return unknown(order.name);
  auto result = done();
  if (!run->open() && mutated(complete_overwrites)) {
    run->end = order;
    return result;
  }
  if (!run->open()) {
    if (!says_the_same(run->end, order))
      return ended_already(*run);
    result.index = run->ended;
    return result;
  }
  if (order.attempt == 0 || order.attempt > run->attempt)
    return refused(ec::bad_request, "Run " + order.name + " has had no attempt " + std::to_string(order.attempt) + ".");
  if (order.error.size() > defaults::command_text_bytes_max)
    return refused(ec::bad_request, "The error of run " + order.name + " is too long a sentence.");
  if (auto why = cluster::refusal(order.value, "The result of run " + order.name))
    return *why;
  end(*run, order);
  return result;
}

outcome control_state::on(const abort_run& order) {
  auto* run = run_called(order.name);
  if (run == nullptr)
    return unknown(order.name);
  if (!run->open())
    return ended_already(*run);
  if (run->abort_wanted)
    return done();
  open_bytes_ -= charge(*run);
  run->abort_wanted = true;
  run->abort_reason = order.reason.substr(0, defaults::kib);
  open_bytes_ += charge(*run);
  happened(facts::run_abort_wanted{order.name});
  if (!run->home)
    end_by_cluster(*run, ec::aborted, run->abort_reason, order.unix_ms);
  return done();
}

outcome control_state::on(const rehome_runs& order) {
  if (find_seat(order.home) == nullptr)
    return refused(ec::stale_epoch, "Runs cannot go on at a node that is not there.");
  for (const auto& name : order.names)
    if (auto* run = run_called(name); run != nullptr && run->open() && !run->home)
      rehome(*run, order);
  return done();
}

void control_state::rehome(run_record& run, const rehome_runs& order) {
  const auto& name = run.order.name;
  if (mutated(rehome_drops)) {
    run.placed = true;
    run.home = seat_id{1};
    return;
  }
  if (run.abort_wanted)
    return end_by_cluster(run, ec::aborted, run.abort_reason, order.unix_ms);
  if (run.placed)
    ++run.losses;
  if (run.order.lost == 0 && run.phase == run_phase::claimed && !mutated(restart_after_claim))
    return end_by_cluster(run, ec::maybe_executed,
                          "The node of run " + name + " was lost after the run had begun; it may have taken effect, and "
                            + "lost=0 forbids to run it again.",
                          order.unix_ms);
  if (run.order.lost != 0 && run.losses > run.order.lost)
    return end_by_cluster(run, ec::node_lost,
                          "Run " + name + " has lost its node " + std::to_string(run.losses)
                            + " times; `lost` of its retries allows " + std::to_string(run.order.lost) + ".",
                          order.unix_ms);
  if (!mutated(rehome_same_attempt))
    ++run.attempt;
  run.phase = run_phase::accepted;
  run.home = order.home;
  run.placed = true;
  happened(facts::run_rehomed{name});
}

void control_state::end_by_cluster(run_record& run, ec code, std::string sentence, std::uint64_t unix_ms) {
  complete_run how;
  how.name = run.order.name;
  how.attempt = run.attempt;
  how.code = code;
  how.is_text = true;
  how.value.content = bytes::copy_of(sentence);
  how.value.size = sentence.size();
  how.error = std::move(sentence);
  how.unix_ms = unix_ms;
  end(run, std::move(how));
}

void control_state::end(run_record& run, complete_run how) {
  open_bytes_ -= charge(run);
  open_.erase(run.accepted);
  if (auto open = open_of_.find(run.order.key); open != open_of_.end() && --open->second == 0)
    open_of_.erase(open);
  auto& need = needs_[{run.order.key, run.order.version}];
  --need.open;
  ++need.kept;
  run.phase = run_phase::ended;
  run.home = {};
  run.end = std::move(how);
  run.ended = image_.applied;
  ended_bytes_ += charge(run);
  ended_.emplace(run_order{run.ended, run.accepted}, &run);
  happened(facts::run_ended{run.order.name});
  forget_surplus();
}

void control_state::forget_surplus() {
  while (!ended_.empty()
         && (ended_.size() > defaults::ended_runs_max || ended_bytes_ > defaults::ended_runs_bytes_max))
    forget(*ended_.begin()->second);
}

void control_state::forget(run_record& run) {
  image_.horizon_ms = std::max(image_.horizon_ms, chosen_ms(run.order.root) + 1);
  ended_bytes_ -= charge(run);
  ended_.erase({run.ended, run.accepted});
  by_age_.erase(run.accepted);
  by_root_.erase(run.order.root);
  const spec_name version{run.order.key, run.order.version};
  if (auto need = needs_.find(version); need != needs_.end() && --need->second.kept == 0 && need->second.open == 0)
    needs_.erase(need);
  happened(facts::run_forgotten{run.order.name, run.order.root});
  image_.runs.erase(std::string(run.order.name));
  prune(version.first);
}

} // namespace hearth::cluster
