#include "tests/support/pool_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

/// An app, which keeps so many replicas.
struct app_pool : pool_driver {
  explicit app_pool(std::uint32_t least = 0, const char* kind = "asgi")
    : pool_driver(
      [&] {
        auto spec = make_spec(2, 2);
        spec->app.kind = kind;
        return spec;
      }(),
      limits(least, 2)) {}
};

const failure worked{};

} // namespace

/// What a pool does so that code which cannot be imported is known before the first request.
BOOST_AUTO_TEST_SUITE(pool_rehearsal)

BOOST_AUTO_TEST_CASE(an_app_that_keeps_no_replica_is_imported_when_it_is_deployed_and_nothing_is_left_of_it) {
  app_pool p;
  p.deploy();
  BOOST_TEST(p.lines() == (lines{"start r1 to rehearse"}));
  p.unmade(1, worked);
  BOOST_TEST(p.lines() == lines{});
  BOOST_TEST(p.subject().view().empty());
  BOOST_TEST(!p.subject().is_failing());
  BOOST_TEST(p.subject().count().cold_starts == 0u);
}

BOOST_AUTO_TEST_CASE(nothing_is_rehearsed_where_replicas_start_anyway_or_what_is_deployed_are_tasks) {
  app_pool kept(1);
  kept.deploy();
  BOOST_TEST(kept.lines() == (lines{"start r1"}));
  app_pool tasks(0, "");
  tasks.deploy();
  BOOST_TEST(tasks.lines() == lines{});
}

BOOST_AUTO_TEST_CASE(code_that_cannot_be_imported_is_known_and_the_next_request_tries_again) {
  app_pool p;
  p.deploy();
  p.unmade(1, {ec::module_load, "No module named 'shop'."});
  BOOST_TEST(p.subject().is_failing());
  BOOST_TEST(p.subject().last_failure().message == "No module named 'shop'.");
  p.lines();
  p.admit();
  BOOST_TEST(p.lines() == (lines{"start r2"}));
  p.unmade(2, {ec::module_load, "No module named 'shop'."});
  BOOST_TEST(p.lines() == (lines{"fail c1 module_load", "release c1"}));
}

BOOST_AUTO_TEST_CASE(code_that_can_be_imported_again_fails_no_more) {
  app_pool p;
  p.deploy();
  p.unmade(1, {ec::module_load, "No module named 'shop'."});
  p.lines();
  p.deploy();
  BOOST_TEST(p.lines() == (lines{"start r2 to rehearse"}));
  p.unmade(2, worked);
  BOOST_TEST(!p.subject().is_failing());
}

BOOST_AUTO_TEST_CASE(a_rehearsal_that_is_interrupted_says_nothing_about_the_code) {
  app_pool p;
  p.deploy();
  p.unmade(1, {ec::interpreter_lost, "Its node has left."});
  BOOST_TEST(!p.subject().is_failing());
  p.deploy();
  p.lost(2, {});
  BOOST_TEST(!p.subject().is_failing());
  BOOST_TEST(p.subject().view().empty());
}

BOOST_AUTO_TEST_CASE(a_request_that_comes_meanwhile_has_a_replica_of_its_own) {
  app_pool p;
  p.deploy();
  p.lines();
  const auto c = p.admit();
  BOOST_TEST(p.lines() == (lines{"start r2"}));
  p.unmade(1, worked);
  p.ready(2);
  BOOST_TEST(p.lines() == (lines{"dispatch r2 c1 #1"}));
  p.done(2, c);
}

BOOST_AUTO_TEST_CASE(one_rehearsal_at_a_time_is_enough) {
  app_pool p;
  p.deploy();
  p.lines();
  p.deploy();
  BOOST_TEST(p.lines() == lines{});
}

BOOST_AUTO_TEST_CASE(a_rehearsal_does_not_wait_for_what_others_hold) {
  app_pool p;
  p.deploy();
  p.lines();
  p.waits(1, "1 GPU");
  BOOST_TEST(p.lines() == (lines{"withdraw r1"}));
  BOOST_TEST(p.subject().view().empty());
}

BOOST_AUTO_TEST_CASE(a_replica_that_a_node_makes_because_it_knows_of_no_rehearsals_is_ended) {
  app_pool p;
  p.deploy();
  p.lines();
  p.ready(1);
  BOOST_TEST(p.lines() == (lines{"retire r1"}));
  p.lost(1, {});
  BOOST_TEST(p.subject().view().empty());
  BOOST_TEST(!p.subject().is_failing());
}

BOOST_AUTO_TEST_SUITE_END()
