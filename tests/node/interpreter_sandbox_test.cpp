#include "node/interpreter/sandbox_plan.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_SUITE(sandboxes)

namespace {

using words = std::vector<std::string>;

/// Where `part` begins in `all`; the size of `all` when it is not there.
std::size_t place_of(const words& all, const words& part) {
  return static_cast<std::size_t>(std::search(all.begin(), all.end(), part.begin(), part.end()) - all.begin());
}

bool has(const words& all, const words& part) { return place_of(all, part) < all.size(); }

bool names(const words& all, const std::string& word) { return std::find(all.begin(), all.end(), word) != all.end(); }

sandbox_plan plan_of() {
  sandbox_plan plan;
  plan.home = "/home/a";
  plan.sdk = "/opt/hearth/sdk";
  plan.code = "/state/bundles/0f";
  return plan;
}

words arguments_of(const sandbox_plan& plan) { return sandbox_arguments(plan, {}); }

environment_spec spec_of(const std::string& python) {
  environment_spec spec;
  spec.name = "digits";
  spec.python = python;
  return spec;
}

void make_link(const fs::path& target, const fs::path& link) {
  fs::create_directories(link.parent_path());
  fs::create_symlink(target, link);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_sandbox_has_namespaces_of_its_own_no_capabilities_and_ends_with_its_parent) {
  const auto all = arguments_of(plan_of());
  for (const char* word : {"--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--disable-userns",
                           "--new-session", "--die-with-parent", "--clearenv"})
    BOOST_CHECK_MESSAGE(names(all, word), word);
  BOOST_CHECK(has(all, {"--cap-drop", "ALL"}));
  BOOST_CHECK(!names(all, "--unshare-net"));
  BOOST_CHECK(!names(all, "--cap-add"));
}

BOOST_AUTO_TEST_CASE(the_system_is_shown_read_only_and_of_its_settings_no_secrets) {
  const auto all = arguments_of(plan_of());
  BOOST_CHECK(has(all, {"--ro-bind-try", "/usr", "/usr"}));
  BOOST_CHECK(has(all, {"--ro-bind-try", "/etc/passwd", "/etc/passwd"}));
  BOOST_CHECK(has(all, {"--proc", "/proc", "--dev", "/dev"}));
  for (const char* never : {"/", "/etc", "/etc/shadow", "/etc/ssh", "/etc/ssl/private", "/root", "/home", "/run",
                            "/var", "/sys", "/sys/fs/cgroup", "/opt", "/mnt"})
    BOOST_CHECK_MESSAGE(!has(all, {"--ro-bind-try", never}) && !has(all, {"--ro-bind", never}), never);
  BOOST_CHECK(!names(all, "--bind") && !names(all, "--bind-try") && !names(all, "--dev-bind"));
}

BOOST_AUTO_TEST_CASE(what_the_machines_user_may_change_in_proc_is_covered_after_it_is_there) {
  const auto all = arguments_of(plan_of());
  for (const char* place : {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"})
    BOOST_CHECK_LT(place_of(all, {"--proc", "/proc"}), place_of(all, {"--ro-bind-try", place, place}));
  BOOST_CHECK(has(all, {"--ro-bind-try", "/proc/sys", "/proc/sys"}));
}

BOOST_AUTO_TEST_CASE(temporary_files_shared_memory_and_the_home_are_private_and_bounded) {
  const auto all = arguments_of(plan_of());
  for (const char* place : {"/tmp", "/dev/shm", "/home/a"}) {
    const auto at = place_of(all, {"--tmpfs", place});
    BOOST_REQUIRE_MESSAGE(at < all.size(), place);
    BOOST_CHECK_EQUAL(all[at - 2], "--size");
  }
  const auto last = words(all.end() - 6, all.end());
  BOOST_CHECK((last == words{"--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/state/bundles/0f"}));
}

BOOST_AUTO_TEST_CASE(a_home_that_is_the_systems_is_elsewhere) {
  BOOST_CHECK_EQUAL(home_in_sandbox("/home/a"), "/home/a");
  BOOST_CHECK_EQUAL(home_in_sandbox("/root"), "/root");
  for (const char* home : {"", "/", "relative", "/usr/sbin", "/bin", "/dev", "/proc/1", "/tmp/x", "/etc"})
    BOOST_CHECK_EQUAL(home_in_sandbox(home), "/tmp");
}

BOOST_AUTO_TEST_CASE(mounts_are_read_only_or_writable_as_they_say_and_parents_come_first) {
  auto plan = plan_of();
  plan.mounts = {{"/real/data/in", "/data/in", true}, {"/real/data", "/data", false}};
  const auto all = arguments_of(plan);
  const auto outer = place_of(all, {"--ro-bind", "/real/data", "/data"});
  const auto inner = place_of(all, {"--bind", "/real/data/in", "/data/in"});
  BOOST_CHECK_LT(outer, inner);
  BOOST_CHECK_LT(inner, all.size());
  BOOST_CHECK_LT(place_of(all, {"--tmpfs", "/home/a"}), outer); // or a mount in the home would be covered
}

BOOST_AUTO_TEST_CASE(the_nodes_own_files_are_covered_in_whatever_is_shown_and_the_code_above_the_cover) {
  auto plan = plan_of();
  plan.hidden = {{"/state", true}, {"/real/home/run/node.sock", false}, {"/elsewhere", true}};
  plan.mounts = {{"/", "/all", false}, {"/real/home", "/home/a", true}};
  const auto all = arguments_of(plan);
  const auto cover = place_of(all, {"--tmpfs", "/all/state"});
  BOOST_CHECK_LT(place_of(all, {"--ro-bind", "/", "/all"}), cover);
  BOOST_CHECK_LT(cover, place_of(all, {"--ro-bind", plan.code, plan.code}));
  BOOST_CHECK(has(all, {"--ro-bind", "/dev/null", "/home/a/run/node.sock"}));
  BOOST_CHECK(has(all, {"--ro-bind", "/dev/null", "/all/real/home/run/node.sock"}));
  BOOST_CHECK(has(all, {"--tmpfs", "/all/elsewhere"}));
  BOOST_CHECK(!names(all, "/elsewhere")); // not shown, so there is nothing to cover
}

BOOST_AUTO_TEST_CASE(a_place_of_the_nodes_own_is_not_shown_under_another_name) {
  auto plan = plan_of();
  plan.hidden = {{"/state", true}};
  plan.mounts = {{"/state/cluster", "/harmless", false}};
  BOOST_CHECK(!names(arguments_of(plan), "/harmless"));
}

BOOST_AUTO_TEST_CASE(own_files_in_the_system_are_covered_too) {
  auto plan = plan_of();
  plan.hidden = {{"/usr/local/var/hearth", true}};
  BOOST_CHECK(has(arguments_of(plan), {"--tmpfs", "/usr/local/var/hearth"}));
}

BOOST_AUTO_TEST_CASE(variables_are_set_inside_and_nowhere_else) {
  const auto all = sandbox_arguments(plan_of(), {"A=1=2", "LD_PRELOAD=/x.so"});
  BOOST_CHECK(has(all, {"--setenv", "A", "1=2"}));
  const auto command = inside("/usr/bin/bwrap", all, {"/usr/bin/python3"});
  BOOST_CHECK(command.environment.empty());
  BOOST_CHECK((command.words == words{"/usr/bin/bwrap", "--args", "4", "--seccomp", "5", "--", "/usr/bin/python3"}));
  BOOST_CHECK(command.files.at(0).find(std::string("LD_PRELOAD\0/x.so\0", 17)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(gpus_are_shown_to_environments_that_ask_for_some) {
  isolation_settings node;
  node.gpus = {0, 3};
  auto spec = spec_of("/usr/bin/python3");
  BOOST_CHECK(plan_sandbox(node, spec, "", "/sdk", "/code").devices.empty());
  spec.resources.gpu = 1;
  const auto all = arguments_of(plan_sandbox(node, spec, "", "/sdk", "/code"));
  BOOST_CHECK(has(all, {"--dev-bind-try", "/dev/nvidia3", "/dev/nvidia3"}));
  BOOST_CHECK(has(all, {"--dev-bind-try", "/dev/nvidiactl", "/dev/nvidiactl"}));
  BOOST_CHECK(!names(all, "/dev/nvidia1"));
}

BOOST_AUTO_TEST_CASE(the_systems_interpreter_needs_nothing_more) {
  BOOST_CHECK(interpreter_places("/usr/bin/python3").empty());
}

BOOST_AUTO_TEST_CASE(a_virtual_environment_is_shown_with_the_installation_that_it_came_from) {
  const test::scratch folder;
  const auto base = folder.path() / "python3.12", venv = folder.path() / "project" / ".venv";
  fs::create_directories(base / "lib" / "python3.12");
  fs::create_directories(base / "bin");
  test::write_file(base / "bin" / "python3.12", "");
  make_link("python3.12", base / "bin" / "python3");
  fs::create_directories(venv / "bin");
  test::write_file(venv / "pyvenv.cfg", "version = 3.12.1\nhome = " + (base / "bin").string() + "\n");
  make_link(base / "bin" / "python3", venv / "bin" / "python");
  const auto places = interpreter_places(venv / "bin" / "python");
  words targets;
  for (const auto& place : places) {
    BOOST_CHECK_EQUAL(place.source, place.target);
    BOOST_CHECK(!place.is_writable);
    targets.push_back(place.target);
  }
  BOOST_CHECK((targets == words{venv.string(), base.string()}));
}

BOOST_AUTO_TEST_CASE(of_an_interpreter_in_a_folder_of_the_users_only_the_link_is_shown) {
  const test::scratch folder;
  make_link("/usr/bin/python3", folder.path() / "home" / "bin" / "python");
  const auto places = interpreter_places(folder.path() / "home" / "bin" / "python");
  BOOST_REQUIRE_EQUAL(places.size(), 1);
  BOOST_CHECK_EQUAL(places[0].target, (folder.path() / "home" / "bin" / "python").string());
  BOOST_CHECK_EQUAL(places[0].source, fs::canonical("/usr/bin/python3").string());
}

BOOST_AUTO_TEST_CASE(links_in_a_ring_end_somewhere) {
  const test::scratch folder;
  make_link(folder.path() / "b", folder.path() / "a");
  make_link(folder.path() / "a", folder.path() / "b");
  interpreter_places(folder.path() / "a");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_isolated_is_refused_with_what_to_do) {
  const test::scratch folder;
  fs::create_directories(folder.path() / "state" / "cluster");
  make_link(folder.path() / "state" / "cluster", folder.path() / "innocent");
  isolation_settings node;
  node.bubblewrap = "/bin/true";
  node.own_files = {folder.path() / "state"};
  auto spec = spec_of("/usr/bin/python3");
  const auto said = [&] {
    const auto why = unusable_isolation(node, spec);
    BOOST_REQUIRE(why);
    BOOST_CHECK(why->code == ec::start_failed);
    return why->message;
  };
  BOOST_CHECK(!unusable_isolation(node, spec));
  node.level = isolation::sandbox_only;
  BOOST_CHECK(!unusable_isolation(node, spec));
  spec.isolation = "process";
  BOOST_CHECK(said().find("Leave isolation= out") != std::string::npos);
  spec.isolation = "sandbox";
  spec.mounts = {"/nonexistent/data:rw"};
  BOOST_CHECK(said().find("there is no /nonexistent/data on this node") != std::string::npos);
  for (const char* hidden : {"state", "state/cluster", "innocent"}) {
    spec.mounts = {(folder.path() / hidden).string()};
    BOOST_CHECK(said().find("no task may see") != std::string::npos);
  }
  spec.mounts = {folder.path().string()}; // what holds them is shown, with a cover on them
  BOOST_CHECK(!unusable_isolation(node, spec));
  node.bubblewrap = (folder.path() / "none").string();
  BOOST_CHECK(said().find("Install the package bubblewrap") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
