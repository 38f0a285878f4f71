#include "tests/support/fronted.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;

BOOST_FIXTURE_TEST_SUITE(cache_front_records, fronted)

// -- the record of a run ----

BOOST_AUTO_TEST_CASE(an_action_shows_a_miss_and_then_that_its_result_is_kept) {
  const auto record = recorder();
  entries->are_slow = true;
  square_in_run(*record, 2);
  BOOST_TEST(record->cache_of(id(2)) == "MISS");
  using phase_t = action_event::phase_t;
  tell_record(*record, 2, phase_t::queued);
  tell_record(*record, 2, phase_t::running);
  finish(f, 0);
  BOOST_TEST(record->cache_of(id(2)) == "MISS");
  tell_record(*record, 2, phase_t::succeeded);
  disk_goes_on();
  BOOST_TEST(record->cache_of(id(2)) == "POPULATED");
  BOOST_TEST(record->row(id(2)).phase == "SUCCEEDED");
  BOOST_TEST(record->row(id(2)).attempt == 1u);
  BOOST_TEST(record->run.row.actions == 1u);
}

BOOST_AUTO_TEST_CASE(an_action_ends_when_whoever_executes_says_so_and_not_when_its_result_is_kept) {
  const auto record = recorder();
  square_in_run(*record, 2);
  using phase_t = action_event::phase_t;
  tell_record(*record, 2, phase_t::queued);
  tell_record(*record, 2, phase_t::running);
  finish(f, 0); // it is kept before its supervisor says that it has ended
  BOOST_TEST(record->run.row.actions_done == 0u);
  tell_record(*record, 2, phase_t::succeeded);
  BOOST_TEST(record->cache_of(id(2)) == "POPULATED");
  BOOST_TEST(record->row(id(2)).phase == "SUCCEEDED");
  BOOST_TEST(record->row(id(2)).attempt == 1u);
  BOOST_TEST(record->run.row.actions_done == 1u);
}

BOOST_AUTO_TEST_CASE(a_hit_is_an_action_that_names_the_run_which_made_its_value) {
  const auto record = recorder();
  square_in_run(*record, 2);
  finish(f, 0);
  square_in_run(*record, 3);
  BOOST_TEST(record->cache_of(id(3)) == "HIT");
  BOOST_TEST(record->row(id(3)).phase == "SUCCEEDED");
  BOOST_TEST(record->row(id(3)).producer == run_name(id(1)));
}

BOOST_AUTO_TEST_CASE(an_action_whose_result_had_to_go_for_lack_of_room_shows_that) {
  const auto record = recorder();
  square_in_run(*record, 2);
  finish(f, 0);
  for (const auto& [key, what] : std::exchange(entries->kept, {}))
    entries->evicted.insert(key);
  square_in_run(*record, 3);
  BOOST_TEST(record->cache_of(id(3)) == "EVICTED");
  BOOST_TEST(counts().misses == 2u);
  finish(f, 1);
  BOOST_TEST(record->cache_of(id(3)) == "POPULATED");
}

BOOST_AUTO_TEST_CASE(an_action_shows_what_failed_and_what_was_not_wanted) {
  const auto record = recorder();
  auto c = make_call(spec, client, id(2), payload::text("x")); // its run uses no kept results
  c.in_run = true;
  c.output = record->handle;
  invoke(f, std::move(c));
  BOOST_TEST(record->cache_of(id(2)) == "DISABLED");
  entries->are_refused = true;
  square_in_run(*record, 3);
  finish(f, 1);
  BOOST_TEST(record->cache_of(id(3)) == "PUT_FAILURE");
  entries->are_refused = false;
  square_in_run(*record, 4);
  finish(f, 2);
  entries->are_elsewhere = entries->are_unreadable = true;
  square_in_run(*record, 5);
  BOOST_TEST(record->cache_of(id(5)) == "LOOKUP_FAILURE");
  c = make_call(spec, client, id(6), keyed("2", true));
  c.in_run = true;
  c.output = record->handle;
  invoke(f, std::move(c));
  BOOST_TEST(record->cache_of(id(6)) == "SKIPPED");
}

BOOST_AUTO_TEST_CASE(an_action_whose_result_was_on_its_way_when_the_cache_ended_shows_that_it_is_not_kept) {
  const auto record = recorder();
  entries->are_slow = true;
  square_in_run(*record, 2);
  finish(f, 0);
  caf::anon_send_exit(cache, caf::exit_reason::kill);
  run();
  BOOST_TEST(record->cache_of(id(2)) == "PUT_FAILURE");
}

BOOST_AUTO_TEST_SUITE_END()
