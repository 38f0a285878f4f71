#include "node/wire/control.hpp"

#include "core/defaults.hpp"
#include "node/wire/environment.hpp"
#include "node/wire/environment_version.hpp"

#include <boost/test/unit_test.hpp>
#include <capnp/compat/json.h>
#include <capnp/message.h>
#include <schema/control.capnp.h>

#include <random>
#include <string>

using namespace hearth;
using namespace hearth::wire;

BOOST_AUTO_TEST_SUITE(wire_control)

namespace {

template <class Event>
Event accepted(std::string_view json) {
  auto result = read_request(7, json, "/usr/bin/python3");
  if (auto* why = std::get_if<failure>(&result))
    BOOST_FAIL("refused: " + why->message);
  return std::get<Event>(std::get<client::event>(result));
}

failure refused(std::string_view json) {
  auto result = read_request(7, json, "/usr/bin/python3");
  BOOST_REQUIRE_MESSAGE(std::holds_alternative<failure>(result), "accepted: " << json.substr(0, 200));
  return std::get<failure>(result);
}

struct decoded {
  explicit decoded(std::string_view json) {
    capnp::JsonCodec codec;
    codec.decode({json.data(), json.size()}, memory.initRoot<Response>());
  }
  Response::Reader operator*() { return memory.getRoot<Response>().asReader(); }

  capnp::MallocMessageBuilder memory;
};

constexpr std::string_view minimal_environment = R"({"openEnvironment": {"name": "e", "bundle": "b",
  "tasks": [{"name": "e.f", "module": "m", "function": "f", "retries": {"count": 2, "lost": 3, "backoffFactor": 2.0}}],
  "reuse": {"enabled": true, "minReplicas": 1, "maxReplicas": 2, "concurrency": 1, "idleTtlMs": "30000"}}})";

} // namespace

BOOST_AUTO_TEST_CASE(names_of_any_language_arrive_as_they_were_sent) {
  const auto run = accepted<client::start_run>(
    R"({"startRun": {"name": "caf\u00e9 \ud83d\ude00", "inputs": "\u001b\u007f"}})");
  BOOST_CHECK_EQUAL(run.name, "caf\u00e9 \U0001f600");
  BOOST_CHECK_EQUAL(run.inputs, "\x1b\x7f");
}

BOOST_AUTO_TEST_CASE(every_request_becomes_the_event_it_means) {
  auto hello = accepted<client::hello>(
    R"({"hello": {"protocol": 1, "program": "digits.py", "pid": 42, "version": "0.1"}})");
  BOOST_CHECK_EQUAL(hello.request, 7u);
  BOOST_CHECK_EQUAL(hello.program, "digits.py");
  BOOST_CHECK_EQUAL(hello.pid, 42u);
  auto put = accepted<client::put_bundle>(R"({"putBundle": {"digest": "ab", "size": "12"}})");
  BOOST_CHECK_EQUAL(put.digest, "ab");
  BOOST_CHECK_EQUAL(put.size, 12u);
  auto start = accepted<client::start_run>(R"({"startRun": {"callHi": "18446744073709551615", "callLo": 3, "name": "n",
    "detach": true, "logs": true, "project": "p", "domain": "d", "inputs": "i"}})");
  BOOST_CHECK(start.call == (call_id{UINT64_MAX, 3}));
  BOOST_CHECK(start.detach && start.logs);
  BOOST_CHECK_EQUAL(start.name + start.project + start.domain + start.inputs, "npdi");
  auto abort = accepted<client::abort>(R"({"abort": {"run": "r", "action": "a", "reason": "why"}})");
  BOOST_CHECK_EQUAL(abort.run + abort.action + abort.reason, "rawhy");
  auto rerun = accepted<client::rerun>(
    R"({"rerun": {"name": "r", "newName": "n", "useRecord": true, "callHi": "18446744073709551615", "callLo": 3}})");
  BOOST_CHECK(rerun.call == (call_id{UINT64_MAX, 3}));
  BOOST_CHECK(rerun.use_record);
  BOOST_CHECK_EQUAL(rerun.name + rerun.new_name, "rn");
  auto get = accepted<client::get>(R"({"get": {"what": "runs", "name": "n", "limit": 5}})");
  BOOST_CHECK_EQUAL(get.what + get.name, "runsn");
  BOOST_CHECK_EQUAL(get.limit, 5u);
  auto logs = accepted<client::logs>(R"({"logs": {"of": "r", "action": "a", "follow": true, "lines": 9}})");
  BOOST_CHECK(logs.follow && logs.lines == 9 && logs.of == "r" && logs.action == "a");
  BOOST_CHECK_EQUAL(accepted<client::wait>(R"({"wait": "r"})").run, "r");
  BOOST_CHECK_EQUAL(accepted<client::result>(R"({"result": "r"})").run, "r");
  BOOST_CHECK_EQUAL(accepted<client::status>(R"({"status": null})").request, 7u);
  auto stop = accepted<client::stop>(R"({"stop": {"graceMs": "18446744073709551615", "reason": "r"}})");
  BOOST_REQUIRE(stop.grace.has_value());
  BOOST_CHECK(*stop.grace > std::chrono::hours(24 * 365) && *stop.grace + *stop.grace > *stop.grace);
  BOOST_CHECK(!accepted<client::stop>(R"({"stop": {"usualGrace": true}})").grace.has_value());
  BOOST_CHECK(accepted<client::open_environment>(R"({"deploy": {"name": "e", "bundle": "b"}})").deploy);
}

BOOST_AUTO_TEST_CASE(an_environment_comes_with_its_version_and_an_interpreter) {
  auto open = accepted<client::open_environment>(minimal_environment);
  BOOST_REQUIRE(open.spec);
  BOOST_CHECK_EQUAL(open.spec->python, "/usr/bin/python3");
  BOOST_CHECK_EQUAL(open.spec->version, node::environment_version(*open.spec));
  BOOST_CHECK_EQUAL(open.spec->tasks.at(0).retries.count, 2u);
  BOOST_CHECK(open.spec->reuse.idle_ttl == std::chrono::seconds(30));
}

BOOST_AUTO_TEST_CASE(hygiene_and_hooks_of_an_environment_read_back_as_they_were_written) {
  environment_spec spec;
  spec.reuse.prewarm = true;
  spec.reuse.hygiene = "fork";
  spec.reuse.recycle_calls = UINT64_MAX;
  spec.reuse.recycle_age = milliseconds(5);
  spec.reuse.recycle_growth_bytes = 6;
  spec.hooks = {{"m", "load", "", true, false}, {"m", "close", "p", false, true}};
  capnp::MallocMessageBuilder memory;
  write_environment(spec, memory.initRoot<::Environment>());
  const auto read = read_environment(memory.getRoot<::Environment>().asReader());
  BOOST_CHECK(read.reuse == spec.reuse);
  BOOST_CHECK(read.hooks == spec.hooks);
  const auto defaults = accepted<client::open_environment>(minimal_environment).spec;
  BOOST_CHECK_EQUAL(defaults->reuse.hygiene, "keep");
  BOOST_CHECK(!defaults->reuse.forks_per_call());
}

BOOST_AUTO_TEST_CASE(an_app_reads_back_as_it_was_written) {
  environment_spec spec;
  spec.app = {
    "command",       "m",    "a", "p", true, {"serve", "--port", "$PORT"}, 8080, "/health", false, {"a.example"},
    milliseconds(7), "rate", 9,   true};
  capnp::MallocMessageBuilder memory;
  write_environment(spec, memory.initRoot<::Environment>());
  const auto read = read_environment(memory.getRoot<::Environment>().asReader());
  BOOST_CHECK(read.app == spec.app);
  BOOST_CHECK(read.is_app());
  BOOST_CHECK(!accepted<client::open_environment>(minimal_environment).spec->is_app());
}

BOOST_AUTO_TEST_CASE(what_is_no_request_is_refused_with_a_reason) {
  for (auto* json : {"",
                     "nul",
                     "null",
                     "[]",
                     "7",
                     "{}",
                     "{",
                     R"({"unspecified": null})",
                     R"({"noSuchThing": {}})",
                     R"({"hello": {"protocol": 1}, "status": null})",
                     R"({"hello": 7})",
                     R"({"hello": []})",
                     R"({"wait": {}})",
                     R"({"hello": {"protocol": -1}})",
                     R"({"hello": {"protocol": 4294967296}})",
                     R"({"hello": {"protocol": 1.5}})",
                     R"({"hello": {"protocol": "x"}})",
                     R"({"hello": {"protocol": 1, "surprise": 2}})",
                     R"({"putBundle": {"size": "-1"}})",
                     R"({"putBundle": {"size": "99999999999999999999999"}})",
                     R"({"putBundle": {"size": 1e300}})",
                     R"({"openEnvironment": {"tasks": [1, 2]}})",
                     R"({"openEnvironment": {"tasks": {"name": "x"}}})",
                     R"({"get": {"limit": true}})",
                     "{\"wait\": \"\x01\"",
                     R"({"status": null} trailing)"}) {
    const auto why = refused(json);
    BOOST_CHECK(why.code == ec::bad_request);
    BOOST_CHECK_MESSAGE(!why.message.empty() && why.message.size() < 1000, json);
  }
}

BOOST_AUTO_TEST_CASE(a_back_off_that_is_no_number_is_refused) {
  for (auto* factor : {"-1.0", "\"NaN\"", "\"Infinity\"", "1e999"}) {
    const auto json = R"({"openEnvironment": {"name": "e", "tasks": [{"name": "t", "retries": {"backoffFactor": )"
                      + std::string(factor) + "}}]}}";
    BOOST_CHECK(refused(json).code == ec::bad_request);
  }
}

BOOST_AUTO_TEST_CASE(a_hygiene_that_cannot_be_kept_is_refused) {
  for (auto* reuse : {R"({"hygiene": "clean"})", R"({"hygiene": "fork", "concurrency": 2})"})
    BOOST_CHECK(refused(R"({"openEnvironment": {"name": "e", "reuse": )" + std::string(reuse) + "}}").code
                == ec::bad_request);
}

BOOST_AUTO_TEST_CASE(an_isolation_or_a_mount_that_there_is_not_is_refused) {
  const auto said = [](const std::string& more) {
    auto result = read_request(1, R"({"openEnvironment":{"name":"e",)" + more + "}}", "/usr/bin/python3");
    const auto* why = std::get_if<failure>(&result);
    return why ? why->message : std::string();
  };
  BOOST_CHECK_NE(said(R"("isolation":"container")").find("\"process\" and \"sandbox\""), std::string::npos);
  BOOST_CHECK_NE(said(R"("mounts":["/a/../etc"])").find("/a/../etc"), std::string::npos);
  BOOST_CHECK_EQUAL(said(R"("isolation":"sandbox","mounts":["/data","/scratch:rw"])"), "");
}

BOOST_AUTO_TEST_CASE(deep_and_huge_nonsense_is_refused) {
  const auto deep = [](std::string_view open, std::size_t n) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i)
      text += open;
    return text;
  };
  BOOST_CHECK(refused(deep("[", defaults::mib)).code == ec::bad_request);
  BOOST_CHECK(refused(deep(R"({"a":)", 200'000)).code == ec::bad_request);
  BOOST_CHECK(refused("{\"openEnvironment\": {\"preload\": [" + deep("[],", 300'000) + "[]]}}").code
              == ec::bad_request);
  BOOST_CHECK(refused("{\"wait\": \"" + deep("x", defaults::mib)).code == ec::bad_request);
  BOOST_CHECK_EQUAL(accepted<client::wait>("{\"wait\": \"" + deep("x", defaults::mib / 2) + "\"}").run.size(),
                    defaults::mib / 2);
}

BOOST_AUTO_TEST_CASE(mutated_requests_are_accepted_or_refused_but_never_more) {
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    std::string json(minimal_environment);
    for (auto changes = random() % 4 + 1; changes > 0; --changes)
      switch (random() % 3) {
        case 0:
          json[random() % json.size()] = static_cast<char>(random());
          break;
        case 1:
          json.erase(random() % json.size(), random() % 9);
          break;
        default:
          json.insert(random() % json.size(), json.substr(random() % json.size(), random() % 30));
      }
    auto result = read_request(1, json, {});
    if (auto* why = std::get_if<failure>(&result))
      BOOST_CHECK(why->code == ec::bad_request && !why->message.empty());
  }
}

BOOST_AUTO_TEST_CASE(answers_read_back_as_they_were) {
  {
    decoded welcome(write_response(client::welcome{1, "node", "id", true}));
    BOOST_CHECK_EQUAL((*welcome).getHello().getWindowBytes(), defaults::window_bytes);
    BOOST_CHECK((*welcome).getHello().getPrivate());
  }
  {
    decoded error(write_response(client::refused{1, {ec::queue_full, "full \"quoted\"\n"}}));
    BOOST_CHECK_EQUAL((*error).getError().getName().cStr(), "queue_full");
    BOOST_CHECK_EQUAL((*error).getError().getMessage().cStr(), "full \"quoted\"\n");
  }
  {
    decoded opened(write_response(opened_handle{1, 5, "v", true, {}}));
    BOOST_CHECK_EQUAL((*opened).getEnvironment().getHandle(), 5u);
    decoded not_opened(write_response(opened_handle{1, 0, {}, false, {ec::bad_request, "no"}}));
    BOOST_CHECK((*not_opened).isError());
  }
  {
    client::run_state state{1, {}};
    state.row.name = "r1";
    state.row.call = {UINT64_MAX, 1};
    decoded run(write_response(state));
    BOOST_CHECK_EQUAL((*run).getRun().getCallHi(), UINT64_MAX);
  }
  decoded bundle(write_response(client::bundle_state{1, "d", true}));
  BOOST_CHECK((*bundle).getBundle().getStored());
  decoded done(write_response(client::done{1, "x"}));
  BOOST_CHECK_EQUAL((*done).getDone().getDetail().cStr(), "x");
}

BOOST_AUTO_TEST_CASE(bytes_of_a_user_that_are_no_text_are_replaced) {
  decoded error(write_response(client::refused{1, {ec::user_error, "a\xff\xed\xa0\x80z\xc3\xa9"}}));
  const std::string text = (*error).getError().getMessage().cStr();
  BOOST_CHECK_EQUAL(text, "a\xef\xbf\xbd\xef\xbf\xbdz\xc3\xa9");
}

BOOST_AUTO_TEST_CASE(a_listing_comes_in_pages_of_a_frame_each) {
  std::vector<run_row> rows(1000);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].name = "r" + std::to_string(i);
    rows[i].error = std::string(i % 100 == 0 ? 60'000 : 100, '\x01'); // six characters each in JSON
  }
  std::size_t seen = 0;
  bool last = false;
  write_rows(rows, false, [&](const std::string& json, bool more) {
    BOOST_CHECK(!last);
    BOOST_CHECK_LE(json.size(), defaults::frame_body_bytes_max);
    decoded page(json);
    for (auto row : (*page).getRuns())
      BOOST_CHECK_EQUAL(row.getName().cStr(), "r" + std::to_string(seen++));
    last = !more;
  });
  BOOST_CHECK_EQUAL(seen, rows.size());
  BOOST_CHECK(last);
}

BOOST_AUTO_TEST_CASE(an_empty_listing_is_one_answer) {
  int answers = 0;
  write_rows(std::vector<node_row>{}, false, [&](const std::string& json, bool more) {
    ++answers;
    BOOST_CHECK(!more);
    decoded page(json);
    BOOST_CHECK((*page).isNodes() && (*page).getNodes().size() == 0);
  });
  BOOST_CHECK_EQUAL(answers, 1);
}

BOOST_AUTO_TEST_CASE(a_row_that_fits_no_frame_is_an_error_of_the_listing) {
  std::vector<environment_row> rows(1);
  rows[0].tasks.assign(2000, std::string(1000, 't'));
  int answers = 0;
  write_rows(rows, false, [&](const std::string& json, bool more) {
    ++answers;
    decoded page(json);
    BOOST_CHECK(!more && (*page).isError());
  });
  BOOST_CHECK_EQUAL(answers, 1);
}

BOOST_AUTO_TEST_CASE(what_operators_ask_of_a_cluster_is_read) {
  BOOST_TEST(accepted<client::ask_cluster>(R"({"cluster": null})").request == 7u);
  const auto admit = accepted<client::admit_node>(R"({"admitNode": {"node": "n", "name": "beta"}})");
  BOOST_TEST(admit.node == "n");
  BOOST_TEST(admit.name == "beta");
  BOOST_TEST(accepted<client::remove_node>(R"({"removeNode": "beta"})").node == "beta");
  BOOST_TEST(!accepted<client::drain_node>(R"({"drainNode": {"node": "beta", "draining": false}})").draining);
  BOOST_TEST(accepted<client::set_voters>(R"({"setVoters": ["a", "b", "c"]})").nodes.size() == 3u);
  BOOST_TEST(refused(R"({"setVoters": []})").message.find("one, three or five") != std::string::npos);
  BOOST_TEST(!accepted<client::make_join_token>(R"({"joinToken": {}})").valid.has_value());
  BOOST_TEST(
    (accepted<client::make_join_token>(R"({"joinToken": {"validMs": "60000"}})").valid == milliseconds{60'000}));
  const auto ping = accepted<client::ping_node>(R"({"ping": {"node": "beta", "count": 9}})");
  BOOST_TEST(ping.node == "beta");
  BOOST_TEST(ping.count == 9u);
  BOOST_TEST(accepted<client::back_up>(R"({"backup": "/a/b"})").target == "/a/b");
}

BOOST_AUTO_TEST_CASE(echoes_of_a_link_are_written_in_nanoseconds) {
  using std::chrono::nanoseconds;
  decoded answer(
    write_response(client::echoes{7, "beta", 9, nanoseconds{1}, nanoseconds{2}, nanoseconds{3}, nanoseconds{4}}));
  const auto echoes = (*answer).getEchoes();
  BOOST_TEST(std::string(echoes.getNode().cStr()) == "beta");
  BOOST_TEST(echoes.getCount() == 9u);
  BOOST_TEST(echoes.getMinNs() == 1u);
  BOOST_TEST(echoes.getP50Ns() == 2u);
  BOOST_TEST(echoes.getP99Ns() == 3u);
  BOOST_TEST(echoes.getMaxNs() == 4u);
}

BOOST_AUTO_TEST_CASE(the_state_of_a_cluster_is_written_with_its_members) {
  member_row member;
  member.node = {1, 2};
  member.name = "alpha";
  member.address = "127.0.0.1:7400";
  member.seat = {9};
  member.incarnation = 3;
  member.is_voter = member.is_leader = true;
  member.capacity = {1024, 2000, 1};
  decoded answer(write_response(client::cluster_state{7, "lab", {3, 4}, {1, 2}, {false, {9}, "No quorum."}, {member}}));
  const auto state = (*answer).getCluster();
  BOOST_TEST(std::string(state.getName().cStr()) == "lab");
  BOOST_TEST(std::string(state.getNodeId().cStr()) == to_string(node_uuid{1, 2}));
  BOOST_TEST(!state.getHolds());
  BOOST_TEST(std::string(state.getWhyNot().cStr()) == "No quorum.");
  BOOST_REQUIRE(state.getMembers().size() == 1u);
  const auto row = state.getMembers()[0];
  BOOST_TEST(std::string(row.getName().cStr()) == "alpha");
  BOOST_TEST(row.getSeat() == 9u);
  BOOST_TEST(row.getVoter());
  BOOST_TEST(row.getLeader());
  BOOST_TEST(!row.getDraining());
  BOOST_TEST(row.getMemoryBytes() == 1024u);
}

BOOST_AUTO_TEST_CASE(an_app_is_activated_deactivated_or_deleted_and_nothing_else) {
  const auto change = [](const std::string& what) {
    return R"({"changeApp": {"project": "p", "domain": "d", "name": "web", "what": ")" + what + "\"}}";
  };
  const auto off = accepted<client::change_app>(change("deactivate"));
  BOOST_TEST(off.project + '/' + off.domain + '/' + off.name == "p/d/web");
  BOOST_CHECK(off.what == client::app_change::deactivate);
  BOOST_CHECK(accepted<client::change_app>(change("activate")).what == client::app_change::activate);
  BOOST_CHECK(accepted<client::change_app>(change("delete")).what == client::app_change::remove);
  BOOST_TEST(refused(change("restart")).message.find("`restart` is none of these") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
