#include "actors/app_figures.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace hearth;
using namespace std::chrono_literals;

namespace {

const app_figures::instant start{1000h};

app_part told(const app_figures& of, app_figures::instant now) {
  app_part part;
  of.tell(part, now);
  return part;
}

std::uint64_t count(const app_row& row, request_end how) { return row.requests[static_cast<std::size_t>(how)]; }

app_part part_of(const std::string& name, bool has_pool = false) {
  app_part part;
  part.row.project = "p";
  part.row.domain = "d";
  part.row.name = name;
  part.row.state = "idle";
  part.has_pool = has_pool;
  return part;
}

} // namespace

BOOST_AUTO_TEST_SUITE(app_statistics)

BOOST_AUTO_TEST_CASE(each_request_is_under_way_until_it_ends_and_counts_by_its_end) {
  app_figures figures;
  for (int i = 0; i < 3; ++i)
    figures.began();
  BOOST_TEST(told(figures, start).row.in_flight == 3u);
  figures.ended(end_with(204), 10ms, start);
  figures.ended(end_with(503), 20ms, start);
  figures.ended(request_end::gone, 5ms, start);
  const auto row = told(figures, start).row;
  BOOST_TEST(row.in_flight == 0u);
  BOOST_TEST(count(row, request_end::success) == 1u);
  BOOST_TEST(count(row, request_end::failed) == 1u);
  BOOST_TEST(count(row, request_end::gone) == 1u);
}

BOOST_AUTO_TEST_CASE(the_class_of_a_status_is_its_first_digit) {
  BOOST_TEST(name(end_with(200)) == "2xx");
  BOOST_TEST(name(end_with(304)) == "3xx");
  BOOST_TEST(name(end_with(499)) == "4xx");
  BOOST_TEST(name(end_with(599)) == "5xx");
}

BOOST_AUTO_TEST_CASE(the_last_minute_is_forgotten_in_a_minute_and_totals_are_not) {
  app_figures figures;
  for (int i = 0; i < 100; ++i) {
    figures.began();
    figures.ended(request_end::success, 8ms, start + i * 100ms);
  }
  const auto now = told(figures, start + 10s);
  BOOST_TEST(now.recent.count() == 100u);
  BOOST_TEST(now.row.requests_per_second == 10.0, boost::test_tools::tolerance(0.01));
  const auto later = told(figures, start + 80s);
  BOOST_TEST(later.recent.count() == 0u);
  BOOST_TEST(later.row.requests_per_second == 0.0);
  BOOST_TEST(later.response.count() == 100u);
  BOOST_TEST(count(later.row, request_end::success) == 100u);
}

BOOST_AUTO_TEST_CASE(a_slice_of_the_ring_that_comes_again_begins_anew) {
  app_figures figures;
  for (const auto at : {0s, 60s, 3600s}) {
    figures.began();
    figures.ended(request_end::success, 1ms, start + at);
    BOOST_TEST(told(figures, start + at).recent.count() == 1u);
  }
}

BOOST_AUTO_TEST_CASE(one_request_is_no_rate_of_hundreds) {
  app_figures figures;
  figures.began();
  figures.ended(request_end::success, 1ms, start);
  BOOST_TEST(told(figures, start + 1ms).row.requests_per_second <= 1.0);
}

BOOST_AUTO_TEST_CASE(an_app_of_several_nodes_is_one_row_with_the_requests_of_all_and_the_pool_of_its_owner) {
  app_figures here, there;
  for (int i = 0; i < 3; ++i) {
    here.began();
    here.ended(request_end::success, 10ms, start);
  }
  there.began();
  there.ended(request_end::failed, 1s, start);
  there.was_cold({100ms, 20ms, 0ms, 300ms});
  there.began();
  auto one = part_of("web"), other = part_of("web", true);
  here.tell(one, start + 1s);
  there.tell(other, start + 1s);
  other.row.state = "warm";
  other.row.replicas = 2;
  other.row.node = "beta";
  const auto rows = merged_apps({one, other, part_of("alone")});
  BOOST_REQUIRE(rows.size() == 2u);
  BOOST_TEST(rows[0].name == "alone");
  const auto& web = rows[1];
  BOOST_TEST(web.state == "warm");
  BOOST_TEST(web.replicas == 2u);
  BOOST_TEST(web.node == "beta");
  BOOST_TEST(web.in_flight == 1u);
  BOOST_TEST(count(web, request_end::success) == 3u);
  BOOST_TEST(count(web, request_end::failed) == 1u);
  BOOST_TEST(static_cast<double>(web.p50_us) == 10'000.0, boost::test_tools::tolerance(0.125));
  BOOST_TEST(static_cast<double>(web.p99_us) == 1'000'000.0, boost::test_tools::tolerance(0.125));
  BOOST_TEST(web.cold_requests == 1u);
  BOOST_TEST(static_cast<double>(web.cold_us[3]) == 300'000.0, boost::test_tools::tolerance(0.125));
}

BOOST_AUTO_TEST_CASE(an_app_that_no_node_has_a_pool_of_is_idle) {
  const auto rows = merged_apps({part_of("web"), part_of("web")});
  BOOST_REQUIRE(rows.size() == 1u);
  BOOST_TEST(rows[0].state == "idle");
  BOOST_TEST(rows[0].node.empty());
}

BOOST_AUTO_TEST_SUITE_END()
