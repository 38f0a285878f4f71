#include "actors/capacity.hpp"

#include "core/defaults.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace hearth {

namespace {

/// At most one digit after the point, and none that is 0.
std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f", value);
  std::string result(text);
  if (result.ends_with(".0"))
    result.resize(result.size() - 2);
  return result;
}

std::string in_words(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  return bytes < defaults::gib ? short_number(value / static_cast<double>(defaults::mib)) + " MiB"
                               : short_number(value / static_cast<double>(defaults::gib)) + " GiB";
}

std::string in_cores(std::uint32_t millis) {
  return short_number(millis / 1000.0) + (millis == 1000 ? " core" : " cores");
}

} // namespace

demand demand_of(const resource_spec& resources) {
  return {resources.memory_bytes != 0 ? resources.memory_bytes : resources.memory_limit_bytes,
          resources.cpu_millis != 0 ? resources.cpu_millis : resources.cpu_limit_millis, resources.gpu};
}

std::uint64_t memory_limit_of(const resource_spec& resources) {
  return resources.memory_limit_bytes != 0 ? resources.memory_limit_bytes : resources.memory_bytes;
}

capacity::capacity(node_resources has, std::string node)
  : has_(std::move(has)), node_(std::move(node)), free_gpus_(has_.gpus.begin(), has_.gpus.end()) {}

failure capacity::unfit(const environment_spec& spec) const {
  const auto wanted = demand_of(spec.resources);
  const auto refuse = [&](const std::string& asked, const std::string& found, const std::string& parameter) {
    return failure{ec::does_not_fit, "Environment " + spec.name + " asks for " + asked + " per replica; node " + node_
                                       + " has " + found + ". Ask for less with Resources(" + parameter
                                       + "=...), or run a node on a larger machine."};
  };
  if (wanted.memory_bytes > has_.memory_bytes)
    return refuse(in_words(wanted.memory_bytes) + " of memory", in_words(has_.memory_bytes), "memory");
  if (has_.cpu_bars && wanted.cpu_millis > has_.cpu_millis)
    return refuse(in_cores(wanted.cpu_millis), in_cores(has_.cpu_millis), "cpu");
  if (wanted.gpus > free_gpus_.size() + reserved_.gpus)
    return refuse(std::to_string(wanted.gpus) + (wanted.gpus == 1 ? " GPU" : " GPUs"),
                  has_.gpus.empty() ? "none" : std::to_string(has_.gpus.size()), "gpu");
  return {};
}

std::string capacity::lacks(const demand& wanted) const {
  if (free_gpus() < wanted.gpus)
    return "gpu";
  // Compared with what is wanted of it only: what costs nothing also starts on a node that is more than full.
  if (wanted.memory_bytes != 0 && reserved_.memory_bytes + wanted.memory_bytes > has_.memory_bytes)
    return "memory";
  if (has_.cpu_bars && wanted.cpu_millis != 0 && reserved_.cpu_millis + wanted.cpu_millis > has_.cpu_millis)
    return "cpu";
  return {};
}

std::uint32_t capacity::free_gpus() const {
  return static_cast<std::uint32_t>(
    std::count_if(free_gpus_.begin(), free_gpus_.end(), [this](auto gpu) { return elsewhere_.count(gpu) == 0; }));
}

std::variant<capacity::grant, capacity::lacking> capacity::reserve(replica_id id, const demand& wanted, bool alone) {
  grant result;
  for (const auto gpu : free_gpus_)
    if (result.gpus.size() < wanted.gpus && elsewhere_.count(gpu) == 0)
      result.gpus.push_back(gpu);
  result.beyond = lacks(wanted);
  if (result.beyond == "gpu")
    return lacking{"gpu"};
  if (!result.beyond.empty() && !alone)
    return lacking{result.beyond};
  for (const auto gpu : result.gpus)
    free_gpus_.erase(gpu);
  reserved_.memory_bytes += wanted.memory_bytes;
  reserved_.cpu_millis += wanted.cpu_millis;
  reserved_.gpus += wanted.gpus;
  held_.emplace(id, holding{wanted, result.gpus});
  return result;
}

std::vector<std::uint32_t> capacity::release(replica_id id) {
  const auto found = held_.find(id);
  if (found == held_.end())
    return {};
  const auto back = std::move(found->second);
  held_.erase(found);
  reserved_.memory_bytes -= back.what.memory_bytes;
  reserved_.cpu_millis -= back.what.cpu_millis;
  reserved_.gpus -= back.what.gpus;
  free_gpus_.insert(back.gpus.begin(), back.gpus.end());
  return back.gpus;
}

} // namespace hearth
