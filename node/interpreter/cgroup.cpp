#include "node/interpreter/cgroup.hpp"

#include <fcntl.h>
#include <kj/io.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <utility>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

/// The node's own place beside the replicas.
constexpr const char* node_group = "node";

constexpr std::uint32_t period_us = 100'000;                 // of cpu.max; the kernel's own default
constexpr std::uint32_t weight_of_core = 100;                // of cpu.weight; likewise
constexpr std::uint32_t weight_min = 1, weight_max = 10'000; // the kernel's bounds
constexpr std::uint32_t cpu_max_us_min = 1'000;              // likewise

bool write(const fs::path& file, const std::string& text) {
  const kj::AutoCloseFd open(::open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  return open.get() >= 0 && ::write(open, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

bool names(const fs::path& list, const std::string& wanted) {
  std::ifstream words(list);
  for (std::string word; words >> word;)
    if (word == wanted)
      return true;
  return false;
}

bool enforce(const fs::path& group, const cgroup_limits& limits, bool has_cpu) {
  if (limits.memory_bytes != 0) {
    if (!write(group / "memory.max", std::to_string(limits.memory_bytes)))
      return false;
    // What is over the limit ends, as a whole, rather than goes on slowly or in part. Both are missing on some kernels.
    write(group / "memory.swap.max", "0");
    write(group / "memory.oom.group", "1");
  }
  if (has_cpu && limits.cpu_millis != 0)
    write(group / "cpu.weight",
          std::to_string(std::clamp(limits.cpu_millis * weight_of_core / 1000, weight_min, weight_max)));
  if (has_cpu && limits.cpu_max_millis != 0) {
    const auto quota = std::max<std::uint64_t>(cpu_max_us_min, std::uint64_t{limits.cpu_max_millis} * period_us / 1000);
    write(group / "cpu.max", std::to_string(quota) + ' ' + std::to_string(period_us));
  }
  return true;
}

} // namespace

cgroup::cgroup(fs::path directory, std::shared_ptr<std::vector<fs::path>> left)
  : directory_(std::move(directory)), left_(std::move(left)), kills_before_(kills()) {}

cgroup::~cgroup() {
  if (::rmdir(directory_.c_str()) != 0 && errno == EBUSY)
    left_->push_back(directory_);
}

bool cgroup::add(pid_t pid) const { return write(directory_ / "cgroup.procs", std::to_string(pid)); }

std::uint64_t cgroup::kills() const {
  std::ifstream events(directory_ / "memory.events");
  std::string name;
  std::uint64_t count = 0;
  while (events >> name >> count)
    if (name == "oom_kill")
      return count;
  return 0;
}

cgroup_tree::cgroup_tree(fs::path own, bool has_cpu)
  : own_(std::move(own)), has_cpu_(has_cpu), left_(std::make_shared<std::vector<fs::path>>()) {}

std::optional<cgroup_tree> cgroup_tree::claim(const fs::path& own, pid_t self) {
  if (own.empty() || !names(own / "cgroup.controllers", "memory"))
    return std::nullopt;
  const auto node = own / node_group;
  std::error_code error;
  if (!fs::create_directory(node, error) && error)
    return std::nullopt;
  const auto who = std::to_string(self);
  const bool has_moved = write(node / "cgroup.procs", who);
  if (has_moved && write(own / "cgroup.subtree_control", "+memory"))
    return cgroup_tree(own, names(own / "cgroup.controllers", "cpu") && write(own / "cgroup.subtree_control", "+cpu"));
  if (has_moved)
    write(own / "cgroup.procs", who);
  fs::remove(node, error);
  return std::nullopt;
}

void cgroup_tree::remove_left() {
  std::erase_if(*left_, [](const auto& group) { return ::rmdir(group.c_str()) == 0 || errno != EBUSY; });
}

std::unique_ptr<cgroup> cgroup_tree::make(replica_id id, const cgroup_limits& limits) {
  remove_left();
  auto directory = own_ / ("replica-" + std::to_string(id.value));
  std::error_code error;
  // There is one of that name where a node did not come to remove it.
  if (!fs::create_directory(directory, error) && error)
    return nullptr;
  std::unique_ptr<cgroup> made(new cgroup(std::move(directory), left_));
  return enforce(made->directory_, limits, has_cpu_) ? std::move(made) : nullptr;
}

} // namespace hearth::node
