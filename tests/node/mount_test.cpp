#include "node/isolation.hpp"
#include "node/mount.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth::node;

BOOST_AUTO_TEST_SUITE(mounts)

BOOST_AUTO_TEST_CASE(a_mount_is_an_absolute_path_and_read_only_unless_it_says_otherwise) {
  BOOST_CHECK_EQUAL(parse_mount("/data").path, "/data");
  BOOST_CHECK(!parse_mount("/data").is_writable);
  BOOST_CHECK(!parse_mount("/data:ro").is_writable);
  BOOST_CHECK_EQUAL(parse_mount("/data:ro").path, "/data");
  BOOST_CHECK(parse_mount("/scratch:rw").is_writable);
  BOOST_CHECK_EQUAL(parse_mount("/scratch/:rw").path, "/scratch");
  BOOST_CHECK_EQUAL(parse_mount("/a:b/c").path, "/a:b/c");
}

BOOST_AUTO_TEST_CASE(what_is_no_mount_is_named) {
  for (const char* good : {"/data", "/data/", "/a/b:rw", "/devices", "/process"})
    BOOST_CHECK_MESSAGE(!fault_of_mount(good), good);
  for (const char* bad :
       {"", "data", "./x", "/", "/:rw", "/a/../b", "/a//b", "/proc", "/proc/1/root", "/sys:rw", "/dev/sda"})
    BOOST_CHECK_MESSAGE(fault_of_mount(bad), bad);
}

BOOST_AUTO_TEST_CASE(a_place_holds_itself_and_what_is_below) {
  BOOST_CHECK(is_within("/a", "/a"));
  BOOST_CHECK(is_within("/a/b", "/a"));
  BOOST_CHECK(is_within("/a", "/"));
  BOOST_CHECK(!is_within("/ab", "/a"));
  BOOST_CHECK(!is_within("/", "/a"));
}

BOOST_AUTO_TEST_CASE(an_environment_gets_what_it_asks_for_else_what_the_node_has) {
  BOOST_CHECK(!is_sandboxed(isolation::process, ""));
  BOOST_CHECK(is_sandboxed(isolation::process, "sandbox"));
  BOOST_CHECK(is_sandboxed(isolation::sandbox, ""));
  BOOST_CHECK(!is_sandboxed(isolation::sandbox, "process"));
  BOOST_CHECK(is_sandboxed(isolation::sandbox_only, ""));
  for (const auto word : isolation_words)
    BOOST_CHECK_EQUAL(word_of(*isolation_of(word)), word);
  BOOST_CHECK(!isolation_of("container"));
}

BOOST_AUTO_TEST_SUITE_END()
