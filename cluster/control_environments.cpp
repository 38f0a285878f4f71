#include "cluster/control_state.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <tuple>

/// Whose the environments are, and what is known of their versions.
namespace hearth::cluster {

namespace {

constexpr std::uint32_t level_of_live_fields = 3; // nodes of a lower feature level keep the first bytes of a version

outcome no_room_for(const put_spec& order) {
  return refused(ec::overloaded, "Environment " + order.key + " does not fit into what the cluster keeps: its "
                                   + "description has " + std::to_string(order.spec.size() / 1024)
                                   + " KiB. Pass functions by name instead of by value, or end other runs.");
}

} // namespace

environment_record* control_state::make_environment(const std::string& key) {
  if (const auto found = image_.environments.find(key); found != image_.environments.end())
    return &found->second;
  if (image_.environments.size() >= defaults::control_environments_max) {
    std::vector<std::string> keys;
    for (const auto& [other, environment] : image_.environments)
      keys.push_back(other);
    for (const auto& other : keys)
      prune(other);
    if (image_.environments.size() >= defaults::control_environments_max)
      return nullptr;
  }
  auto& environment = image_.environments[key];
  environment.key = key;
  return &environment;
}

// Versions that only ended runs, or an owner that has its own copy, would miss go first, the oldest of them first.
bool control_state::make_room_for_spec(std::uint64_t size) {
  if (size > defaults::specs_bytes_max)
    return false;
  if (spec_bytes_ + size <= defaults::specs_bytes_max)
    return true;
  std::vector<std::tuple<log_index, std::string, std::string>> candidates;
  for (const auto& [key, environment] : image_.environments)
    for (const auto& [version, spec] : environment.specs) {
      const auto need = needs_.find({key, version});
      if (version != environment.deployed && (need == needs_.end() || need->second.open == 0))
        candidates.emplace_back(spec.put, key, version);
    }
  std::sort(candidates.begin(), candidates.end());
  for (const auto& [put, key, version] : candidates) {
    if (spec_bytes_ + size <= defaults::specs_bytes_max)
      break;
    auto& specs = image_.environments.at(key).specs;
    spec_bytes_ -= specs.at(version).spec.size();
    specs.erase(version);
  }
  return spec_bytes_ + size <= defaults::specs_bytes_max;
}

outcome control_state::on(const put_spec& order) {
  if (order.key.empty() || order.version.empty()
      || order.key.size() + order.version.size() > defaults::command_text_bytes_max)
    return refused(ec::bad_request, "An environment needs a name and a version of reasonable length.");
  auto* environment = make_environment(order.key);
  if (environment == nullptr)
    return refused(ec::overloaded, "The cluster keeps " + std::to_string(image_.environments.size())
                                     + " environments already, its limit.");
  if (!environment->specs.contains(order.version)) {
    if (!make_room_for_spec(order.spec.size())) {
      prune(order.key);
      return no_room_for(order);
    }
    environment->specs.emplace(order.version, spec_record{order.spec, image_.applied});
    spec_bytes_ += order.spec.size();
    happened(facts::spec_put{order.key, order.version});
  } else if (auto& kept = environment->specs.at(order.version);
             order.deployed && image_.level >= level_of_live_fields && kept.spec != order.spec) {
    // Of the same version: what may change in a running pool has changed. Deployed, it holds for whoever comes next.
    if (spec_bytes_ - kept.spec.size() + order.spec.size() > defaults::specs_bytes_max)
      return no_room_for(order);
    spec_bytes_ += order.spec.size();
    spec_bytes_ -= kept.spec.size();
    kept.spec = order.spec;
    happened(facts::spec_put{order.key, order.version});
  }
  if (order.deployed && environment->deployed != order.version) {
    environment->deployed = order.version;
    happened(facts::spec_put{order.key, order.version});
  }
  return done();
}

outcome control_state::on(const undeploy& order) {
  const auto found = image_.environments.find(order.key);
  if (found == image_.environments.end() || found->second.deployed.empty())
    return done();
  found->second.deployed.clear();
  happened(facts::undeployed{order.key});
  prune(order.key);
  return done();
}

outcome control_state::on(const grant& order) {
  if (order.key.empty() || order.key.size() > defaults::command_text_bytes_max)
    return refused(ec::bad_request, "An environment needs a name of reasonable length.");
  if (find_seat(order.seat) == nullptr)
    return refused(ec::stale_epoch, "Environment " + order.key + " cannot be granted to a node that is not there.");
  auto* environment = make_environment(order.key);
  if (environment == nullptr)
    return refused(ec::overloaded, "The cluster keeps " + std::to_string(image_.environments.size())
                                     + " environments already, its limit.");
  if (!environment->owner || mutated(grant_takes_over)) {
    environment->owner = order.seat;
    environment->epoch = hearth::epoch{image_.applied};
    environment->lost = false;
    happened(facts::owner_changed{order.key, environment->owner, environment->epoch});
  }
  auto result = done();
  result.index = environment->epoch.value;
  result.owner = environment->owner;
  result.epoch = environment->epoch;
  return result;
}

outcome control_state::on(const release& order) {
  const auto found = image_.environments.find(order.key);
  if (found == image_.environments.end())
    return done();
  auto& environment = found->second;
  if (environment.epoch != order.epoch && !mutated(anybody_releases)) {
    auto result = refused(ec::stale_epoch, "Environment " + order.key + " was granted again since.");
    result.owner = environment.owner;
    result.epoch = environment.epoch;
    return result;
  }
  if (environment.owner)
    disown(environment, false);
  return done();
}

void control_state::disown(environment_record& environment, bool lost) {
  environment.owner = {};
  environment.lost = lost;
  happened(facts::owner_changed{environment.key, {}, environment.epoch});
  prune(std::string(environment.key)); // may end the record, and its key with it
}

// Drops versions that nobody needs, and the environment with the last of them.
void control_state::prune(const std::string& key) {
  const auto found = image_.environments.find(key);
  if (found == image_.environments.end())
    return;
  auto& environment = found->second;
  if (!environment.owner && !environment.lost)
    std::erase_if(environment.specs, [&](const auto& entry) {
      const bool needed = entry.first == environment.deployed || needs_.contains({key, entry.first});
      if (!needed)
        spec_bytes_ -= entry.second.spec.size();
      return !needed;
    });
  if (!environment.owner && !environment.lost && environment.deployed.empty() && environment.specs.empty()
      && !open_of_.contains(key))
    image_.environments.erase(found);
}

} // namespace hearth::cluster
