#include "tests/support/scripted_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;

BOOST_FIXTURE_TEST_SUITE(supervisor_of_apps, scripted_world)

BOOST_AUTO_TEST_CASE(a_changed_metric_of_an_app_acts_on_the_running_pool) {
  const auto app = [](const std::string& metric, std::uint32_t target) {
    auto spec = make_spec(0, 4, 10);
    spec->app.kind = "asgi";
    spec->app.metric = metric;
    spec->app.target = target;
    return spec;
  };
  auto& c = connect();
  auto handle = open(c, app("concurrency", 4));
  for (int i = 0; i < 5; ++i)
    invoke(c, handle);
  BOOST_TEST(interpreters() == 2u);
  open(c, app("concurrency", 2));
  BOOST_TEST(interpreters() == 3u);
  open(c, app("rate", 50));
  for (int i = 0; i < 20; ++i)
    invoke(c, handle);
  BOOST_TEST(interpreters() == 3u);
  say(c, client::get{9, "events", "env", 0});
  std::vector<std::string> changes;
  const auto listings = c.all<client::rows<event_row>>();
  for (const auto& row : listings.at(0).items)
    if (row.kind == "policy")
      changes.push_back(row.text);
  BOOST_TEST(changes
             == (std::vector<std::string>{"The policy changed: metric concurrency 4 -> concurrency 2.",
                                          "The policy changed: metric concurrency 2 -> rate 50."}));
}

BOOST_AUTO_TEST_CASE(a_metric_that_the_node_does_not_know_is_refused_with_what_it_knows) {
  auto spec = make_spec(0, 4, 10);
  spec->app.kind = "asgi";
  spec->app.metric = "cpu";
  spec->app.target = 50;
  auto& c = connect();
  say(c, client::open_environment{1, spec});
  spec = std::make_shared<environment_spec>(*spec);
  spec->app.metric = "rate";
  spec->app.target = 0;
  say(c, client::open_environment{2, spec});
  const auto refused = c.all<client::refused>();
  BOOST_TEST_REQUIRE(refused.size() == 2u);
  BOOST_TEST(refused[0].why.message
             == "App env asks to be scaled by `cpu`, which this node does not know; it knows concurrency and rate.");
  BOOST_TEST(refused[1].why.message == "App env asks to be scaled by rate with a target of 0; it must be at least 1.");
}

BOOST_AUTO_TEST_SUITE_END()
