#include "tests/tools/command_fixture.hpp"
#include "tests/tools/scripted_node.hpp"
#include "tools/cli/app_views.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::cli_test;

namespace {

constexpr std::uint16_t out_stream = 1;

/// An app as the node writes it: 64-bit integers are strings.
json app_row(const std::string& status = "ACTIVE", const std::string& sub = "RUNNING") {
  return {
    {"name", "web"},           {"project", "default"},
    {"domain", "development"}, {"version", "0123456789abcde"},
    {"kind", "asgi"},          {"state", "warm"},
    {"status", status},        {"subStatus", sub},
    {"replicas", 2},           {"serving", 2},
    {"starting", 1},           {"minReplicas", 1},
    {"maxReplicas", 4},        {"concurrency", 100},
    {"running", "3"},          {"waiting", "5"},
    {"scaledownMs", "300000"}, {"requests", {{"success", "1200"}, {"refused", "7"}, {"failed", "2"}, {"gone", "1"}}},
    {"requiresAuth", true}};
}

json event(const std::string& kind, std::uint64_t unix_ms, const std::string& text, const std::string& replica = "7") {
  return {
    {"kind", kind}, {"unixMs", std::to_string(unix_ms)}, {"text", text}, {"environment", "web"}, {"replica", replica}};
}

/// A node that knows these.
struct known {
  json apps = json::array({app_row()});
  json events = json::array(), pools = json::array(), replicas = json::array();
  std::string output; // of each replica

  std::string operator()(const std::string& name, const json& asked, std::uint32_t request) const {
    if (name == "changeApp")
      return response(request, {{"done", {{"detail", "App " + asked.at("name").get<std::string>() + " is so."}}}});
    if (name == "logs" && !asked.at("of").get<std::string>().starts_with("replica/"))
      return refusal(request, "There is no run `web`.");
    if (name == "logs")
      return log_frame(out_stream, {}, output) + response(request, {{"done", {{"detail", ""}}}});
    const auto what = asked.at("what").get<std::string>();
    const auto of = asked.at("name").get<std::string>();
    if (what == "apps")
      return response(request, {{what, of.empty() || of.ends_with("web") ? apps : json::array()}});
    return response(request, {{what, what == "events" ? events : what == "environments" ? pools : replicas}});
  }
};

outcome at(const scripted_node& node, std::vector<std::string> words) {
  words.insert(words.begin(), {"--socket", node.socket()});
  return run(words);
}

json readable_app(json row) { return cli::readable(cli::noun::apps, std::move(row)); }

json readable_events(const json& rows) {
  auto found = json::array();
  for (const auto& row : rows)
    found.push_back(cli::readable(cli::noun::events, row));
  return found;
}

bool some(const std::vector<std::string>& sentences, const std::string& part) {
  return std::any_of(sentences.begin(), sentences.end(), [&](const auto& s) { return contains(s, part); });
}

} // namespace

BOOST_AUTO_TEST_SUITE(cli_apps)

BOOST_AUTO_TEST_CASE(apps_are_listed_with_where_they_stand_and_where_they_are) {
  scripted_node node{known{}};
  const auto shown = at(node, {"get", "apps"});
  BOOST_TEST(shown.status == 0);
  BOOST_TEST(
    shown.out
    == "NAME  STATUS  SUB-STATUS    REPLICAS  RUNNING  WAITING   DONE  FAILED  VERSION          ENDPOINT              "
       "          WHY\n"
       "web   ACTIVE  RUNNING     2+1 of 1-4        3        5  1,207       2  0123456789abcde  "
       "/apps/default/development/web/\n");
  BOOST_TEST(json::parse(at(node, {"get", "app", "-o", "json"}).out).at(0).at("requests").at("success") == json(1200));
}

BOOST_AUTO_TEST_CASE(one_app_is_shown_with_how_to_ask_it_and_what_happened_lately) {
  known there;
  there.events = {event("ready", 1'700'000'000'000, "Replica 7 is ready: forked in 2 ms.")};
  scripted_node node{there};
  const auto shown = at(node, {"get", "app", "web"});
  BOOST_TEST(shown.status == 0);
  BOOST_TEST(contains(shown.out, "ACTIVE / RUNNING"));
  BOOST_TEST(contains(shown.out, "node.http.sock http://localhost/apps/default/development/web/"));
  BOOST_TEST(contains(shown.out, "5m 00s without requests"));
  BOOST_TEST(contains(shown.out, "Lately"));
  BOOST_TEST(contains(shown.out, "forked in 2 ms"));
  BOOST_TEST(!contains(shown.out, "Last output"));
  const auto whole = json::parse(at(node, {"get", "app", "web", "-o", "json"}).out).at(0);
  BOOST_TEST(whole.at("endpoint") == json("/apps/default/development/web/"));
  BOOST_TEST(whole.at("events").size() == 1U);
  BOOST_TEST(contains(whole.at("httpSocket").get<std::string>(), "node.http.sock"));
}

BOOST_AUTO_TEST_CASE(an_app_that_crashes_is_shown_with_why_and_its_last_output) {
  known there;
  there.apps = {app_row("FAILED", "CRASH_LOOP")};
  there.apps[0]["why"] = "Its replica ended with status 3.";
  there.apps[0]["failedReplica"] = "9";
  there.output = "cannot read the model\n";
  scripted_node node{there};
  const auto shown = at(node, {"get", "app", "web"});
  BOOST_TEST(contains(shown.out, "FAILED / CRASH_LOOP"));
  BOOST_TEST(contains(shown.out, "Its replica ended with status 3."));
  BOOST_TEST(contains(shown.out, "Last output of replica 9\ncannot read the model\n"));
  BOOST_TEST(contains(at(node, {"get", "apps"}).out, "Its replica ended with status 3."));
  BOOST_TEST(json::parse(at(node, {"get", "app", "web", "-o", "json"}).out).at(0).at("lastOutput")
             == json("cannot read the model\n"));
}

BOOST_AUTO_TEST_CASE(an_app_that_is_not_there_is_said_to_be_none) {
  known there;
  there.apps = json::array();
  scripted_node node{there};
  BOOST_TEST(contains(at(node, {"get", "apps"}).out, "`hearth serve FILE`"));
  for (const auto& words : std::vector<std::vector<std::string>>{
         {"get", "app", "shop"}, {"explain", "app", "shop"}, {"logs", "app/shop"}}) {
    const auto said = at(node, words);
    BOOST_TEST(said.status == 1);
    BOOST_TEST(contains(said.err, "There is no app `shop`; `hearth get apps` lists them."));
  }
}

BOOST_AUTO_TEST_CASE(an_app_is_changed_where_the_words_say_and_else_in_the_usual_place) {
  scripted_node node{known{}};
  BOOST_TEST(at(node, {"activate", "app", "web", "--wait"}).out == "App web is so.\n");
  const auto asked = [&] {
    const auto all = node.asked();
    return *std::find_if(all.rbegin(), all.rend(), [](const json& one) { return one.contains("changeApp"); });
  };
  const auto order = [](const char* project, const char* domain, const char* what) {
    return json{{"changeApp", {{"project", project}, {"domain", domain}, {"name", "web"}, {"what", what}}}};
  };
  BOOST_TEST(asked() == order("default", "development", "activate"));
  BOOST_TEST(at(node, {"deactivate", "app", "shop/staging/web"}).status == 0);
  BOOST_TEST(asked() == order("shop", "staging", "deactivate"));
  BOOST_TEST(at(node, {"delete", "app", "web", "--project", "shop", "-o", "json"}).out
             == "{\n  \"done\": \"App web is so.\"\n}\n");
  BOOST_TEST(asked() == order("shop", "development", "delete"));
}

BOOST_AUTO_TEST_CASE(words_that_name_no_app_are_answered_with_the_right_ones) {
  scripted_node node{known{}};
  BOOST_TEST(contains(at(node, {"deactivate", "web"}).err, "say `hearth deactivate app web`"));
  BOOST_TEST(at(node, {"delete", "app"}).status == 2);
  for (const char* name : {"a/b", "a/b/c/d"})
    BOOST_TEST(contains(at(node, {"activate", "app", name}).err, "PROJECT/DOMAIN/NAME"));
  BOOST_TEST(at(node, {"activate", "app", "a/b/c", "--project", "p"}).status == 2);
}

BOOST_AUTO_TEST_CASE(who_waits_for_an_app_that_failed_hears_why) {
  known there;
  there.apps = {app_row("FAILED", "OOM_KILLED")};
  there.apps[0]["why"] = "It used 2 GiB.";
  scripted_node node{there};
  const auto said = at(node, {"activate", "app", "web", "--wait"});
  BOOST_TEST(said.status == 1);
  BOOST_TEST(contains(said.err, "App web is FAILED OOM_KILLED: It used 2 GiB."));
}

BOOST_AUTO_TEST_CASE(logs_of_an_app_are_its_events_and_what_its_replicas_print) {
  known there;
  there.events = {event("ready", 1'699'999'999'000, "Replica 7 is ready."),
                  event("ended", 1'700'000'001'000, "Replica 7 ended.")};
  there.replicas = {{{"id", "7"}, {"environment", "web"}}};
  there.output = "one\ntwo\nthr"; // the time of log_frame: 1'700'000'000.123
  scripted_node node{there};
  const std::string all = "[scaling] Replica 7 is ready.\n[7] one\n[7] two\n[7] thr\n[scaling] Replica 7 ended.\n";
  BOOST_TEST(at(node, {"logs", "web"}).out == all);
  BOOST_TEST(at(node, {"logs", "app/web"}).out == all);
  BOOST_TEST(at(node, {"logs", "app/web", "--lines", "1"}).out == "[scaling] Replica 7 ended.\n");
  BOOST_TEST(at(node, {"logs", "app/web", "--action", "ab"}).status == 2);
}

BOOST_AUTO_TEST_CASE(an_explanation_says_where_an_app_stands_and_what_to_do) {
  known there;
  there.apps[0]["replicas"] = 4;
  there.apps[0]["starting"] = 0;
  scripted_node node{there};
  const auto told = at(node, {"explain", "app", "web"});
  BOOST_TEST(told.status == 0);
  BOOST_TEST(contains(told.out, "App web is ACTIVE (RUNNING)."));
  BOOST_TEST(contains(told.out, "All 4 replicas that it may have are at work, and 5 requests wait"));
  const auto whole = json::parse(at(node, {"explain", "app", "web", "-o", "json"}).out).at(0);
  BOOST_TEST(whole.at("advice").size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_scales_down_too_quickly_is_told_how_long_it_should_stay) {
  json events = json::array();
  for (std::uint64_t i = 1; i <= 3; ++i) {
    events.push_back(event("ended", 1'000'000 * i, "ended"));
    events.push_back(event("ready", 1'000'000 * i + 20'000, "ready"));
  }
  auto row = app_row();
  row["waiting"] = "0";
  const auto advice = cli::advice_of(readable_app(row), json::array(), readable_events(events));
  BOOST_REQUIRE(advice.size() == 1U);
  BOOST_TEST(contains(advice[0], "scales down too quickly: 3 times a replica was started within 20.0 s"));
  BOOST_TEST(contains(advice[0], "now 5m 00s, longer than 5m 20s"));
  const auto rare = readable_events({event("ended", 1, "ended"), event("ready", 1'000'000, "ready")});
  BOOST_TEST(cli::advice_of(readable_app(row), json::array(), rare).empty());
}

BOOST_AUTO_TEST_CASE(slow_cold_starts_are_told_by_their_longest_part) {
  auto row = app_row();
  row["waiting"] = "0";
  row["coldRequests"] = "4";
  row["coldForkUs"] = "3000";
  row["coldImportUs"] = "2100000";
  row["coldInitUs"] = "90000";
  const auto slow = cli::advice_of(readable_app(row), json::array(), json::array());
  BOOST_TEST(some(slow, "of which 2.10 s are imports"));
  BOOST_TEST(some(slow, "replicas=(1, ...)"));
  row["coldImportUs"] = "1000";
  BOOST_TEST(cli::advice_of(readable_app(row), json::array(), json::array()).empty());
}

BOOST_AUTO_TEST_CASE(what_waits_crashes_or_is_deactivated_is_told_what_to_do) {
  auto row = app_row("PENDING", "INITIALIZING");
  row["waitingFor"] = "wants 3, has 2, waiting for memory";
  BOOST_TEST(some(cli::advice_of(readable_app(row), json::array(), json::array()), "`hearth node join`"));
  BOOST_TEST(some(cli::advice_of(readable_app(app_row("FAILED", "CRASH_LOOP")), json::array(), json::array()),
                  "`hearth logs app/web`"));
  BOOST_TEST(
    some(cli::advice_of(readable_app(app_row("FAILED", "OOM_KILLED")), json::array(), json::array()), "memory=..."));
  row = app_row("STOPPED", "");
  row["state"] = "inactive";
  BOOST_TEST(some(cli::advice_of(readable_app(row), json::array(), json::array()), "`hearth activate app web`"));
}

BOOST_AUTO_TEST_CASE(completion_offers_the_names_of_apps) {
  scripted_node node{known{}};
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"__complete", "get", "app", ""},
                                             {"__complete", "activate", "app", "w"},
                                             {"__complete", "explain", "app", ""}})
    BOOST_TEST(at(node, words).out == "web\n");
}

BOOST_AUTO_TEST_SUITE_END()
