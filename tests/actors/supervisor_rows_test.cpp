#include "actors/supervisor.hpp"
#include "tests/support/scripted_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

/// What a supervisor shows of its pools, those that are forgotten included.
BOOST_FIXTURE_TEST_SUITE(supervisor_rows, scripted_world)

namespace {

std::vector<environment_row> rows(scripted_world& world) {
  return std::get<0>(
    ask<std::vector<environment_row>, std::vector<replica_row>>(world, world.agent, atom::list::value).first.value());
}

} // namespace

BOOST_AUTO_TEST_CASE(what_a_forgotten_pool_has_counted_stays_with_its_environment) {
  auto& c = connect();
  auto spec = make_spec(0, 1);
  invoke(c, open(c, spec));
  finish(interpreter(0), 0);
  BOOST_TEST_REQUIRE(rows(*this).size() == 1u);
  BOOST_TEST(rows(*this)[0].done == 1u);
  BOOST_TEST(rows(*this)[0].forgotten.done == 0u);
  advance(300s);
  die(interpreter(0));
  advance(defaults::zygote_ttl);
  advance(defaults::pause_bucket * defaults::pause_buckets);
  BOOST_TEST_REQUIRE(rows(*this).empty());
  open(c, spec);
  BOOST_TEST_REQUIRE(rows(*this).size() == 1u);
  BOOST_TEST(rows(*this)[0].done == 0u);
  BOOST_TEST(rows(*this)[0].forgotten.done == 1u);
  BOOST_TEST(rows(*this)[0].forgotten.cold_starts == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
