#include "core/defaults_http.hpp"
#include "node/http/metrics_text.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <map>
#include <set>
#include <sstream>
#include <string>

using namespace hearth;
using namespace hearth::http;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(http_metrics_text)

namespace {

app_part some_app(const std::string& name) {
  app_part app;
  app.row.project = "p";
  app.row.domain = "d";
  app.row.name = name;
  app.row.requests[static_cast<std::size_t>(request_end::success)] = 7;
  app.response.add(3ms);
  app.response.add(2min);
  app.cold[0].add(1s);
  return app;
}

environment_row pool(const std::string& name, const std::string& version, std::uint64_t done) {
  environment_row row;
  row.project = "p";
  row.domain = "d";
  row.name = name;
  row.version = version;
  row.done = done;
  return row;
}

std::string text_of(node_figures what) {
  metrics_text text(std::move(what));
  std::string all;
  while (text.write_some(all)) {}
  return all;
}

bool has(const std::string& text, const std::string& line) {
  return ('\n' + text).find('\n' + line + '\n') != std::string::npos;
}

} // namespace

BOOST_AUTO_TEST_CASE(every_metric_is_told_once_with_its_type_before_its_samples) {
  node_figures what;
  what.node.emplace();
  what.apps = std::vector{some_app("web"), some_app("other")};
  what.environments = std::vector{pool("web", "1", 3)};
  what.replicas.emplace();
  what.cache.emplace();
  what.cache->figures = {{}, {"p", 1, 2}};
  std::istringstream lines(text_of(std::move(what)));
  std::set<std::string> seen;
  std::string now;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, kind, name;
    if (line.starts_with("# HELP")) {
      words >> hash >> kind >> name;
      BOOST_TEST(seen.insert(name).second, name);
      BOOST_TEST(line.size() > 8 + name.size(), name);
      now = name;
    } else if (line.starts_with("# TYPE")) {
      words >> hash >> kind >> name;
      BOOST_TEST(name == now);
    } else {
      BOOST_TEST(line.starts_with(now), line);
    }
  }
  BOOST_TEST(seen.size() > 40u);
}

BOOST_AUTO_TEST_CASE(durations_are_cumulative_and_the_last_bucket_holds_all) {
  node_figures what;
  what.apps = std::vector{some_app("web")};
  const auto text = text_of(std::move(what));
  const std::string app = "{project=\"p\",domain=\"d\",app=\"web\"";
  const std::string name = "hearth_app_request_duration_seconds";
  BOOST_TEST(has(text, name + "_bucket" + app + ",le=\"0.002048\"} 0"));
  BOOST_TEST(has(text, name + "_bucket" + app + ",le=\"0.004096\"} 1"));
  BOOST_TEST(has(text, name + "_bucket" + app + ",le=\"67.108864\"} 1"));
  BOOST_TEST(has(text, name + "_bucket" + app + ",le=\"+Inf\"} 2"));
  BOOST_TEST(has(text, name + "_sum" + app + "} 120.003"));
  BOOST_TEST(has(text, name + "_count" + app + "} 2"));
  BOOST_TEST(has(text, "hearth_app_requests_total" + app + ",status=\"2xx\"} 7"));
}

BOOST_AUTO_TEST_CASE(versions_of_an_environment_add_up_with_those_that_are_forgotten) {
  auto one = pool("e", "1", 3), other = pool("e", "2", 4);
  one.forgotten.done = other.forgotten.done = 100;
  node_figures what;
  what.environments = std::vector{one, other};
  BOOST_TEST(has(text_of(std::move(what)),
                 "hearth_environment_calls_total{project=\"p\",domain=\"d\",environment=\"e\","
                 "outcome=\"done\"} 107"));
}

BOOST_AUTO_TEST_CASE(a_part_that_did_not_answer_is_told_to_be_missing) {
  node_figures what;
  what.apps.emplace();
  const auto text = text_of(std::move(what));
  BOOST_TEST(has(text, "hearth_metrics_part_up{part=\"apps\"} 1"));
  BOOST_TEST(has(text, "hearth_metrics_part_up{part=\"cache\"} 0"));
  BOOST_TEST(text.find("hearth_cache_hits_total") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_a_label_holds_cannot_end_it) {
  node_figures what;
  what.environments = std::vector{pool("a\"b\\c\nd", "1", 1)};
  BOOST_TEST(text_of(std::move(what)).find("environment=\"a\\\"b\\\\c\\nd\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(so_many_apps_are_told_of_and_the_others_counted) {
  node_figures what;
  what.apps.emplace();
  for (std::size_t i = 0; i < defaults::metrics_rows_max + 5; ++i)
    what.apps->push_back(some_app("app" + std::to_string(i)));
  metrics_text text(std::move(what));
  std::string all;
  std::size_t most = 0, before = 0;
  for (bool more = true; more; before = all.size()) {
    more = text.write_some(all);
    most = std::max(most, all.size() - before);
  }
  BOOST_TEST(most < 2 * defaults::page_bytes_per_turn, "a turn writes little");
  BOOST_TEST(has(all, "hearth_metrics_apps_left_out 5"));
  BOOST_TEST(all.find("app=\"app" + std::to_string(defaults::metrics_rows_max) + "\"") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
