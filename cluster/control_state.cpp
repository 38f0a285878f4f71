#include "cluster/control_state.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace hearth::cluster {

control_state::control_state(std::vector<node_uuid> voters, std::uint32_t mutations) : mutations_(mutations) {
  std::sort(voters.begin(), voters.end());
  image_.voters = std::move(voters);
}

control_state::control_state(control_image image, std::uint32_t mutations)
  : mutations_(mutations), image_(std::move(image)) {
  index_everything();
  if (mutated(roots_lost_with_snapshot))
    by_root_.clear();
}

control_state::decision control_state::apply(log_index index, const command& order) {
  if (index <= image_.applied)
    return {refused(ec::conflict, "Entry " + std::to_string(index) + " of the control log was applied before."), {}};
  image_.applied = index;
  facts_.clear();
  auto result = std::visit([this](const auto& what) { return on(what); }, order);
  return {std::move(result), std::exchange(facts_, {})};
}

control_state::decision control_state::seal(log_index index, std::vector<node_uuid> voters) {
  if (index <= image_.applied)
    return {refused(ec::conflict, "Entry " + std::to_string(index) + " of the control log was applied before."), {}};
  image_.applied = index;
  facts_.clear();
  choose_voters(std::move(voters));
  return {done(), std::exchange(facts_, {})};
}

void control_state::pass(log_index index) noexcept { image_.applied = std::max(image_.applied, index); }

outcome control_state::done() const {
  outcome result;
  result.index = image_.applied;
  return result;
}

outcome refused(ec code, std::string message) {
  outcome result;
  result.code = code;
  result.message = std::move(message);
  return result;
}

void control_state::index_everything() {
  for (auto& [name, run] : image_.runs)
    index_run(run);
  for (const auto& [key, environment] : image_.environments)
    for (const auto& [version, spec] : environment.specs)
      spec_bytes_ += spec.spec.size();
  for (const auto& [name, token] : image_.tokens)
    tokens_by_digest_.emplace(token.digest, name);
}

void control_state::index_run(run_record& run) {
  by_root_.insert_or_assign(run.order.root, &run);
  by_age_.insert_or_assign(run.accepted, &run);
  auto& need = needs_[{run.order.key, run.order.version}];
  if (run.open()) {
    open_.insert_or_assign(run.accepted, &run);
    ++open_of_[run.order.key];
    ++need.open;
    open_bytes_ += charge(run);
  } else {
    ended_.insert_or_assign(run_order{run.ended, run.accepted}, &run);
    ++need.kept;
    ended_bytes_ += charge(run);
  }
}

// -- queries ----

const member* control_state::find_member(node_uuid node) const {
  const auto found = image_.members.find(node);
  return found == image_.members.end() ? nullptr : &found->second;
}

const seat_record* control_state::find_seat(seat_id seat) const {
  const auto found = image_.seats.find(seat);
  return found == image_.seats.end() ? nullptr : &found->second;
}

const seat_record* control_state::seat_of(node_uuid node) const {
  const auto* who = find_member(node);
  return who == nullptr ? nullptr : find_seat(who->seat);
}

bool control_state::draining(seat_id seat) const {
  const auto* place = find_seat(seat);
  const auto* who = place == nullptr ? nullptr : find_member(place->node);
  return who != nullptr && who->draining;
}

const environment_record* control_state::find_environment(std::string_view key) const {
  const auto found = image_.environments.find(std::string(key));
  return found == image_.environments.end() ? nullptr : &found->second;
}

std::pair<seat_id, hearth::epoch> control_state::owner_of(std::string_view key) const {
  const auto* environment = find_environment(key);
  if (environment == nullptr || !environment->owner)
    return {};
  return {environment->owner, environment->epoch};
}

std::vector<std::string> control_state::orphaned_environments() const {
  std::vector<std::string> result;
  for (const auto& [key, environment] : image_.environments)
    if (!environment.owner && (!environment.deployed.empty() || environment.lost || open_of_.contains(key)))
      result.push_back(key);
  return result;
}

const run_record* control_state::find_run(std::string_view name) const {
  const auto found = image_.runs.find(std::string(name));
  return found == image_.runs.end() ? nullptr : &found->second;
}

const run_record* control_state::find_run(call_id root) const {
  const auto found = by_root_.find(root);
  return found == by_root_.end() ? nullptr : found->second;
}

std::vector<const run_record*> control_state::orphaned_runs(std::size_t limit) const {
  std::vector<const run_record*> result;
  for (const auto& [index, run] : open_) {
    if (result.size() >= limit)
      break;
    if (!run->home)
      result.push_back(run);
  }
  return result;
}

std::vector<const run_record*> control_state::runs(std::size_t limit, log_index before) const {
  std::vector<const run_record*> result;
  auto end = before == 0 ? by_age_.end() : by_age_.lower_bound(before);
  while (end != by_age_.begin() && result.size() < limit)
    result.push_back((--end)->second);
  return result;
}

std::vector<const run_record*> control_state::runs_at(seat_id home) const {
  std::vector<const run_record*> result;
  for (const auto& [index, run] : open_)
    if (home && run->home == home)
      result.push_back(run);
  return result;
}

log_index control_state::generation_of(std::string_view scope) const {
  log_index result = 0;
  for (auto part = scope;;) {
    if (const auto found = image_.cache_generations.find(std::string(part)); found != image_.cache_generations.end())
      result = std::max(result, found->second);
    if (part.empty())
      return result;
    const auto slash = part.rfind('/');
    part = part.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
}

const token_record* control_state::find_token(std::string_view digest) const {
  const auto found = tokens_by_digest_.find(std::string(digest));
  if (found == tokens_by_digest_.end())
    return nullptr;
  const auto token = image_.tokens.find(found->second);
  return token == image_.tokens.end() ? nullptr : &token->second;
}

} // namespace hearth::cluster
