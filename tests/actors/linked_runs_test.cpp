#include "tests/support/linked_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;

namespace {

constexpr call_id child{0xc, 0x1};

/// A run at home, whose root call runs on the other node.
struct root_away : linked_world {
  root_away() : spec(owned_away("env")), root(start_run(spec, "nightly")) {}

  const action_row& action(const std::vector<action_row>& rows, call_id which) const {
    const auto row = std::find_if(rows.begin(), rows.end(), [&](const auto& r) { return r.id == to_string(which); });
    if (row == rows.end())
      throw std::out_of_range("the action is not listed");
    return *row;
  }

  /// The name under which the record of the run keeps it.
  call_id name_of(call_id call) const { return {call.hi ^ root.hi, call.lo ^ root.lo}; }

  template <class Message>
  std::size_t said(const linked_node& by) const {
    return static_cast<std::size_t>(
      std::count_if(by.said.begin(), by.said.end(), [](const auto& m) { return std::holds_alternative<Message>(m); }));
  }

  std::shared_ptr<environment_spec> spec;
  call_id root;
};

/// Who asks for a record.
struct scripted_seeker {
  seeker_actor handle;
  std::vector<found_child> heard;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(linked_runs, root_away)

BOOST_AUTO_TEST_CASE(actions_on_another_node_are_listed_at_the_home_of_their_run) {
  calls_child(root, spec, child);
  const auto open = actions(home, "nightly");
  BOOST_TEST_REQUIRE(open.size() == 2u);
  BOOST_TEST(action(open, root).phase == "RUNNING");
  BOOST_TEST(action(open, child).phase == "RUNNING");
  BOOST_TEST(action(open, child).task == "env.square");
  BOOST_TEST(action(open, child).parent == to_string(root));
  BOOST_TEST(action(open, child).depth == 1u);
  BOOST_TEST(action(open, child).replica != 0u);
  finish(child);
  finish(root);
  for (const auto& row : actions(home, "nightly"))
    BOOST_TEST(row.phase == "SUCCEEDED");
  BOOST_TEST(actions(away, "nightly").empty());
}

BOOST_AUTO_TEST_CASE(a_child_that_returned_on_another_node_is_answered_from_the_record_at_home) {
  calls_child(root, spec, child);
  finish(child, "forty-two");
  BOOST_TEST(home.doors->records.find(root, name_of(child)).has_value());
  die(root);
  auto& again = at(root);
  BOOST_TEST(again.calls.back().attempt == 2u);
  calls_child(root, spec, child);
  BOOST_TEST_REQUIRE(again.child_replies.size() == 1u);
  BOOST_TEST((again.child_replies[0].id == child));
  BOOST_TEST(again.child_replies[0].value.head.view() == "forty-two");
  BOOST_TEST(executions(child) == 1u);
  BOOST_TEST(said<link::sought>(away) == 1u);
  BOOST_TEST(said<link::found>(home) == 1u);
  const call_id other{0xc, 0x2}; // not recorded, which is told at once
  calls_child(root, spec, other);
  BOOST_TEST(executions(other) == 1u);
}

BOOST_AUTO_TEST_CASE(a_child_whose_result_is_recorded_has_succeeded_whatever_else_was_lost) {
  calls_child(root, spec, child);
  away.loses = [](const auto& m) { return std::holds_alternative<link::acted>(m); };
  finish(child);
  BOOST_TEST(action(actions(home, "nightly"), child).phase == "SUCCEEDED");
  away.loses = {};
  BOOST_TEST(action(actions(home, "nightly"), root).phase == "RUNNING");
}

BOOST_AUTO_TEST_CASE(no_action_of_an_ended_run_is_listed_as_running) {
  calls_child(root, spec, child);
  away.loses = [](const auto& m) { return std::holds_alternative<link::acted>(m); };
  finish(root); // its child is cancelled, and nobody reports either
  const auto rows = actions(home, "nightly");
  BOOST_TEST(action(rows, root).phase == "SUCCEEDED");
  BOOST_TEST(action(rows, child).phase == "UNKNOWN");
  BOOST_TEST(action(rows, child).error.find("not reported") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_action_that_ends_after_its_run_is_listed_as_it_ended) {
  calls_child(root, spec, child);
  finish(root);
  BOOST_TEST(action(actions(home, "nightly"), child).phase
             == "ABORTED"); // which was reported behind the end of the run
}

BOOST_AUTO_TEST_CASE(an_action_on_another_node_is_aborted_where_it_runs) {
  const auto inner = owned_away("inner"); // only that node itself calls it
  for (const auto& of : {spec, inner}) {
    const call_id which{0xd, of == spec ? 1u : 2u};
    calls_child(root, of, which);
    auto& where = at(which);
    const auto before = where.cancelled.size();
    const auto row = ask<run_row>(*this, home.run_keeper, atom::abort::value, std::string("nightly"), to_string(which),
                                  std::string("enough"));
    BOOST_TEST(row.first.has_value());
    BOOST_TEST_REQUIRE(where.cancelled.size() == before + 1);
    BOOST_TEST(where.held.contains(where.cancelled.back()));
  }
  BOOST_TEST(executions(root) == 1u);
  BOOST_TEST(action(actions(home, "nightly"), root).phase == "RUNNING");
}

BOOST_AUTO_TEST_CASE(an_action_is_aborted_from_a_node_that_is_not_the_home_of_its_run) {
  calls_child(root, spec, child);
  auto& where = at(child);
  const auto row = ask<run_row>(*this, away.run_keeper, atom::abort::value, std::string("nightly"), to_string(child),
                                std::string("enough"));
  BOOST_TEST_REQUIRE(row.first.has_value());
  BOOST_TEST(std::get<0>(*row.first).name == "nightly");
  BOOST_TEST(where.cancelled.size() == 1u);
  const auto none = ask<run_row>(*this, away.run_keeper, atom::abort::value, std::string("nightly"),
                                 std::string("ffffffff"), std::string("enough"));
  BOOST_TEST((failure_of(none.second).code == ec::bad_request));
}

BOOST_AUTO_TEST_CASE(a_node_that_is_not_the_home_of_a_run_keeps_nothing_of_it_and_says_so_at_once) {
  finished_child returned{root, child, {}};
  returned.reply.id = child;
  tell(away.run_keeper, atom::record::value, std::vector<finished_child>{returned});
  BOOST_TEST(!away.doors->records.find(root, name_of(child)).has_value());
  action_event event;
  event.root = root;
  event.id = child;
  event.task = "env.square";
  tell(away.run_keeper, atom::actions::value, std::vector<action_event>{event});
  BOOST_TEST(actions(away, "nightly").empty());
  auto seeker = std::make_shared<scripted_seeker>();
  seeker->handle = sys.spawn([seeker](seeker_actor::pointer) -> seeker_actor::behavior_type {
    return {[seeker](atom::found, std::vector<found_child>& children) { seeker->heard = std::move(children); }};
  });
  const auto asked = away.doors->finds;
  tell(away.run_keeper, atom::seek::value, root, std::vector<call_id>{child}, seeker->handle);
  BOOST_TEST_REQUIRE(seeker->heard.size() == 1u);
  BOOST_TEST((seeker->heard[0].id == child));
  BOOST_TEST(!seeker->heard[0].reply.has_value());
  BOOST_TEST(away.doors->finds == asked);
  caf::anon_send_exit(seeker->handle, caf::exit_reason::kill);
  seeker->handle = seeker_actor{};
  run();
}

BOOST_AUTO_TEST_SUITE_END()
