#include "core/defaults.hpp"
#include "node/store/bundles.hpp"
#include "node/store/digest.hpp"
#include "node/store/logs.hpp"
#include "tests/support/asking_loop.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <variant>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;

namespace {

struct store_actors_fixture : test::asking_loop_fixture {
  test::scratch home;
  std::vector<std::string> warnings;
  writer disk{1 * defaults::mib};
  std::shared_ptr<bundle_store> store = std::make_shared<bundle_store>(home / "bundles", bundle_limits{1 << 30, 24h});
  std::shared_ptr<log_files> files = std::make_shared<log_files>(home / "logs",
                                                                 log_limits{16 << 20, 1 << 30, 100, 24h});
  bundle_door bundle_actor = loop.system().spawn(bundles, bundles_config{store, &disk});
  log_door log_actor = loop.system().spawn(
    [config = logs_config{files, &disk, [this](const std::string& what) { warnings.push_back(what); }}](
      log_door::stateful_pointer<logs_state> self) { return self->state.make_behavior(self, config); });

  ~store_actors_fixture() {
    std::vector<caf::actor> roots{caf::actor_cast<caf::actor>(bundle_actor), caf::actor_cast<caf::actor>(log_actor)};
    bundle_actor = bundle_door{};
    log_actor = log_door{};
    BOOST_CHECK_EQUAL(loop.stop(roots, deadline()), 0u);
  }
};

log_text text(std::string_view content) {
  log_text result;
  result.text = bytes::copy_of(content);
  return result;
}

/// Holds the writer's thread until it is let go.
struct stuck {
  explicit stuck(writer& disk) {
    std::promise<void> begun;
    disk.submit(0, [&begun, gate = go_.get_future().share()] {
      begun.set_value();
      gate.wait();
    });
    begun.get_future().wait();
  }
  ~stuck() { go_.set_value(); }

private:
  std::promise<void> go_;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_actors, store_actors_fixture)

BOOST_AUTO_TEST_CASE(a_bundle_is_asked_for_sent_and_opened) {
  const std::string tar(10240, '\0'); // an empty archive
  sha256 sum;
  sum.add(tar);
  const auto digest = sum.hex();
  BOOST_CHECK(std::get<bool>(ask<bool>(bundle_actor, atom::has::value, digest)) == false);
  const std::vector<bytes> parts{bytes::copy_of(tar)};
  BOOST_CHECK(std::get<bool>(ask<bool>(bundle_actor, atom::store::value, digest, parts)));
  BOOST_CHECK(std::get<bool>(ask<bool>(bundle_actor, atom::has::value, digest)));
  const auto tree = std::get<std::string>(ask<std::string>(bundle_actor, atom::open::value, digest));
  BOOST_CHECK(std::filesystem::is_directory(tree));
}

BOOST_AUTO_TEST_CASE(failures_arrive_with_code_and_sentence) {
  const auto missing = std::get<failure>(ask<std::string>(bundle_actor, atom::open::value, std::string(64, 'a')));
  BOOST_CHECK(missing.code == ec::unknown_bundle);
  BOOST_CHECK_NE(missing.message.find("run the program again"), std::string::npos);
  const std::vector<bytes> parts{bytes::copy_of("x")};
  BOOST_CHECK(std::get<failure>(ask<bool>(bundle_actor, atom::store::value, std::string(64, 'a'), parts)).code
              == ec::bad_request);
}

BOOST_AUTO_TEST_CASE(while_the_disk_is_stuck_requests_are_refused_rather_than_piled_up) {
  stuck disk_is(disk);
  const std::vector<bytes> big{bytes::copy_of(std::string(2 * defaults::mib, 'x'))};
  const auto why = std::get<failure>(ask<bool>(bundle_actor, atom::store::value, std::string(64, 'a'), big));
  BOOST_CHECK(why.code == ec::storage_failed);
}

BOOST_AUTO_TEST_CASE(output_is_kept_in_order_and_read_back) {
  for (int i = 0; i < 100; ++i)
    caf::anon_send(log_actor, atom::append::value, std::string("run-a"),
                   std::vector<log_text>{text(std::to_string(i) + "\n")});
  const auto read = std::get<std::vector<log_text>>(
    ask<std::vector<log_text>>(log_actor, atom::read::value, std::string("run-a"), 3u));
  BOOST_REQUIRE_EQUAL(read.size(), 3u);
  BOOST_CHECK_EQUAL(read[0].text.view(), "97\n");
}

BOOST_AUTO_TEST_CASE(output_beyond_what_waits_for_the_disk_is_dropped_and_counted) {
  constexpr std::uint64_t each = 100 * defaults::kib, times = 40;
  const auto add = [&](std::string_view content) {
    caf::anon_send(log_actor, atom::append::value, std::string("run-a"), std::vector<log_text>{text(content)});
  };
  {
    stuck disk_is(disk);
    for (std::uint64_t i = 0; i < times; ++i)
      add(std::string(each, 'x'));
    BOOST_REQUIRE(run_until([&] { return !warnings.empty(); }));
    while (disk.submit(0, [] {})) {}
    const auto nobody = ask<std::vector<log_text>>(log_actor, atom::read::value, std::string("run-a"), 0u);
    BOOST_CHECK(std::get<failure>(nobody).code == ec::storage_failed); // and all of the output has been looked at
  }
  BOOST_CHECK_EQUAL(warnings.size(), 1u); // once, not for each text
  std::vector<log_text> read;
  std::atomic<bool> is_drained{false}; // what waited is done, so the queue has room again
  BOOST_REQUIRE(run_until([&] { return disk.submit(0, [&] { is_drained = true; }); }));
  BOOST_REQUIRE(run_until([&] { return is_drained.load(); }));
  add("after");
  read = std::get<std::vector<log_text>>(
    ask<std::vector<log_text>>(log_actor, atom::read::value, std::string("run-a"), 0u));
  BOOST_REQUIRE(!read.empty());
  BOOST_CHECK_EQUAL(read.back().text.view(), "after");
  std::uint64_t kept = 0, dropped = 0;
  for (const auto& t : read)
    kept += t.text.size(), dropped += t.dropped;
  BOOST_CHECK_GT(read.back().dropped, 0u);
  BOOST_CHECK_EQUAL(kept + dropped, each * times + 5); // what is missing is known to the byte
}

BOOST_AUTO_TEST_CASE(a_disk_that_refuses_is_said_once_and_writing_goes_on_when_it_recovers) {
  std::filesystem::remove_all(home / "logs");
  test::write_file(home / "logs", "in the way");
  for (int i = 0; i < 5; ++i)
    caf::anon_send(log_actor, atom::append::value, std::string("run-a"), std::vector<log_text>{text("12345")});
  ask<std::vector<log_text>>(log_actor, atom::read::value, std::string("run-a"), 0u); // all five have been tried
  BOOST_CHECK_EQUAL(warnings.size(), 1u);
  std::filesystem::remove(home / "logs");
  std::filesystem::create_directory(home / "logs");
  caf::anon_send(log_actor, atom::append::value, std::string("run-a"), std::vector<log_text>{text("back")});
  const auto read = std::get<std::vector<log_text>>(
    ask<std::vector<log_text>>(log_actor, atom::read::value, std::string("run-a"), 0u));
  BOOST_REQUIRE_EQUAL(read.size(), 1u);
  BOOST_CHECK_EQUAL(read[0].text.view(), "back");
  BOOST_CHECK_EQUAL(read[0].dropped, 25u);
}

BOOST_AUTO_TEST_SUITE_END()
