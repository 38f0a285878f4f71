#include "node/resources/gpu_locks.hpp"
#include "node/start_error.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace hearth::node;
using namespace hearth::test;

BOOST_AUTO_TEST_SUITE(resources_gpu_locks)

namespace {

mode_t mode_of(const std::filesystem::path& file) {
  struct stat found {};
  BOOST_TEST_REQUIRE(::lstat(file.c_str(), &found) == 0);
  return found.st_mode & 07777;
}

/// Another user's process: whether it gets this GPU.
bool stranger_gets(const std::filesystem::path& directory, std::uint32_t gpu) {
  const auto pid = ::fork();
  if (pid == 0) {
    const bool is_other = ::setgid(65534) == 0 && ::setuid(65534) == 0;
    bool got = false;
    try {
      got = is_other && gpu_locks(directory).claim(gpu);
    } catch (const start_error&) {
      got = false;
    }
    ::_exit(got ? 0 : 1);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

} // namespace

BOOST_AUTO_TEST_CASE(two_nodes_never_have_the_same_gpu) {
  scratch place;
  gpu_locks one(place / "locks"), other(place / "locks");
  BOOST_TEST(one.claim(0));
  BOOST_TEST(!other.claim(0));
  BOOST_TEST(!one.claim(0));
  BOOST_TEST(other.claim(1));
  one.give_back(0);
  BOOST_TEST(other.claim(0));
}

BOOST_AUTO_TEST_CASE(a_node_that_ends_gives_back_what_it_has) {
  scratch place;
  {
    gpu_locks one(place / "locks");
    BOOST_TEST(one.claim(0));
  }
  gpu_locks other(place / "locks");
  BOOST_TEST(other.claim(0));
}

BOOST_AUTO_TEST_CASE(directory_and_files_are_for_everybody_whatever_the_umask) {
  scratch place;
  const auto before = ::umask(077);
  gpu_locks locks(place / "locks");
  BOOST_TEST(locks.claim(3));
  ::umask(before);
  BOOST_TEST(mode_of(place / "locks") == 01777u);
  BOOST_TEST(mode_of(place / "locks/gpu-3") == 0666u);
}

BOOST_AUTO_TEST_CASE(nodes_of_different_users_exclude_each_other) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("skipped: only root can become another user");
    return;
  }
  scratch place;
  BOOST_TEST_REQUIRE(::chmod(place.path().c_str(), 0755) == 0);
  gpu_locks locks(place / "locks");
  BOOST_TEST(locks.claim(0));
  BOOST_TEST(!stranger_gets(place / "locks", 0));
  BOOST_TEST(stranger_gets(place / "locks", 1)); // makes the file
  BOOST_TEST(locks.claim(1));                    // which root can use, though it is the stranger's
  locks.give_back(0);
  BOOST_TEST(stranger_gets(place / "locks", 0));
}

BOOST_AUTO_TEST_CASE(a_link_in_the_place_of_the_directory_or_of_a_file_is_not_followed) {
  scratch place;
  std::filesystem::create_directory(place / "elsewhere");
  std::filesystem::create_directory_symlink(place / "elsewhere", place / "locks");
  BOOST_CHECK_THROW(gpu_locks(place / "locks"), start_error);
  write_file(place / "victim", "x");
  gpu_locks locks(place / "real");
  std::filesystem::create_symlink(place / "victim", place / "real/gpu-0");
  BOOST_TEST(!locks.claim(0));
  BOOST_TEST(mode_of(place / "victim") != 0666u);
  write_file(place / "file", "x");
  BOOST_CHECK_THROW(gpu_locks(place / "file"), start_error);
}

BOOST_AUTO_TEST_SUITE_END()
