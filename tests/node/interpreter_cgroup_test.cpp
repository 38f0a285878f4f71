#include "node/interpreter/cgroup.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

using namespace hearth;
using namespace hearth::node;
using namespace hearth::test;

BOOST_AUTO_TEST_SUITE(interpreter_cgroup)

namespace {

/// Plain files in the places of the kernel's: what is written is kept, and nothing is enforced.
struct fake_groups {
  scratch own;

  explicit fake_groups(const std::string& controllers = "cpuset cpu io memory pids") {
    put("cgroup.controllers", controllers);
    put("cgroup.procs", "4711");
    put("cgroup.subtree_control", "");
    put("node/cgroup.procs", "");
  }

  void put(const std::string& file, const std::string& content) const {
    std::filesystem::create_directories((own / file).parent_path());
    write_file(own / file, content);
  }

  /// What the kernel makes with a group.
  void prepare(const std::string& group) const {
    for (auto* file : {"cgroup.procs", "memory.max", "memory.swap.max", "memory.oom.group", "memory.events",
                       "cpu.weight", "cpu.max"})
      put(group + '/' + file, "");
  }

  std::string read(const std::string& file) const { return content_of(own / file); }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(the_node_moves_to_a_group_of_its_own, fake_groups) {
  auto tree = cgroup_tree::claim(own.path(), 4711);
  BOOST_TEST_REQUIRE(tree.has_value());
  BOOST_TEST(read("node/cgroup.procs") == "4711");
  BOOST_TEST(read("cgroup.subtree_control") == "+cpu"); // the last that was written
}

BOOST_FIXTURE_TEST_CASE(a_replica_gets_its_limits_and_its_process, fake_groups) {
  auto tree = cgroup_tree::claim(own.path(), 4711);
  prepare("replica-7");
  auto group = tree->make({7}, {250 << 20, 1500, 2000});
  BOOST_TEST_REQUIRE(group != nullptr);
  BOOST_TEST(read("replica-7/memory.max") == "262144000");
  BOOST_TEST(read("replica-7/memory.swap.max") == "0");
  BOOST_TEST(read("replica-7/memory.oom.group") == "1");
  BOOST_TEST(read("replica-7/cpu.weight") == "150");
  BOOST_TEST(read("replica-7/cpu.max") == "200000 100000");
  BOOST_TEST(group->add(99));
  BOOST_TEST(read("replica-7/cgroup.procs") == "99");
}

BOOST_FIXTURE_TEST_CASE(what_is_not_limited_is_left_alone, fake_groups) {
  auto tree = cgroup_tree::claim(own.path(), 4711);
  prepare("replica-1");
  auto group = tree->make({1}, {0, 1, 0});
  BOOST_TEST_REQUIRE(group != nullptr);
  BOOST_TEST(read("replica-1/memory.max").empty());
  BOOST_TEST(read("replica-1/cpu.weight") == "1"); // the least there is
  BOOST_TEST(read("replica-1/cpu.max").empty());
}

BOOST_FIXTURE_TEST_CASE(an_end_by_the_kernel_for_memory_is_seen, fake_groups) {
  auto tree = cgroup_tree::claim(own.path(), 4711);
  prepare("replica-1");
  put("replica-1/memory.events", "low 0\noom 3\noom_kill 2\n"); // of an earlier replica of this number
  auto group = tree->make({1}, {1 << 20, 0, 0});
  BOOST_TEST(!group->ran_out_of_memory());
  put("replica-1/memory.events", "low 0\noom 4\noom_kill 3\noom_group_kill 1\n");
  BOOST_TEST(group->ran_out_of_memory());
}

BOOST_AUTO_TEST_CASE(without_a_memory_controller_or_the_right_to_use_it_nothing_changes) {
  BOOST_TEST(!cgroup_tree::claim({}, 1).has_value());
  fake_groups no_memory("cpu pids");
  BOOST_TEST(!cgroup_tree::claim(no_memory.own.path(), 4711).has_value());
  BOOST_TEST(no_memory.read("node/cgroup.procs").empty());
  fake_groups not_ours; // as where other processes share the group: the kernel refuses to give it controllers
  std::filesystem::remove(not_ours.own / "cgroup.subtree_control");
  not_ours.put("cgroup.procs", "");
  BOOST_TEST(!cgroup_tree::claim(not_ours.own.path(), 4711).has_value());
  BOOST_TEST(not_ours.read("cgroup.procs") == "4711"); // moved back
}

BOOST_FIXTURE_TEST_CASE(a_group_that_the_kernel_does_not_limit_is_none, fake_groups) {
  auto tree = cgroup_tree::claim(own.path(), 4711);
  BOOST_TEST(tree->make({1}, {1 << 20, 0, 0}) == nullptr); // it has no memory.max
  BOOST_TEST(!std::filesystem::exists(own / "replica-1"));
}

BOOST_FIXTURE_TEST_CASE(a_group_goes_with_its_replica, fake_groups) {
  auto tree = cgroup_tree::claim(own.path(), 4711);
  auto group = tree->make({1}, {0, 1000, 0});
  BOOST_TEST(std::filesystem::exists(own / "replica-1"));
  group.reset();
  BOOST_TEST(!std::filesystem::exists(own / "replica-1"));
}

BOOST_AUTO_TEST_SUITE_END()
