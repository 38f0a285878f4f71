#include "tests/sim/cluster_oracle.hpp"

#include "cluster/hash.hpp"

#include <algorithm>

namespace hearth::sim {

using namespace cluster;

namespace {

// A decision of the leader may lie in the log for so long before it holds.
constexpr instant decision_delay = from_ms(6000);
// Its digest reads the whole state, so it is not compared at each entry.
constexpr log_index compared_every = 16;

std::string text(std::uint64_t number) { return std::to_string(number); }

std::uint64_t hash_of(const effects::applied& what) {
  hash_of_sequence hash;
  hash.add(what.order.index()).add(static_cast<std::uint64_t>(what.result.code)).add(what.result.index);
  hash.add(what.origin.lo).add(what.facts.size());
  for (const auto& fact : what.facts)
    hash.add(fact.index());
  return hash.value();
}

} // namespace

// -- the control log ----

bool cluster_oracle::applied(instant now, const effects::applied& what, const control_state& state) {
  const auto hash = hash_of(what);
  if (const auto [known, is_new] = entries_.emplace(what.index, hash); !is_new && known->second != hash)
    throw violation("I1: entry " + text(what.index) + " is not the same everywhere.");
  if (state.applied() % compared_every == 0)
    compare(state);
  if (what.index <= seen_)
    return false;
  seen_ = what.index;
  if (const auto* renewal = std::get_if<renew>(&what.order)) {
    ++renewals_;
    if (state.image().cluster_time_ms < std::max(cluster_time_ms_, renewal->cluster_time_ms))
      throw violation("I3: the time of the cluster goes back.");
    cluster_time_ms_ = std::max(cluster_time_ms_, renewal->cluster_time_ms);
  }
  check_members(now, what, state);
  for (const auto& fact : what.facts) {
    if (const auto* began = std::get_if<facts::seat_began>(&fact)) {
      on(*began, what);
      seated_[began->node] = now;
    } else if (const auto* owner = std::get_if<facts::owner_changed>(&fact)) {
      on(*owner, what, now);
    } else if (const auto* ended = std::get_if<facts::run_ended>(&fact)) {
      check_end(ended->name, state);
    }
  }
  check_runs(now, what);
  return true;
}

void cluster_oracle::compare(const control_state& state) {
  const auto digest = state.digest();
  if (const auto [known, is_new] = digests_.emplace(state.applied(), digest); !is_new && known->second != digest)
    throw violation("I1: two nodes that have applied entry " + text(state.applied()) + " have different states.");
}

void cluster_oracle::leads(std::size_t node, std::uint32_t generation, std::uint64_t term) {
  if (const auto [known, is_new] = leaders_.emplace(std::pair(generation, term), node);
      !is_new && known->second != node)
    throw violation("I1: " + called(node) + " and " + called(known->second) + " lead term " + text(term) + ".");
}

void cluster_oracle::answered(log_index index) {
  if (index > seen_)
    throw violation("I2: somebody was told of entry " + text(index) + ", which nobody has applied.");
  answered_ = std::max(answered_, index);
}

// -- members ----

void cluster_oracle::check_members(instant now, const effects::applied& what, const control_state& state) {
  for (const auto& fact : what.facts) {
    if (const auto* changed = std::get_if<facts::member_changed>(&fact)) {
      const auto* who = state.find_member(changed->node);
      if (who->removed)
        removed_.insert(changed->node);
      if (who->draining)
        drained_.emplace(changed->node, now);
      else
        drained_.erase(changed->node);
    } else if (const auto* ended = std::get_if<facts::seat_ended>(&fact)) {
      seats_.erase(ended->seat);
      seated_.erase(ended->node);
      if (ended->how == departure::left)
        left_.insert(ended->seat);
      for (auto& [run, at] : places_)
        if (at.home == ended->seat)
          at.home = {};
    }
  }
}

void cluster_oracle::on(const facts::seat_began& what, const effects::applied& entry) {
  if (removed_.contains(what.node))
    throw violation("I20: " + called(what.node.lo - 1) + " was removed, and takes a seat.");
  const auto& order = std::get<take_seat>(entry.order);
  auto& [incarnation, nonce] = incarnations_[what.node];
  if (order.incarnation < incarnation || (order.incarnation == incarnation && order.nonce != nonce))
    throw violation("I20: " + called(what.node.lo - 1) + " takes a seat with an old copy of its disk.");
  incarnation = order.incarnation;
  nonce = order.nonce;
  seats_[what.seat] = all_seats_[what.seat] = what.node;
}

std::string cluster_oracle::holder(seat_id seat) const {
  const auto found = all_seats_.find(seat);
  return found == all_seats_.end() ? "nobody" : called(found->second.lo - 1);
}

// -- owners ----

bool cluster_oracle::could_avoid(seat_id seat, instant now) const {
  const auto for_long = [&](instant since) { return since + decision_delay < now; };
  const auto node = seats_.find(seat);
  if (node == seats_.end())
    return false;
  const auto drained = drained_.find(node->second);
  return drained != drained_.end() && for_long(drained->second)
         && std::any_of(seated_.begin(), seated_.end(),
                        [&](const auto& other) { return for_long(other.second) && !drained_.contains(other.first); });
}

void cluster_oracle::on(const facts::owner_changed& what, const effects::applied& entry, instant now) {
  auto& before = owners_[what.key];
  if (const auto* given_up = std::get_if<release>(&entry.order); given_up != nullptr && given_up->epoch != before.epoch)
    throw violation("I4: somebody who owned " + what.key + " before gives up what is another one's.");
  if (what.owner) {
    if (before.owner)
      throw violation("I5: " + what.key + " has two owners.");
    if (what.epoch <= before.epoch)
      throw violation("I4: the epoch of " + what.key + " does not rise.");
    if (!seats_.contains(what.owner))
      throw violation("I5: " + what.key + " belongs to a seat that is not there.");
    if (could_avoid(what.owner, now))
      throw violation("a node that is being drained was given " + what.key + ".");
  }
  before = {what.owner, std::max(before.epoch, what.epoch)};
  if (what.owner)
    grants_[{what.key, what.epoch}] = what.owner;
}

void cluster_oracle::acts(std::size_t node, const std::string& key, hearth::epoch epoch) const {
  const auto grant = grants_.find({key, epoch});
  // An operator who ends the seat of a node that is there does not wait for its lease; epochs fence it (I4).
  if (grant != grants_.end() && left_.contains(grant->second))
    return;
  if (grant == grants_.end() || owners_.at(key).epoch > epoch)
    throw violation("I5: " + called(node) + " acts as the owner of " + key + " of epoch " + text(epoch.value)
                    + ", and there is a newer one.");
}

void cluster_oracle::admits(std::size_t node, unsigned process, const std::string& key, hearth::epoch epoch) {
  auto& [whose, highest] = fences_[{node, key}];
  if (whose == process && epoch < highest)
    throw violation("I4: " + called(node) + " does what the owner of " + key + " of epoch " + text(epoch.value)
                    + " wants, after it has served a newer one.");
  whose = process;
  highest = epoch;
}

// -- runs ----

// What the log says of homes and attempts, told again from its orders alone.
void cluster_oracle::check_runs(instant now, const effects::applied& what) {
  if (what.result.code != ec::none)
    return;
  if (const auto* run = std::get_if<accept_run>(&what.order)) {
    for (const auto& fact : what.facts)
      if (std::holds_alternative<facts::run_accepted>(fact)
          && !places_.emplace(run_of(run->name), place{seats_.contains(run->home) ? run->home : seat_id{}, 1}).second)
        throw violation("I7: " + run->name + " was accepted twice.");
  } else if (const auto* moved = std::get_if<rehome_runs>(&what.order)) {
    for (const auto& fact : what.facts)
      if (const auto* one = std::get_if<facts::run_rehomed>(&fact)) {
        auto& at = places_[run_of(one->name)];
        at = {moved->home, at.attempt + 1};
        if (could_avoid(moved->home, now))
          throw violation("a node that is being drained became the home of " + one->name + ".");
      }
  } else if (const auto* claim = std::get_if<claim_run>(&what.order)) {
    const auto& at = places_[run_of(claim->name)];
    if (at.attempt != claim->attempt || at.home != claim->home)
      throw violation("I9: " + claim->name + " was claimed by who is not the home of its attempt.");
  }
}

void cluster_oracle::check_end(const std::string& name, const control_state& state) {
  const auto* run = state.find_run(std::string_view(name));
  if (run == nullptr)
    return;
  const auto number = run_of(name);
  if (!ends_.emplace(number, std::string(run->end.value.content.view())).second)
    throw violation("I7: " + name + " ended twice.");
  if (run->end.code == ec::none && run->end.value.content.view() != value_of(number))
    throw violation("I8: " + name + " returned " + std::string(run->end.value.content.view()) + ", and not "
                    + value_of(number) + ".");
  if (run->end.code == ec::none && started(number) == 0)
    throw violation("I8: " + name + " returned something and was never started.");
}

std::string cluster_oracle::value_of(std::uint64_t run) {
  auto value = name_of(run) + ":";
  for (std::uint32_t child = 0; child < children_of(run); ++child)
    value += " " + child_value({run, child});
  return value;
}

void cluster_oracle::starts(std::uint64_t run) {
  if (++starts_[run] > 1 && at_most_once_[run])
    throw violation("I9: " + name_of(run) + " has lost=0 and starts twice.");
}

std::uint32_t cluster_oracle::started(std::uint64_t run) const {
  const auto found = starts_.find(run);
  return found == starts_.end() ? 0 : found->second;
}

void cluster_oracle::child_runs(std::size_t home, child_name child, std::uint32_t call, instant begun, bool excused) {
  ++child_runs_;
  const auto kept = records_.find({home, child});
  if (kept != records_.end() && kept->second <= begun && !excused && calls_[child.first] == call)
    throw violation("child " + child_value(child) + " runs again although its home has recorded what it returned.");
}

std::string cluster_oracle::unfinished(const control_state& state) const {
  for (const auto number : accepted_) {
    const auto name = name_of(number);
    const auto* run = state.find_run(std::string_view(name));
    if (run == nullptr)
      return "I7: " + name + " was accepted and is not known.";
    if (run->open())
      return "I7: " + name + " has not ended.";
    if (const auto end = ends_.find(number); end == ends_.end() || end->second != run->end.value.content.view())
      return "I8: the end of " + name + " has changed.";
  }
  for (const auto& [key, environment] : state.image().environments)
    if (environment.owner && state.find_seat(environment.owner) == nullptr)
      return "I19: " + key + " stays with a seat that ended.";
  return state.orphaned_environments().empty() ? std::string() : "I19: an environment has no owner.";
}

} // namespace hearth::sim
