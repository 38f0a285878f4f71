#include "tests/tools/command_fixture.hpp"
#include "tests/tools/scripted_node.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::cli_test;

namespace {

constexpr std::uint16_t out_stream = 1, err_stream = 2;
constexpr std::uint16_t failed = 1, text = 2;

/// A run as the node writes it: 64-bit integers are strings.
json run_row(const std::string& name, const std::string& phase) {
  return {{"name", name},
          {"task", "squares.square"},
          {"phase", phase},
          {"startedUnixMs", "1700000000000"},
          {"durationMs", "1234"},
          {"actions", "12"},
          {"actionsDone", "11"},
          {"actionsFailed", "1"},
          {"detached", false},
          {"error", ""},
          {"inputs", "x=3"},
          {"project", "default"},
          {"domain", "development"},
          {"environmentVersion", "0123456789abcde"},
          {"callHi", "1"},
          {"callLo", "18446744073709551615"}};
}

json action_row(const std::string& id, const std::string& phase) {
  return {{"id", id},        {"task", "squares.square"}, {"phase", phase}, {"attempt", 1},
          {"runUs", "1500"}, {"replica", "2"},           {"depth", 1}};
}

outcome at(const scripted_node& node, std::vector<std::string> words) {
  words.insert(words.begin(), {"--socket", node.socket()});
  return run(words);
}

std::string result_of_run(std::uint32_t request, std::uint16_t flags, std::uint16_t code, const std::string& value) {
  return reply_frame(flags, code, value, value.size()) + response(request, {{"done", {{"detail", ""}}}});
}

} // namespace

BOOST_AUTO_TEST_SUITE(cli_commands)

BOOST_AUTO_TEST_CASE(runs_are_listed_over_several_pages) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return response(request, {{"runs", {run_row("r1", "SUCCEEDED")}}}, true)
           + response(request, {{"runs", {run_row("r2", "FAILED")}}}, false);
  });
  const auto shown = at(node, {"get", "runs", "--limit", "5"});
  BOOST_TEST(shown.status == 0);
  BOOST_TEST(shown.out
             == "NAME  TASK            PHASE      DURATION  ACTIONS  FAILED     STARTED  ERROR\n"
                "r1    squares.square  SUCCEEDED    1.23 s    11/12       1  1m 00s ago\n"
                "r2    squares.square  FAILED       1.23 s    11/12       1  1m 00s ago\n");
  const json expected{{"get", {{"what", "runs"}, {"name", ""}, {"limit", 5}}}};
  BOOST_TEST(node.asked().back() == expected);
}

BOOST_AUTO_TEST_CASE(json_has_numbers_where_the_protocol_has_strings) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return response(request, {{"runs", {run_row("r1", "RUNNING")}}});
  });
  const auto rows = json::parse(at(node, {"get", "runs", "-o", "json"}).out);
  BOOST_TEST(rows.at(0).at("durationMs") == json(1234));
  BOOST_TEST(rows.at(0).at("id") == json("0000000000000001ffffffffffffffff"));
  BOOST_TEST(!rows.at(0).contains("callHi"));
}

BOOST_AUTO_TEST_CASE(fields_that_the_node_left_out_have_their_defaults) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return response(request, {{"environments", {{{"name", "squares"}}}}});
  });
  const auto shown = at(node, {"get", "env", "-o", "json"});
  BOOST_TEST(json::parse(shown.out).at(0).at("queued") == json(0));
  BOOST_TEST(at(node, {"get", "envs"}).status == 0);
}

BOOST_AUTO_TEST_CASE(every_listing_has_a_table_and_details) {
  const std::map<std::string, json> listings{
    {"environments",
     {{"name", "squares"}, {"state", "warm"}, {"minReplicas", 1}, {"maxReplicas", 4}, {"tasks", {"squares.square"}}}},
    {"replicas", {{"id", "7"}, {"environment", "squares"}, {"state", "idle"}, {"memoryBytes", "1048576"}}},
    {"actions", action_row("abc", "FAILED")},
    {"nodes", {{"name", "n1"}, {"state", "running"}, {"upMs", "5000"}}}};
  const json of_a_cluster = {{"id", "42949672961"}, {"environment", "squares"}, {"state", "idle"}};
  scripted_node node([&](const std::string&, const json& value, std::uint32_t request) {
    const auto what = value.at("what").get<std::string>();
    if (what == "replicas")
      return response(request, {{what, {listings.at(what), of_a_cluster}}});
    return response(request, {{what, {listings.at(what)}}});
  });
  BOOST_TEST(contains(at(node, {"get", "environments"}).out, "squares           warm   0 of 1-4"));
  BOOST_TEST(contains(at(node, {"get", "environment", "squares"}).out, "squares.square"));
  BOOST_TEST(contains(at(node, {"get", "replicas"}).out, "1.0 MiB"));
  BOOST_TEST(contains(at(node, {"get", "replica", "7"}).out, "hearth logs replica/7"));
  BOOST_TEST(at(node, {"get", "replica", "8"}).status == 1);
  BOOST_TEST(contains(at(node, {"get", "replica", "10.1"}).out, "hearth logs replica/10.1"));
  BOOST_TEST(contains(at(node, {"get", "actions", "r1"}).out, "abc"));
  BOOST_TEST(contains(at(node, {"get", "action", "r1", "ab"}).out, "squares.square"));
  BOOST_TEST(at(node, {"get", "action", "r1", "zz"}).status == 1);
  BOOST_TEST(contains(at(node, {"get", "nodes"}).out, "5.00 s"));
}

BOOST_AUTO_TEST_CASE(an_empty_listing_says_what_to_do_next) {
  scripted_node node([](const std::string&, const json& value, std::uint32_t request) {
    return response(request, {{value.at("what").get<std::string>(), json::array()}});
  });
  const auto runs = at(node, {"get", "runs"});
  BOOST_TEST(runs.status == 0);
  BOOST_TEST(contains(runs.out, "`hearth run FILE TASK`"));
  BOOST_TEST(at(node, {"get", "env", "nobody"}).status == 1);
  BOOST_TEST(at(node, {"get", "runs", "-o", "json"}).out == "[]\n");
}

BOOST_AUTO_TEST_CASE(a_run_is_shown_with_its_actions_and_its_result) {
  const std::string value("\x82\x01\x02", 3); // [1, 2], in two parts
  scripted_node node([&](const std::string& name, const json& asked, std::uint32_t request) {
    if (name == "result")
      return reply_frame(0, 0, value.substr(0, 1), value.size()) + chunk_frame(1, value.substr(1), true)
             + response(request, {{"done", {{"detail", ""}}}});
    if (asked.at("what") == "runs")
      return response(request, {{"runs", {run_row("r1", "SUCCEEDED")}}});
    return response(
      request, {{"actions", {action_row("a", "SUCCEEDED"), action_row("b", "FAILED"), action_row("c", "SUCCEEDED")}}});
  });
  const auto shown = at(node, {"get", "run", "r1"});
  BOOST_TEST(shown.status == 0);
  BOOST_TEST(contains(shown.out, "1 FAILED, 2 SUCCEEDED, and 9 more"));
  BOOST_TEST(contains(shown.out, "\nResult\n[\n  1,\n  2\n]\n"));
  const auto whole = json::parse(at(node, {"get", "run", "r1", "-o", "json"}).out);
  BOOST_TEST(whole.at("result") == json({1, 2}));
}

BOOST_AUTO_TEST_CASE(the_error_of_a_run_is_the_users_traceback_and_inputs) {
  const auto failure = json::to_cbor(json{{"type", "ValueError"},
                                          {"message", "no"},
                                          {"traceback", "  File \"t.py\"\nValueError: no\n"},
                                          {"task", "squares.square"},
                                          {"replica", "77"},
                                          {"inputs", {{"x", "3"}}}});
  scripted_node node([&](const std::string& name, const json&, std::uint32_t request) {
    if (name == "wait")
      return response(request, {{"run", run_row("r1", "FAILED")}});
    return result_of_run(request, failed, 1, {failure.begin(), failure.end()});
  });
  const auto ended = at(node, {"wait", "r1"});
  BOOST_TEST(ended.status == 1);
  BOOST_TEST(ended.out == "Run r1: FAILED after 1.23 s\n");
  BOOST_TEST(ended.err == "in task squares.square, replica 77, with\n    x = 3\n\n  File \"t.py\"\nValueError: no\n");
}

BOOST_AUTO_TEST_CASE(waiting_for_a_run_that_succeeds_is_status_0) {
  scripted_node node([](const std::string&, const json& value, std::uint32_t request) {
    return response(request, {{"run", run_row(value.get<std::string>(), "SUCCEEDED")}});
  });
  BOOST_TEST(at(node, {"wait", "r9"}).status == 0);
  BOOST_TEST(json::parse(at(node, {"wait", "r9", "-o", "json"}).out).at("name") == json("r9"));
}

BOOST_AUTO_TEST_CASE(a_sentence_of_the_node_is_shown_as_it_is) {
  scripted_node node([](const std::string& name, const json&, std::uint32_t request) {
    if (name == "wait")
      return response(request, {{"run", run_row("r1", "ABORTED")}});
    return result_of_run(request, failed | text, 13, "Somebody asked for it.");
  });
  BOOST_TEST(at(node, {"wait", "r1"}).err == "Somebody asked for it.\n");
}

BOOST_AUTO_TEST_CASE(a_refusal_is_the_nodes_sentence_and_status_1) {
  scripted_node node(
    [](const std::string&, const json&, std::uint32_t request) { return refusal(request, "There is no run `r0`."); });
  for (const char* command : {"wait", "logs", "abort"}) {
    const auto refused = at(node, {command, "r0"});
    BOOST_TEST(refused.status == 1);
    BOOST_TEST(refused.err == "hearth: There is no run `r0`.\n");
  }
}

BOOST_AUTO_TEST_CASE(a_node_that_goes_away_is_said_to_be_gone) {
  scripted_node node([](const std::string&, const json&, std::uint32_t) { return std::string(); });
  const auto gone = at(node, {"get", "runs"});
  BOOST_TEST(gone.status == 1);
  BOOST_TEST(contains(gone.err, "is gone: the node closed it."));
}

BOOST_AUTO_TEST_CASE(what_is_no_frame_is_said_to_be_none) {
  scripted_node node([](const std::string&, const json&, std::uint32_t) { return std::string(64, '\x7f'); });
  BOOST_TEST(contains(at(node, {"get", "runs"}).err, "not a frame"));
}

BOOST_AUTO_TEST_CASE(logs_keep_the_streams_apart) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return log_frame(out_stream, {1, 2}, "hel") + log_frame(err_stream, {1, 2}, "warning\n", 2048)
           + log_frame(out_stream, {1, 2}, "lo\nend") + response(request, {{"done", {{"detail", ""}}}});
  });
  const auto printed = at(node, {"logs", "r1", "-f", "--lines", "3"});
  BOOST_TEST(printed.status == 0);
  BOOST_TEST(printed.out == "hello\nend\n");
  BOOST_TEST(printed.err == "[2.0 KiB of output dropped here: a limit was reached]\nwarning\n");
  const json expected{{"logs", {{"of", "r1"}, {"action", ""}, {"follow", true}, {"lines", 3}}}};
  BOOST_TEST(node.asked().back() == expected);
}

BOOST_AUTO_TEST_CASE(the_node_is_asked_for_the_last_lines_of_one_action) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return log_frame(out_stream, {1, 2}, "b\nc\n") + response(request, {{"done", {{"detail", ""}}}});
  });
  BOOST_TEST(at(node, {"logs", "r1", "--action", "00ab", "--lines", "2", "-f"}).out == "b\nc\n");
  const json expected{{"logs", {{"of", "r1"}, {"action", "00ab"}, {"follow", true}, {"lines", 2}}}};
  BOOST_TEST(node.asked().back() == expected);
}

BOOST_AUTO_TEST_CASE(the_id_of_an_action_finds_its_run) {
  const std::string id = "00000000000000010000000000000002";
  scripted_node node([&](const std::string& name, const json& asked, std::uint32_t request) {
    if (name == "logs")
      return log_frame(out_stream, {1, 2}, asked.at("of").get<std::string>() + "\n")
             + response(request, {{"done", {{"detail", ""}}}});
    if (asked.at("what") == "runs")
      return response(request, {{"runs", {run_row("r1", "RUNNING"), run_row("r2", "RUNNING")}}});
    return response(request, {{"actions", {action_row(asked.at("name") == "r2" ? id : "other", "RUNNING")}}});
  });
  BOOST_TEST(at(node, {"logs", id}).out == "r2\n");
}

BOOST_AUTO_TEST_CASE(logs_of_a_replica_or_action_that_is_not_there_say_so) {
  scripted_node node([&](const std::string& name, const json& asked, std::uint32_t request) {
    if (name == "logs")
      return response(request, {{"done", {{"detail", ""}}}});
    if (asked.at("what") == "replicas")
      return response(request, {{"replicas", {{{"id", "7"}, {"environment", "squares"}, {"state", "idle"}}}}});
    return response(request, {{"actions", {action_row("abc", "RUNNING")}}});
  });
  BOOST_TEST(at(node, {"logs", "replica/7"}).status == 0);
  BOOST_TEST(at(node, {"logs", "r1", "--action", "ab"}).status == 0);
  const auto gone = at(node, {"logs", "replica/99999"});
  BOOST_TEST(gone.status == 1);
  BOOST_TEST(contains(gone.err, "has no replica 99999"));
  const auto no_number = at(node, {"logs", "replica/abc"});
  BOOST_TEST(no_number.status == 2);
  BOOST_TEST(contains(no_number.err, "`replica/abc` names no replica"));
  const auto unknown = at(node, {"logs", "r1", "--action", "zz"});
  BOOST_TEST(unknown.status == 1);
  BOOST_TEST(contains(unknown.err, "Run `r1` has no action `zz`"));
}

BOOST_AUTO_TEST_CASE(lines_begin_with_their_time_when_asked) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return log_frame(out_stream, {1, 2}, "x") + log_frame(out_stream, {1, 2}, "y\nz\n")
           + response(request, {{"done", {{"detail", ""}}}});
  });
  const auto printed = at(node, {"logs", "r1", "--show-ts"}).out;
  BOOST_TEST(contains(printed, ".123  xy\n"));
  BOOST_TEST(contains(printed, ".123  z\n"));
}

BOOST_AUTO_TEST_CASE(a_rerun_chooses_the_id_of_the_new_run_and_names_it) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return response(request, {{"run", run_row("second", "QUEUED")}});
  });
  const auto said = at(node, {"rerun", "r1", "--name", "second", "--recover"});
  BOOST_TEST(said.status == 0);
  BOOST_TEST(said.out == "second\n");
  const auto asked = node.asked().back().at("rerun");
  BOOST_TEST(asked.at("name") == "r1");
  BOOST_TEST(asked.at("newName") == "second");
  BOOST_TEST(asked.at("useRecord") == true);
  BOOST_TEST(asked.at("callHi") != "0");
  at(node, {"rerun", "r1"});
  BOOST_TEST(node.asked().back().at("rerun").at("useRecord") == false);
  BOOST_TEST(node.asked().back().at("rerun").at("callLo") != asked.at("callLo"));
}

BOOST_AUTO_TEST_CASE(an_abort_names_run_action_and_reason) {
  scripted_node node([](const std::string&, const json& value, std::uint32_t request) {
    return response(request, {{"run", run_row(value.at("run").get<std::string>(), "RUNNING")}});
  });
  BOOST_TEST(at(node, {"abort", "run", "r1", "--reason", "wrong input"}).status == 0);
  BOOST_TEST(node.asked().back() == json({{"abort", {{"run", "r1"}, {"action", ""}, {"reason", "wrong input"}}}}));
  BOOST_TEST(at(node, {"abort", "action", "r1", "ab12"}).status == 0);
  BOOST_TEST(node.asked().back() == json({{"abort", {{"run", "r1"}, {"action", "ab12"}, {"reason", ""}}}}));
  BOOST_TEST(at(node, {"abort", "r1", "--action", "ab12"}).status == 0);
  BOOST_TEST(node.asked().back() == json({{"abort", {{"run", "r1"}, {"action", "ab12"}, {"reason", ""}}}}));
}

BOOST_AUTO_TEST_CASE(a_node_that_runs_is_not_started_again) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return response(
      request,
      {{"status", {{"name", "n1"}, {"pid", 4711}, {"state", "running"}, {"idleExitMs", "600000"}, {"socket", "/s"}}}});
  });
  const auto started = at(node, {"node", "start"});
  BOOST_TEST(started.status == 0);
  BOOST_TEST(started.out == "A node is running already (pid 4711, /s); it ends after 10m 00s without work.\n");
  BOOST_TEST(contains(at(node, {"node", "status"}).out, "4711"));
  BOOST_TEST(json::parse(at(node, {"node", "status", "-o", "json"}).out).at("pid") == json(4711));
}

BOOST_AUTO_TEST_CASE(completion_offers_the_names_of_runs) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return response(request, {{"runs", {run_row("r1", "RUNNING"), run_row("r2", "RUNNING")}}});
  });
  BOOST_TEST(at(node, {"__complete", "logs", "r"}).out == "r1\nr2\n");
  BOOST_TEST(at(node, {"__complete", "get", "run", ""}).out == "r1\nr2\n");
}

BOOST_AUTO_TEST_CASE(a_socket_path_that_is_too_long_is_refused_in_words) {
  const auto refused = run({"--socket", "/tmp/" + std::string(120, 'x'), "get", "runs"});
  BOOST_TEST(refused.status == 1);
  BOOST_TEST(contains(refused.err, "longer than a Unix socket allows"));
}

BOOST_AUTO_TEST_CASE(a_word_too_many_is_refused_and_shown_without_steering_the_terminal) {
  scripted_node node([](const std::string&, const json&, std::uint32_t request) {
    return response(request, {{"events", json::array()}});
  });
  const auto shown = at(node, {"get", "events", "digits", "more\x1b[31m"});
  BOOST_TEST(shown.status == 2);
  BOOST_TEST(shown.err.find("one too many") != std::string::npos);
  BOOST_TEST(shown.err.find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(scaling_is_explained_in_words_with_decisions_that_differ_marked) {
  scripted_node node([](const std::string&, const json& what, std::uint32_t request) {
    if (what.value("what", "") == "environments")
      return response(request, {{"environments",
                                 {{{"name", "digits"},
                                   {"version", "abc"},
                                   {"replicas", 1},
                                   {"minReplicas", 0},
                                   {"maxReplicas", 4},
                                   {"concurrency", 1},
                                   {"idleTtlMs", "30000"},
                                   {"scaledownTtlMs", "60000"},
                                   {"learnedRunUs", "1500"}}}}});
    const json decided{{"unixMs", "1700000000000"},
                       {"environment", "digits"},
                       {"kind", "decided"},
                       {"text", "Started 1 replica: one call waits."},
                       {"decision", {{"rule", "demand"}, {"start", 1}, {"reproduced", false}}}};
    return response(request, {{"events", {{{"kind", "ready"}, {"text", "no decision"}}, decided}}});
  });
  const auto shown = at(node, {"explain", "scaling", "digits"});
  BOOST_TEST(shown.status == 0);
  BOOST_TEST(
    shown.out.find("has 1 ready replica and 0 starting. It may have 0 to 4 replicas, each with 1 call at a time.")
    != std::string::npos);
  BOOST_TEST(shown.out.find("a call takes 1.50 ms, a start an unknown time") != std::string::npos);
  BOOST_TEST(shown.out.find("Started 1 replica: one call waits. [demand]") != std::string::npos);
  BOOST_TEST(shown.out.find("gives something else") != std::string::npos);
  BOOST_TEST(shown.out.find("no decision") == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
