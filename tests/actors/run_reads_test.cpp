#include "actors/cluster_rows.hpp"
#include "actors/session.hpp"
#include "core/defaults.hpp"
#include "tests/support/linked_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;

namespace {

/// A run at home, and a client at the other node, which hears what was decided only when it asks.
struct reader : linked_world {
  reader() : spec(owned_away("env")) {
    connection = sys.spawn([this](connection_actor::pointer) -> connection_actor::behavior_type {
      return {[this](atom::effects, client::effects& effects) {
        for (auto& e : effects)
          heard.push_back(std::move(e));
      }};
    });
    session_config config;
    config.connection = connection;
    config.agent = away.agent;
    config.run_keeper = away.run_keeper;
    config.switchboard = away.switchboard;
    config.cluster.name = "lab";
    config.cluster.self = away.id;
    config.cluster.control = away.control->actor;
    session = sys.spawn([config](session_actor::stateful_pointer<session_state> self) {
      return self->state.make_behavior(self, config);
    });
    say(client::hello{1, defaults::protocol_version, "test", 1, "0", {}});
  }

  ~reader() {
    caf::anon_send_exit(session, caf::exit_reason::kill);
    caf::anon_send_exit(connection, caf::exit_reason::kill);
    run();
  }

  void say(client::event what) {
    heard.clear();
    client::events batch;
    batch.push_back(std::move(what));
    tell(session, atom::events::value, std::move(batch));
  }

  /// The phase of the only run that is listed; else why there is none.
  std::string phase(const std::string& name) {
    say(client::get{3, "run", name, 0});
    for (const auto& e : heard)
      if (const auto* why = std::get_if<client::refused>(&e))
        return std::string(hearth::name(why->why.code));
      else if (const auto* rows = std::get_if<client::rows<run_row>>(&e))
        return rows->items.size() == 1 ? rows->items[0].phase : std::to_string(rows->items.size()) + " rows";
    return "no answer";
  }

  std::shared_ptr<environment_spec> spec;
  client::effects heard;
  connection_actor connection;
  session_actor session;
};

run_row row_of(const std::string& phase, std::uint64_t actions) {
  run_row row;
  row.name = "nightly";
  row.phase = phase;
  row.actions = actions;
  return row;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(run_reads, reader)

BOOST_AUTO_TEST_CASE(a_node_that_is_behind_knows_a_run_as_soon_as_it_is_accepted_elsewhere) {
  away.control->is_behind = true;
  start_run(spec, "nightly");
  BOOST_TEST(phase("nightly") != "unknown_run");
  BOOST_TEST(phase("") != "0 rows");
}

BOOST_AUTO_TEST_CASE(a_node_that_is_behind_tells_the_result_of_a_run_that_it_has_not_heard_of) {
  away.control->is_behind = true;
  const auto root = start_run(spec, "nightly");
  say(client::result{4, "nightly"});
  finish(root, "42");
  away.control->catch_up();
  run();
  std::string value;
  for (const auto& e : heard)
    if (const auto* reply = std::get_if<call_reply>(&e))
      value = std::string(reply->value.head.view());
  BOOST_TEST(value == "42");
}

BOOST_AUTO_TEST_CASE(without_a_majority_only_ends_are_told_which_are_final) {
  finish(start_run(spec, "ended"), "42");
  start_run(spec, "open");
  log->is_cut = true;
  BOOST_TEST(phase("open") == "no_quorum");
  BOOST_TEST(phase("unknown") == "no_quorum");
  BOOST_TEST(phase("") == "no_quorum");
  BOOST_TEST(phase("ended") == "SUCCEEDED");
}

BOOST_AUTO_TEST_CASE(who_knows_of_the_end_of_a_run_counts_more_than_who_knows_of_many_calls) {
  link::member_answers all;
  for (const auto& row : {row_of("SUCCEEDED", 1), row_of("RUNNING", 7)})
    all.items.push_back({member_row{}, {0, {}, std::vector<run_row>{row}}});
  for (int turn = 0; turn < 2; ++turn) {
    BOOST_TEST(best_of_each(all, 10).at(0).phase == "SUCCEEDED");
    std::swap(all.items[0], all.items[1]);
  }
}

BOOST_AUTO_TEST_SUITE_END()
