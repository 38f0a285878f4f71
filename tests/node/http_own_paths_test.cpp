#include "node/http/own_paths.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <string_view>
#include <variant>

using namespace hearth::http;

BOOST_AUTO_TEST_SUITE(http_own_paths)

namespace {

std::string asked(std::string_view target, std::string_view method = "GET") {
  const auto found = own_page_of(method, target);
  if (const auto* why = std::get_if<refusal>(&found))
    return std::to_string(why->status);
  const auto& page = std::get<own_page>(found);
  return page.what + " " + page.name + " " + std::to_string(page.limit);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_node_has_metrics_and_what_is_below_api_and_nothing_else) {
  for (const auto* own : {"/metrics", "/metrics?x", "/api", "/api/", "/api/v1/apps", "/api/v9/x", "/api?x"})
    BOOST_TEST(is_own_path(own), own);
  for (const auto* other : {"/", "/metrics/", "/metricsx", "/apis", "/a/metrics", "/apps/p/d/n/metrics", "*", ""})
    BOOST_TEST(!is_own_path(other), other);
}

BOOST_AUTO_TEST_CASE(a_path_says_of_what_a_listing_is_wanted_and_how_long) {
  BOOST_TEST(asked("/metrics") == "metrics  0");
  BOOST_TEST(asked("/api/v1/apps") == "apps  0");
  BOOST_TEST(asked("/api/v1/apps/web", "HEAD") == "apps web 0");
  BOOST_TEST(asked("/api/v1/apps/p/d/web?limit=3") == "apps p/d/web 3");
  BOOST_TEST(asked("/api/v1/events/p%2Fd%2fweb") == "events p/d/web 0");
  BOOST_TEST(asked("/api/v1/environments/?limit=10000") == "environments  10000");
}

BOOST_AUTO_TEST_CASE(what_is_not_there_or_not_asked_in_the_right_way_is_refused) {
  for (const auto* nothing : {"/api", "/api/v1", "/api/v1/", "/api/v1/app", "/api/v2/apps", "/api/v1/tokens"})
    BOOST_TEST(asked(nothing) == "404", nothing);
  for (const auto* wrong : {"/api/v1/apps?limit=0", "/api/v1/apps?limit=-1", "/api/v1/apps?limit=1e3",
                            "/api/v1/apps?limit", "/api/v1/apps?limit=10001", "/api/v1/apps?limit=99999999999999",
                            "/api/v1/apps?name=web", "/api/v1/apps/a%2", "/api/v1/apps/%zz"})
    BOOST_TEST(asked(wrong) == "400", wrong);
  for (const auto* method : {"POST", "PUT", "DELETE", "OPTIONS"})
    BOOST_TEST(asked("/metrics", method) == "405", method);
}

BOOST_AUTO_TEST_CASE(a_refusal_is_json_whatever_bytes_it_is_about) {
  BOOST_TEST(error_json({404, "no \"x\"\n"}) == "{\"error\":{\"status\":404,\"message\":\"no \\\"x\\\"\\u000a\"}}\n");
  BOOST_TEST(error_json({404, "a\xff"}).find('\xff') == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
