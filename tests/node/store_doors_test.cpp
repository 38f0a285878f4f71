#include "core/defaults.hpp"
#include "node/calendar.hpp"
#include "node/store/blobs.hpp"
#include "node/store/cache_disk.hpp"
#include "node/store/records.hpp"
#include "tests/support/asking_loop.hpp"
#include "tests/support/cache_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <future>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;

namespace {

struct store_doors_fixture : test::asking_loop_fixture {
  test::scratch home;
  writer disk{1 * defaults::mib};
  std::shared_ptr<blob_store> blob_files = std::make_shared<blob_store>(home / "blobs", blob_limits{1 << 30, 24h, 0ms},
                                                                        nullptr);
  std::shared_ptr<record_store> record_file = std::make_shared<record_store>(home / "records", 64 * defaults::mib,
                                                                             nullptr);
  blob_door blob_actor = loop.system().spawn(blobs, blobs_config{blob_files, &disk, nullptr});
  std::shared_ptr<cache_store> cache_file = std::make_shared<cache_store>(
    cache_store_config{home / "cache", {1 << 30, 1 << 30, {}}, 0, nullptr, nullptr});
  cache_door cache_actor = loop.system().spawn(cache_disk, cache_disk_config{cache_file, &disk, nullptr});
  record_door record_actor = loop.system().spawn(records, records_config{record_file, blob_files, &disk, nullptr});

  ~store_doors_fixture() {
    std::vector<caf::actor> roots{caf::actor_cast<caf::actor>(blob_actor), caf::actor_cast<caf::actor>(record_actor),
                                  caf::actor_cast<caf::actor>(cache_actor)};
    cache_actor = cache_door{};
    blob_actor = blob_door{};
    record_actor = record_door{};
    BOOST_CHECK_EQUAL(loop.stop(roots, deadline()), 0u);
  }

  std::string store(payload value) {
    return std::get<std::string>(ask<std::string>(blob_actor, atom::store::value, std::move(value)));
  }
};

finished_child child_of(call_id root, call_id child, std::string_view value) {
  call_reply reply;
  reply.id = child;
  reply.value = payload::text(value);
  return {root, child, reply};
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(store_doors, store_doors_fixture)

BOOST_AUTO_TEST_CASE(a_value_of_several_parts_goes_to_the_disk_and_comes_back) {
  payload value = payload::text("head ");
  value.rest = {bytes::copy_of("and "), bytes::copy_of("rest")};
  const auto digest = store(value);
  BOOST_CHECK(std::get<bool>(ask<bool>(blob_actor, atom::has::value, digest)));
  const auto back = std::get<payload>(ask<payload>(blob_actor, atom::read::value, digest));
  BOOST_CHECK_EQUAL(back.head.view(), "head and rest");
  BOOST_CHECK(back.rest.empty());
}

BOOST_AUTO_TEST_CASE(a_value_that_is_not_there_is_gone_in_words) {
  const auto why = std::get<failure>(ask<payload>(blob_actor, atom::read::value, std::string(64, 'a')));
  BOOST_CHECK(why.code == ec::gone);
  BOOST_CHECK_NE(why.message.find("run again"), std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_not_pinned_may_go) {
  const auto kept = store(payload::text("kept")), old = store(payload::text("old"));
  for (const auto& digest : {kept, old}) // as if nobody had used them for long
    std::filesystem::last_write_time(home / "blobs" / digest, std::filesystem::file_time_type::clock::now() - 48h);
  const auto again = std::make_shared<blob_store>(home / "blobs", blob_limits{1 << 30, 24h, 0ms}, nullptr);
  auto door = loop.system().spawn(blobs, blobs_config{again, &disk, nullptr});
  caf::anon_send(door, atom::pin::value, std::set<std::string>{kept});
  BOOST_CHECK(!std::get<bool>(ask<bool>(door, atom::has::value, old)));
  BOOST_CHECK(std::get<bool>(ask<bool>(door, atom::has::value, kept)));
}

BOOST_AUTO_TEST_CASE(records_are_found_under_a_run_or_the_one_before_until_it_is_forgotten) {
  const call_id first{1, 1}, second{2, 2}, child{3, 3}, large{4, 4};
  const std::string much(2 * defaults::record_inline_bytes_max, 'x');
  const std::vector<call_id> wanted{child, large};
  using found = std::vector<found_child>;
  caf::anon_send(record_actor, atom::append::value,
                 std::vector<finished_child>{child_of(first, child, "value"), child_of(first, large, much)});
  auto there = std::get<found>(ask<found>(record_actor, atom::find::value, second, first, wanted));
  BOOST_REQUIRE_EQUAL(there.size(), 2u);
  BOOST_CHECK_EQUAL(there[0].reply.value().value.head.view(), "value");
  BOOST_CHECK_EQUAL(there[1].reply.value().value.size(), much.size());
  const auto alone = std::get<found>(ask<found>(record_actor, atom::find::value, second, call_id{}, wanted));
  for (const auto& one : alone)
    BOOST_CHECK(!one.reply);
  caf::anon_send(record_actor, atom::forget::value, first);
  const auto forgotten = std::get<found>(ask<found>(record_actor, atom::find::value, first, call_id{}, wanted));
  for (const auto& one : forgotten)
    BOOST_CHECK(!one.reply);
}

BOOST_AUTO_TEST_CASE(what_is_stored_in_the_cache_is_found_on_the_loop_listed_counted_and_forgotten) {
  const auto scope = test::scope_of("default", "square");
  const auto small = test::entry_of(test::key_of(scope, 1), "1");
  const auto large = test::entry_of(test::key_of(scope, 2), std::string(200'000, 'L'));
  const std::vector<cache_entry> both{small, large};
  const std::vector<cache_scope> scopes{scope};
  BOOST_CHECK(std::get<bool>(ask<bool>(cache_actor, atom::store::value, both, scopes)));
  BOOST_CHECK_EQUAL(cache_file->find(small.key, test::cache_now).value().entry.content.head.view(), "1");
  const auto back = std::get<payload>(ask<payload>(cache_actor, atom::read::value, large.key));
  BOOST_CHECK(test::text_of(back) == test::text_of(large.content));
  using rows = std::vector<cache_row>;
  BOOST_CHECK_EQUAL(
    std::get<rows>(ask<rows>(cache_actor, atom::list::value, cache_listing{{}, 10}, cache_bounds())).size(), 2u);
  using figures = std::vector<cache_figures>;
  BOOST_CHECK_EQUAL(std::get<figures>(ask<figures>(cache_actor, atom::status::value)).at(1).entries, 2u);
  BOOST_CHECK_EQUAL(std::get<std::uint64_t>(ask<std::uint64_t>(cache_actor, atom::forget::value, cache_filter{})), 2u);
  BOOST_CHECK(std::get<failure>(ask<payload>(cache_actor, atom::read::value, large.key)).code == ec::gone);
}

BOOST_AUTO_TEST_CASE(a_cache_that_nobody_asks_for_anything_removes_what_has_expired) {
  const auto scope = test::scope_of("default", "square");
  auto entry = test::entry_of(test::key_of(scope, 1), "1");
  entry.expires_unix_ms = unix_ms() + 200;
  ask<bool>(cache_actor, atom::store::value, std::vector<cache_entry>{entry}, std::vector<cache_scope>{scope});
  using figures = std::vector<cache_figures>;
  std::uint64_t expired = 0;
  for (const auto end = deadline(); expired == 0 && std::chrono::steady_clock::now() < end;)
    expired = std::get<figures>(ask<figures>(cache_actor, atom::status::value)).front().expired;
  BOOST_CHECK_EQUAL(expired, 1u);
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_behind_a_stuck_disk_is_refused) {
  std::promise<void> begun, go;
  disk.submit(0, [&] {
    begun.set_value();
    go.get_future().wait();
  });
  begun.get_future().wait();
  const auto why = std::get<failure>(
    ask<std::string>(blob_actor, atom::store::value, payload::text(std::string(2 * defaults::mib, 'x'))));
  go.set_value();
  BOOST_CHECK(why.code == ec::storage_failed);
}

BOOST_AUTO_TEST_SUITE_END()
