#include "node/store/control_store.hpp"
#include "tests/support/control_fixture.hpp"
#include "tests/support/scratch.hpp"
#include "tests/support/told.hpp"

#include <boost/test/unit_test.hpp>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <string>

using namespace hearth;
using namespace hearth::node;
namespace fs = std::filesystem;
using test::entries;
using test::told;
using test::write_one;

BOOST_AUTO_TEST_SUITE(store_control_crash)

namespace {

/// Appends ten entries at a time for ever, in terms that count the commits, and makes snapshots.
void write_for_ever(const fs::path& directory, const told::tell& tell) {
  control_store store(directory);
  auto stored = store.take_stored();
  auto next = stored.state.snapshot.index + stored.state.entries.size() + 1;
  auto term = stored.state.hard.term;
  store.next_incarnation();
  while (true) {
    ++term;
    write_one(store, {term, raft::hard_state{term, {term, 1}}, {}, entries(next, 10, term)});
    next += 10;
    tell(term);
    if (term % 7 == 0)
      store.write_snapshot({next - 25, term - 2, 1, {{1, 2}}}, std::string(20'000, static_cast<char>('a' + term % 26)),
                           later_entries::keep);
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(after_kill_9_every_commit_that_was_acknowledged_is_there) {
  test::scratch home;
  const auto directory = home / "control";
  std::uint64_t acknowledged = 0;
  for (int cycle = 1; cycle <= 50; ++cycle) {
    told writer([&](const told::tell& tell) { write_for_ever(directory, tell); });
    for (int i = 0; i < 1 + cycle * 7 % 23; ++i) {
      const auto term = writer.next();
      BOOST_REQUIRE(term);
      acknowledged = *term;
    }
    writer.kill();
    while (const auto term = writer.next())
      acknowledged = *term;
    BOOST_REQUIRE(WIFSIGNALED(writer.end()));
    const auto stored = control_store(directory).take_stored();
    const auto& state = stored.state;
    BOOST_REQUIRE_GE(state.hard.term, acknowledged);
    BOOST_REQUIRE_LE(state.hard.term, acknowledged + 1); // the one that it could not acknowledge any more
    BOOST_REQUIRE((state.hard.vote == node_uuid{state.hard.term, 1}));
    BOOST_REQUIRE_EQUAL(stored.incarnation, static_cast<std::uint64_t>(cycle));
    BOOST_REQUIRE(!state.entries.empty());
    BOOST_REQUIRE_EQUAL(state.entries.front().index, state.snapshot.index + 1);
    BOOST_REQUIRE_EQUAL(state.entries.back().index, 10 * state.hard.term);
    for (const auto& e : state.entries)
      BOOST_REQUIRE(e == test::entry(e.index, (e.index + 9) / 10));
  }
}

BOOST_AUTO_TEST_CASE(a_file_system_without_room_ends_writing_and_keeps_what_was_acknowledged,
                     *boost::unit_test::timeout(60)) {
  test::scratch home;
  constexpr std::uint64_t no_mount = ~std::uint64_t{0}, fine = no_mount - 1;
  const auto disk = home / "disk";
  fs::create_directory(disk);
  told writer([&](const told::tell& tell) {
    // A small file system that nobody else sees and that goes with this process.
    const auto user = std::to_string(::getuid()), group = std::to_string(::getgid());
    bool is_mounted = ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    test::write_file("/proc/self/setgroups", "deny");
    test::write_file("/proc/self/gid_map", "0 " + group + " 1");
    test::write_file("/proc/self/uid_map", "0 " + user + " 1");
    is_mounted = is_mounted && ::mount("none", disk.c_str(), "tmpfs", 0, "size=6m") == 0;
    if (!is_mounted) {
      tell(no_mount);
      return;
    }
    std::uint64_t term = 0;
    try {
      control_store store(disk / "control");
      while (true) {
        write_one(store, {term, raft::hard_state{term + 1, {1, 2}}, {}, entries(term * 100 + 1, 100, 1)});
        ++term;
      }
    } catch (const disk_error& e) {
      const bool is_said = std::string(e.what()).find("Make room there") != std::string::npos;
      const auto stored = control_store(disk / "control").take_stored();
      const bool is_whole = is_said && term > 5 && stored.state.hard.term == term
                            && stored.state.entries == entries(1, term * 100, 1);
      tell(is_whole ? fine : 0);
    }
  });
  const auto outcome = writer.next();
  BOOST_REQUIRE(outcome);
  if (*outcome == no_mount) {
    BOOST_TEST_MESSAGE("skipped: this system lets nobody mount a file system in namespaces of his own");
    return;
  }
  BOOST_CHECK_EQUAL(*outcome, fine);
}

BOOST_AUTO_TEST_SUITE_END()
