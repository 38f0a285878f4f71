#include "node/resources/machine.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

using namespace hearth::node;
using namespace hearth::test;

namespace {

/// A machine of files: 16 GiB.
struct fake_machine {
  scratch root;

  fake_machine() {
    put("proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1 kB\n");
    put("proc/self/cgroup", "0::/\n");
  }

  void put(const std::string& file, const std::string& content) const {
    const auto path = root / file;
    std::filesystem::create_directories(path.parent_path());
    write_file(path, content);
  }

  machine look() const { return look_at_machine(root.path()); }
};

constexpr std::uint64_t gib = 1ULL << 30;

} // namespace

BOOST_FIXTURE_TEST_SUITE(resources_machine, fake_machine)

BOOST_AUTO_TEST_CASE(memory_is_that_of_the_machine_where_no_group_bounds_it) {
  BOOST_TEST(look().memory_bytes == 16 * gib);
  put("sys/fs/cgroup/memory.max", "max\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  BOOST_TEST(look().memory_bytes == 16 * gib);
}

BOOST_AUTO_TEST_CASE(the_lowest_bound_of_the_groups_above_counts) {
  put("proc/self/cgroup", "0::/a/b\n");
  put("sys/fs/cgroup/a/memory.max", "4294967296\n");
  put("sys/fs/cgroup/a/b/memory.max", "8589934592\n");
  BOOST_TEST(look().memory_bytes == 4 * gib);
}

BOOST_AUTO_TEST_CASE(groups_of_the_first_kind_bound_as_well) {
  put("proc/self/cgroup", "5:cpuacct,cpu:/x\n4:memory:/docker/abc\n0::/\n");
  put("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n"); // as a container sees its own group
  put("sys/fs/cgroup/cpu/x/cpu.cfs_quota_us", "50000\n");
  put("sys/fs/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
  BOOST_TEST(look().memory_bytes == 2 * gib);
  BOOST_TEST(look().cpu_millis == 500u);
}

BOOST_AUTO_TEST_CASE(a_quota_of_cpu_bounds_the_cores) {
  const auto cores = look().cpu_millis;
  BOOST_TEST(cores >= 1000u);
  put("sys/fs/cgroup/cpu.max", "max 100000\n");
  BOOST_TEST(look().cpu_millis == cores);
  put("sys/fs/cgroup/cpu.max", "25000 100000\n");
  BOOST_TEST(look().cpu_millis == 250u);
}

BOOST_AUTO_TEST_CASE(gpus_are_the_numbered_devices) {
  BOOST_TEST(look().gpus.empty());
  for (auto* name : {"nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm", "nvidia", "nvidia3x"})
    put(std::string("dev/") + name, "");
  BOOST_TEST(look().gpus == (std::vector<std::uint32_t>{2, 10}));
}

BOOST_AUTO_TEST_CASE(the_own_group_is_found_where_the_machine_has_the_unified_hierarchy) {
  put("proc/self/cgroup", "0::/system.slice/hearth.service\n");
  BOOST_TEST(own_cgroup(root.path()).empty());
  put("sys/fs/cgroup/cgroup.controllers", "memory cpu\n");
  BOOST_TEST(own_cgroup(root.path()).empty());
  put("sys/fs/cgroup/system.slice/hearth.service/cgroup.procs", "1\n");
  BOOST_TEST(own_cgroup(root.path()) == root / "sys/fs/cgroup/system.slice/hearth.service");
}

BOOST_AUTO_TEST_SUITE_END()
