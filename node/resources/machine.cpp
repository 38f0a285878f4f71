#include "node/resources/machine.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

/// The first number of a file; nothing for "max", "-1" and what is not there.
std::optional<std::uint64_t> number_in(const fs::path& file) {
  std::string word;
  std::ifstream(file) >> word;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  return error == std::errc{} && end == word.data() + word.size() ? std::optional(value) : std::nullopt;
}

/// Where /proc/self/cgroup puts this process: "0::/path" (v2), "4:memory:/path" (v1). Empty: nowhere.
std::string group_of(const fs::path& root, std::string_view controller) {
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (second == std::string::npos)
      continue;
    std::istringstream names(line.substr(first + 1, second - first - 1));
    std::string name;
    bool is_it = controller.empty() && second == first + 1;
    while (std::getline(names, name, ','))
      is_it = is_it || name == controller;
    if (is_it)
      return line.substr(second + 1);
  }
  return {};
}

/// The group and those above it, as far as they are mounted here: each of them bounds. In a container the path may begin
/// outside of what is mounted; what is left of it then leads nowhere, and the mount itself is the container's group.
std::vector<fs::path> bounding(const fs::path& mount, const std::string& group) {
  std::vector<fs::path> result{mount};
  fs::path at = mount;
  for (const auto& part : fs::path(group).relative_path())
    result.push_back(at /= part);
  return result;
}

void lower(std::uint64_t& bound, std::optional<std::uint64_t> to) {
  if (to && *to < bound)
    bound = *to;
}

std::uint64_t memory_of(const fs::path& root) {
  auto bound = std::numeric_limits<std::uint64_t>::max();
  std::ifstream info(root / "proc/meminfo");
  for (std::string line; std::getline(info, line);)
    if (std::uint64_t kib = 0; line.starts_with("MemTotal:") && (std::istringstream(line.substr(9)) >> kib))
      lower(bound, kib * 1024);
  for (const auto& group : bounding(root / "sys/fs/cgroup", group_of(root, "")))
    lower(bound, number_in(group / "memory.max"));
  for (const auto& group : bounding(root / "sys/fs/cgroup/memory", group_of(root, "memory")))
    lower(bound, number_in(group / "memory.limit_in_bytes"));
  if (bound == std::numeric_limits<std::uint64_t>::max())
    bound = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return bound;
}

std::uint64_t cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0)
    return static_cast<std::uint64_t>(CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

std::optional<std::uint64_t> millis(std::optional<std::uint64_t> quota, std::optional<std::uint64_t> period) {
  if (!quota || !period || *period == 0)
    return std::nullopt;
  return std::max<std::uint64_t>(1, *quota * 1000 / *period);
}

std::uint32_t cpu_of(const fs::path& root) {
  auto bound = 1000 * cores();
  for (const auto& group : bounding(root / "sys/fs/cgroup", group_of(root, ""))) {
    std::string quota;
    std::uint64_t period = 0;
    if (std::ifstream(group / "cpu.max") >> quota >> period) // "max 100000", or "150000 100000"
      lower(bound, millis(number_in(group / "cpu.max"), period));
  }
  for (const auto& group : bounding(root / "sys/fs/cgroup/cpu", group_of(root, "cpu")))
    lower(bound, millis(number_in(group / "cpu.cfs_quota_us"), number_in(group / "cpu.cfs_period_us")));
  return static_cast<std::uint32_t>(bound);
}

std::vector<std::uint32_t> gpus_of(const fs::path& root) {
  constexpr std::string_view prefix = "nvidia"; // beside nvidiactl and nvidia-uvm
  std::vector<std::uint32_t> found;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(root / "dev", none)) {
    const auto name = entry.path().filename().string();
    std::uint32_t index = 0;
    if (!name.starts_with(prefix))
      continue;
    const auto* end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + prefix.size(), end, index);
    if (error == std::errc{} && rest == end)
      found.push_back(index);
  }
  std::sort(found.begin(), found.end());
  return found;
}

} // namespace

machine look_at_machine(const fs::path& root) { return {memory_of(root), cpu_of(root), gpus_of(root)}; }

fs::path own_cgroup(const fs::path& root) {
  const auto group = group_of(root, "");
  const auto mount = root / "sys/fs/cgroup";
  std::error_code none;
  if (group.empty() || !fs::exists(mount / "cgroup.controllers", none)) // v1, or both side by side: no memory in v2
    return {};
  const auto own = mount / fs::path(group).relative_path();
  return fs::exists(own / "cgroup.procs", none) ? own : fs::path();
}

} // namespace hearth::node
