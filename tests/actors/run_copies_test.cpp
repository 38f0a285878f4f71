#include "tests/support/linked_world.hpp"

#include <boost/test/unit_test.hpp>

#include <utility>

using namespace hearth;
using namespace hearth::test;

namespace {

constexpr call_id inner{0xc, 0x1};

/// A run at home, whose root call runs on the other node; both may become its home.
struct two_homes : linked_world {
  two_homes() : spec(owned_away("env")) {}

  /// The name under which the record of the run keeps it.
  static call_id name_of(call_id call, call_id root) { return {call.hi ^ root.hi, call.lo ^ root.lo}; }

  /// The other node becomes the home of what was at home.
  void move_runs() {
    log->commit(cluster::end_seat{log->seat, cluster::departure::left});
    log->rehome(seat_of_away);
    catch_up();
    for (auto& i : away.doors->interpreters) // what ran for the former home is told to end, and does
      for (auto slot : std::exchange(i->cancelled, {})) {
        interpreter::outcome o;
        o.slot = slot;
        o.reply.code = ec::aborted;
        i->held.erase(slot);
        says(*i, std::move(o));
      }
  }

  void leave_home() {
    log->commit(cluster::end_seat{seat_of_away, cluster::departure::left});
    catch_up();
  }

  std::shared_ptr<environment_spec> spec;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(run_copies, two_homes)

BOOST_AUTO_TEST_CASE(what_a_home_records_is_kept_by_another_node_too) {
  const auto root = start_run(spec, "nightly");
  calls_child(root, spec, inner);
  finish(inner, "forty-two");
  BOOST_TEST(home.doors->records.find(root, name_of(inner, root)).has_value());
  const auto copy = away.doors->records.find(root, name_of(inner, root));
  BOOST_TEST_REQUIRE(copy.has_value());
  BOOST_TEST(copy->value.head.view() == "forty-two");
}

BOOST_AUTO_TEST_CASE(a_copy_that_nobody_takes_is_given_up_and_the_next_ones_are_kept) {
  const auto root = start_run(spec, "nightly");
  const call_id later{0xc, 0x2};
  home.loses = [](const auto& m) {
    const auto* question = std::get_if<link::ask>(&m);
    return question != nullptr && question->what == "record";
  };
  calls_child(root, spec, inner);
  finish(inner);
  home.loses = {};
  advance(defaults::record_patience);
  BOOST_TEST(!away.doors->records.find(root, name_of(inner, root)).has_value());
  calls_child(root, spec, later);
  finish(later);
  BOOST_TEST(away.doors->records.find(root, name_of(later, root)).has_value());
}

BOOST_AUTO_TEST_CASE(the_actions_of_a_run_are_those_that_its_newest_home_knows) {
  const auto root = start_run(spec, "nightly");
  calls_child(root, spec, inner);
  BOOST_TEST(actions(home, "nightly").size() == 2u);
  move_runs();
  BOOST_TEST(actions(home, "nightly").empty());
  BOOST_TEST(actions(away, "nightly").size() == 1u);
  finish(root);
  BOOST_TEST(actions(home, "nightly").empty());
  BOOST_TEST_REQUIRE(actions(away, "nightly").size() == 1u);
  BOOST_TEST(actions(away, "nightly").front().phase == "SUCCEEDED");
}

BOOST_AUTO_TEST_CASE(a_new_home_answers_a_parent_from_its_copy_of_the_record) {
  const auto root = start_run(spec, "nightly");
  calls_child(root, spec, inner);
  finish(inner, "forty-two");
  move_runs();
  auto& again = at(root);
  BOOST_TEST(executions(root) == 2u);
  calls_child(root, spec, inner);
  BOOST_TEST_REQUIRE(again.child_replies.size() == 1u);
  BOOST_TEST(again.child_replies[0].value.head.view() == "forty-two");
  BOOST_TEST(executions(inner) == 1u);
}

BOOST_AUTO_TEST_CASE(a_new_home_asks_the_others_for_what_it_does_not_have_and_keeps_it) {
  const auto root = start_run(spec, "nightly");
  calls_child(root, spec, inner);
  finish(inner, "forty-two");
  const auto name = name_of(inner, root);
  away.doors->records.forget(root); // its copy came too late
  move_runs();
  auto& again = at(root);
  calls_child(root, spec, inner);
  BOOST_TEST_REQUIRE(again.child_replies.size() == 1u);
  BOOST_TEST((again.child_replies[0].id == inner));
  BOOST_TEST(again.child_replies[0].value.head.view() == "forty-two");
  BOOST_TEST(executions(inner) == 1u);
  BOOST_TEST(away.doors->records.find(root, name).has_value());
}

BOOST_AUTO_TEST_CASE(a_child_that_nobody_recorded_runs_again_at_the_new_home) {
  const auto root = start_run(spec, "nightly");
  calls_child(root, spec, inner);
  finish(inner, "forty-two");
  away.doors->records.forget(root);
  home.doors->records.forget(root);
  move_runs();
  calls_child(root, spec, inner);
  BOOST_TEST(executions(inner) == 2u);
  finish(inner, "again");
  BOOST_TEST(at(root).child_replies.back().value.head.view() == "again");
}

BOOST_AUTO_TEST_CASE(large_arguments_are_on_two_nodes_before_a_run_is_accepted) {
  const std::string large(defaults::run_inline_bytes_max + 1, 'a');
  start_run(spec, "nightly", large);
  BOOST_TEST(home.kept_blobs->size() == 1u);
  BOOST_TEST_REQUIRE(away.kept_blobs->size() == 1u);
  BOOST_TEST(away.kept_blobs->begin()->second.size() == large.size());
  start_run(spec, "another", "small");
  BOOST_TEST(away.kept_blobs->size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_run_is_refused_when_the_node_that_is_there_cannot_keep_its_large_arguments) {
  away.kept_blobs->is_full = true;
  const std::string large(defaults::run_inline_bytes_max + 1, 'a');
  BOOST_CHECK_THROW(start_run(spec, "nightly", large), std::runtime_error);
  BOOST_TEST((refusal.code == ec::storage_failed));
}

BOOST_AUTO_TEST_SUITE_END()
