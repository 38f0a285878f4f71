#include "node/paths.hpp"
#include "node/start_error.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <string>

using namespace hearth;
using namespace hearth::node;
namespace fs = std::filesystem;

BOOST_AUTO_TEST_SUITE(paths)

namespace {

/// Variables from a map, which must outlive the reader.
variable_reader reading(const std::map<std::string, std::string>& variables) {
  return [&variables](const char* name) {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

auto says(std::string_view part) {
  return [part](const start_error& e) { return std::string_view(e.what()).find(part) != std::string_view::npos; };
}

} // namespace

BOOST_AUTO_TEST_CASE(the_socket_is_where_the_user_says_else_in_the_runtime_directory_else_in_tmp) {
  test::scratch runtime;
  BOOST_CHECK_EQUAL(default_socket(reading({{"HEARTH_SOCKET", "/a/b"}, {"XDG_RUNTIME_DIR", runtime.path()}}), 7),
                    "/a/b");
  std::map<std::string, std::string> variables{{"XDG_RUNTIME_DIR", runtime.path()}};
  BOOST_CHECK_EQUAL(default_socket(reading(variables), 7), runtime / "hearth/node.sock");
  variables["XDG_RUNTIME_DIR"] = "/nowhere/at/all";
  BOOST_CHECK_EQUAL(default_socket(reading(variables), 7), "/tmp/hearth-7/node.sock");
  variables["XDG_RUNTIME_DIR"] = "";
  BOOST_CHECK_EQUAL(default_socket(reading(variables), 7), "/tmp/hearth-7/node.sock");
}

BOOST_AUTO_TEST_CASE(state_lives_under_the_users_home_and_needs_one) {
  std::map<std::string, std::string> variables{{"HOME", "/home/u"}};
  BOOST_CHECK_EQUAL(default_state_directory(reading(variables)), "/home/u/.local/state/hearth");
  variables["XDG_STATE_HOME"] = "relative/is/ignored";
  BOOST_CHECK_EQUAL(default_state_directory(reading(variables)), "/home/u/.local/state/hearth");
  variables["XDG_STATE_HOME"] = "/var/x";
  BOOST_CHECK_EQUAL(default_state_directory(reading(variables)), "/var/x/hearth");
  const std::map<std::string, std::string> none;
  BOOST_CHECK_EXCEPTION(default_state_directory(reading(none)), start_error, says("HEARTH_STATE_DIR"));
}

BOOST_AUTO_TEST_CASE(the_users_settings_come_before_the_systems) {
  const std::map<std::string, std::string> variables{{"HOME", "/home/u"}};
  const auto files = settings_files(reading(variables));
  BOOST_REQUIRE_EQUAL(files.size(), 2u);
  BOOST_CHECK_EQUAL(files[0], "/home/u/.config/hearth/hearth.toml");
  BOOST_CHECK_EQUAL(files[1], "/etc/hearth/hearth.toml");
}

BOOST_AUTO_TEST_CASE(a_nodes_own_files_are_its_state_its_socket_and_what_its_users_programs_know) {
  const test::scratch home;
  fs::create_directories(home / "run");
  fs::permissions(home / "run", fs::perms::owner_all);
  const std::map<std::string, std::string> variables{{"HOME", "/home/u"}, {"XDG_RUNTIME_DIR", "/run/user/7"}};
  const auto files = own_files(home / "run" / "node.sock", "/state", reading(variables), ::getuid());
  const auto has = [](const auto& all, const fs::path& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
  };
  for (const fs::path& one :
       {home / "run", fs::path("/state"), fs::path("/home/u/.local/state/hearth"), fs::path("/home/u/.config/hearth"),
        fs::path("/run/user/7/hearth"), fs::path("/etc/hearth")})
    BOOST_CHECK_MESSAGE(has(files, one), one);
  const auto shared = own_files("/tmp/node.sock", "/state", reading(variables), ::getuid());
  BOOST_CHECK(has(shared, "/tmp/node.sock")); // of a folder that others use, too, the socket alone
  BOOST_CHECK(!has(shared, "/tmp"));
}

BOOST_AUTO_TEST_CASE(file_systems_of_other_machines_are_known_by_name) {
  BOOST_CHECK_EQUAL(network_file_system(0x6969, "nfs4"), "NFS");
  BOOST_CHECK_EQUAL(network_file_system(0xfffffffffe534d42, "cifs"), "SMB"); // as a signed number of 32 bits comes out
  BOOST_CHECK_EQUAL(network_file_system(0x01021997, "9p"), "9P");
  BOOST_CHECK_EQUAL(network_file_system(0x65735546, "fuse.sshfs"), "fuse.sshfs");
  BOOST_CHECK_EQUAL(network_file_system(0x65735546, "fuse.fuse-overlayfs"), "");
  BOOST_CHECK_EQUAL(network_file_system(0xef53, "ext4"), "");
  BOOST_CHECK_EQUAL(network_file_system(0x794c7630, "overlay"), "");
  BOOST_CHECK_EQUAL(network_file_system(0x01021994, "tmpfs"), "");
  BOOST_CHECK_EQUAL(network_file_system(fs::path("/proc/self/not/there")), "");
}

BOOST_AUTO_TEST_CASE(a_directory_is_made_private_with_its_parents) {
  test::scratch home;
  make_directory(home / "a/b", "the directory", privacy::ours_alone);
  struct stat made {};
  BOOST_REQUIRE_EQUAL(::stat((home / "a/b").c_str(), &made), 0);
  BOOST_CHECK_EQUAL(made.st_mode & 07777, 0700u);
  make_directory(home / "a/b", "the directory", privacy::ours_alone); // again
}

BOOST_AUTO_TEST_CASE(a_directory_that_others_may_use_or_that_is_a_link_is_refused_with_what_to_do) {
  test::scratch home;
  fs::create_directory(home / "open");
  fs::permissions(home / "open", fs::perms(0755));
  BOOST_CHECK_EXCEPTION(make_directory(home / "open", "it", privacy::ours_alone), start_error, says("chmod 700"));
  make_directory(home / "open", "it", privacy::ours_to_write);
  fs::permissions(home / "open", fs::perms(0777));
  BOOST_CHECK_EXCEPTION(make_directory(home / "open", "it", privacy::ours_to_write), start_error, says("other users"));
  fs::permissions(home / "open", fs::perms(01777)); // like /tmp
  make_directory(home / "open", "it", privacy::ours_to_write);
  fs::create_directory(home / "ours");
  fs::permissions(home / "ours", fs::perms(0700));
  fs::create_directory_symlink(home / "ours", home / "link");
  BOOST_CHECK_EXCEPTION(make_directory(home / "link", "it", privacy::ours_alone), start_error, says("a link"));
  test::write_file(home / "file", "");
  BOOST_CHECK_EXCEPTION(make_directory(home / "file", "it", privacy::ours_alone), start_error, says("a file"));
}

BOOST_AUTO_TEST_CASE(a_directory_of_somebody_else_is_refused) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("only root can give a directory away");
    return;
  }
  test::scratch home;
  fs::create_directory(home / "theirs");
  fs::permissions(home / "theirs", fs::perms(0700));
  BOOST_REQUIRE_EQUAL(::chown((home / "theirs").c_str(), 65534, 65534), 0);
  BOOST_CHECK_EXCEPTION(make_directory(home / "theirs", "it", privacy::ours_alone), start_error, says("user 65534"));
  BOOST_CHECK_EXCEPTION(make_directory(home / "theirs", "it", privacy::ours_to_write), start_error, says("user 65534"));
}

BOOST_AUTO_TEST_CASE(a_lock_belongs_to_one_process_and_names_it) {
  test::scratch home;
  pid_t holder = 0;
  auto lock = lock_with_pid(home / "lock", holder);
  BOOST_REQUIRE(lock);
  BOOST_CHECK(!lock_with_pid(home / "lock", holder));
  BOOST_CHECK_EQUAL(holder, ::getpid());
  lock.reset();
  BOOST_CHECK(lock_with_pid(home / "lock", holder));
  fs::create_symlink(home / "lock", home / "link");
  BOOST_CHECK_THROW(lock_with_pid(home / "link", holder), start_error);
}

BOOST_AUTO_TEST_CASE(a_state_directory_serves_one_node) {
  test::scratch home;
  auto claim = claim_state_directory(home / "state");
  BOOST_CHECK_EXCEPTION(claim_state_directory(home / "state"), start_error, says("HEARTH_STATE_DIR"));
}

BOOST_AUTO_TEST_CASE(a_nodes_id_is_made_once) {
  test::scratch home, other;
  const auto id = node_id(home.path());
  BOOST_CHECK_EQUAL(id.size(), 36u);
  BOOST_CHECK_EQUAL(id[14], '4');
  BOOST_CHECK_EQUAL(node_id(home.path()), id);
  BOOST_CHECK_NE(node_id(other.path()), id);
  test::write_file(other / "node-id", "torn");
  BOOST_CHECK_EQUAL(node_id(other.path()).size(), 36u);
}

BOOST_AUTO_TEST_SUITE_END()
