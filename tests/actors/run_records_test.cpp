#include "tests/support/scripted_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t child_number = 0xabcdef;

call_reply reply_of(call_id id, std::size_t bytes) {
  call_reply reply;
  reply.id = id;
  reply.value = payload::text(std::string(bytes, 'v'));
  return reply;
}

/// A run whose root call makes calls of its own environment.
struct parent_world : scripted_world {
  parent_world() {
    spec->tasks[0].retries.count = 1;
    handle = open(client, spec);
  }

  scripted_interpreter& begin() {
    start_run(client, handle, "nightly");
    return at_root();
  }

  /// The interpreter in which the newest root call runs; it has opened the environment that it calls.
  scripted_interpreter& at_root() {
    for (auto& i : doors->interpreters)
      if (!i->halted && !i->calls.empty() && i->calls.back().header.depth == 0
          && i->held.contains(i->calls.back().slot)) {
        says(*i, interpreter::open_environment{5, spec});
        return *i;
      }
    throw std::out_of_range("no root call runs");
  }

  call_id calls(scripted_interpreter& parent, std::uint64_t number = child_number) {
    return calls_child(parent, parent.calls.size() - 1, parent.opened.at(0).handle, true, number);
  }

  /// Executions of the call so far, in any interpreter.
  std::size_t executions(call_id id) const {
    std::size_t count = 0;
    for (const auto& i : doors->interpreters)
      count += static_cast<std::size_t>(
        std::count_if(i->calls.begin(), i->calls.end(), [&](const auto& c) { return c.header.id == id; }));
    return count;
  }

  void finish_call(call_id id, ec code = ec::none, std::string_view value = "result") {
    for (const auto& i : doors->interpreters) {
      std::set<std::uint32_t> seen; // only the newest call of a slot is in it
      for (auto n = i->calls.size(); n > 0 && !i->halted; --n) {
        const auto& call = i->calls[n - 1];
        if (seen.insert(call.slot).second && call.header.id == id && i->held.contains(call.slot))
          return finish(*i, n - 1, code, value);
      }
    }
    BOOST_FAIL("the call is not there");
  }

  std::shared_ptr<environment_spec> spec = make_spec(3, 3);
  scripted_client& client = connect();
  std::uint32_t handle = 0;
};

} // namespace

BOOST_AUTO_TEST_SUITE(records_in_memory)

BOOST_AUTO_TEST_CASE(what_was_put_is_found_below_its_root_until_that_is_forgotten) {
  run_records records;
  records.put({id(1), id(5), reply_of(id(5), 10)});
  BOOST_TEST(records.find(id(1), id(5))->value.size() == 10u);
  BOOST_TEST(!records.find(id(2), id(5)));
  BOOST_TEST(!records.find(id(1), id(6)));
  records.forget(id(1));
  BOOST_TEST(!records.find(id(1), id(5)));
  BOOST_TEST(records.bytes() == 0u);
}

BOOST_AUTO_TEST_CASE(when_it_is_full_the_oldest_runs_go_and_what_does_not_fit_at_all_is_counted) {
  run_records records(2 * (100 + 256));
  records.put({id(1), id(5), reply_of(id(5), 100)});
  records.put({id(2), id(6), reply_of(id(6), 100)});
  records.put({id(2), id(7), reply_of(id(7), 100)});
  BOOST_TEST(!records.find(id(1), id(5)));
  BOOST_TEST(records.find(id(2), id(7)).has_value());
  records.put({id(2), id(8), reply_of(id(8), 100)});
  BOOST_TEST(!records.find(id(2), id(8)));
  BOOST_TEST(records.dropped() == 1u);
}

BOOST_AUTO_TEST_CASE(a_child_is_kept_as_it_was_recorded_first) {
  run_records records;
  records.put({id(1), id(5), reply_of(id(5), 10)});
  records.put({id(1), id(5), reply_of(id(5), 20)});
  BOOST_TEST(records.find(id(1), id(5))->value.size() == 10u);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(records_of_runs, parent_world)

BOOST_AUTO_TEST_CASE(a_finished_child_is_not_run_again_when_its_parent_is) {
  auto& parent = begin();
  const auto child = calls(parent);
  finish_call(child, ec::none, "forty-two");
  die(parent);
  auto& again = at_root();
  BOOST_TEST(again.calls.back().attempt == 2u);
  BOOST_TEST(again.calls.back().in_run);
  calls(again);
  BOOST_TEST_REQUIRE(again.child_replies.size() == 1u);
  BOOST_TEST((again.child_replies[0].id == child));
  BOOST_TEST(again.child_replies[0].value.head.view() == "forty-two");
  BOOST_TEST(executions(child) == 1u);
  const auto other = calls(again, child_number + 1);
  BOOST_TEST(executions(other) == 1u);
}

BOOST_AUTO_TEST_CASE(a_child_that_failed_or_was_left_behind_runs_again) {
  auto& parent = begin();
  const auto failed = calls(parent);
  finish_call(failed, ec::non_recoverable, "boom");
  BOOST_TEST((parent.child_replies.at(0).code == ec::non_recoverable));
  const auto open = calls(parent, child_number + 1);
  finish(parent, 0, ec::user_error, "the parent raised");
  auto& again = at_root();
  const auto before = executions(open);
  calls(again);
  calls(again, child_number + 1);
  BOOST_TEST(executions(failed) == 2u);
  BOOST_TEST(executions(open) == before + 1);
}

BOOST_AUTO_TEST_CASE(first_attempts_and_calls_outside_of_runs_ask_no_record) {
  auto& parent = begin();
  const auto child = calls(parent);
  BOOST_TEST(executions(child) == 1u);
  finish_call(child);
  finish(parent, 0);
  invoke(client, handle);
  auto& plain = at_root();
  const auto theirs = calls_child(plain, plain.calls.size() - 1, plain.opened.back().handle, true, 0x77);
  BOOST_TEST(!plain.calls.back().in_run);
  finish_call(theirs);
  die(plain);
  auto& again = at_root();
  calls(again, 0x77);
  BOOST_TEST(executions(theirs) == 2u);
  BOOST_TEST(doors->finds == 0u);
}

BOOST_AUTO_TEST_CASE(a_record_that_does_not_answer_in_time_is_no_record) {
  auto& parent = begin();
  const auto child = calls(parent);
  finish_call(child);
  die(parent);
  doors->records_are_silent = true;
  auto& again = at_root();
  calls(again);
  BOOST_TEST(executions(child) == 1u);
  advance(defaults::record_patience);
  BOOST_TEST(executions(child) == 2u);
  finish_call(child);
  BOOST_TEST(again.child_replies.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_record_that_is_gone_costs_no_wait) {
  auto& parent = begin();
  const auto child = calls(parent);
  finish_call(child);
  die(parent);
  caf::anon_send_exit(records, caf::exit_reason::kill);
  run();
  calls(at_root());
  BOOST_TEST(executions(child) == 2u);
}

BOOST_AUTO_TEST_CASE(a_child_that_is_looked_up_can_be_cancelled) {
  auto& parent = begin();
  const auto child = calls(parent);
  finish_call(child);
  die(parent);
  doors->records_are_silent = true;
  auto& again = at_root();
  calls(again);
  says(again, interpreter::child_cancel{child});
  BOOST_TEST((again.child_replies.at(0).code == ec::aborted));
  advance(defaults::record_patience);
  BOOST_TEST(executions(child) == 1u);
  BOOST_TEST(again.child_replies.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_call_made_again_is_not_answered_by_the_end_of_the_one_before) {
  auto& parent = begin();
  const auto child = calls(parent);
  const auto root = parent.calls.at(0).header;
  // All of this reaches the replica before the supervisor has answered the child that the first attempt left behind.
  interpreter::outcome failed;
  failed.slot = parent.calls[0].slot;
  failed.reply.code = ec::user_error;
  parent.held.erase(failed.slot);
  interpreter::events end;
  end.push_back(std::move(failed));
  std::vector<dispatched_call> next(1);
  next[0].id = ticket{4711};
  next[0].attempt = 2;
  next[0].header = root;
  next[0].in_run = true;
  next[0].output = caf::actor_cast<caf::strong_actor_ptr>(run_keeper);
  interpreter::child_call same;
  same.environment = parent.opened.at(0).handle;
  same.header.id = child;
  same.header.parent = root.id;
  interpreter::events call;
  call.push_back(std::move(same));
  caf::anon_send(parent.replica, atom::events::value, std::move(end));
  caf::anon_send(parent.replica, atom::dispatch::value, std::move(next));
  caf::anon_send(parent.replica, atom::events::value, std::move(call));
  run();
  BOOST_TEST(parent.child_replies.empty());
  BOOST_TEST(executions(child) == 2u);
}

BOOST_AUTO_TEST_CASE(an_action_that_is_called_again_is_listed_as_it_goes_on_and_counted_once) {
  auto& parent = begin();
  const auto child = calls(parent);
  finish_call(child, ec::non_recoverable, "boom");
  finish(parent, 0, ec::user_error, "the parent raised");
  auto& again = at_root();
  calls(again);
  finish_call(child);
  finish(again, again.calls.size() - 1);
  say(client, client::get{3, "actions", "nightly", 0});
  const auto actions = client.all<client::rows<action_row>>().at(0).items;
  for (const auto& action : actions)
    BOOST_TEST(action.phase == "SUCCEEDED");
  say(client, client::get{3, "run", "nightly", 0});
  const auto row = client.all<client::rows<run_row>>().at(0).items.at(0);
  BOOST_TEST(row.actions == 2u);
  BOOST_TEST(row.actions_done == 2u);
  BOOST_TEST(row.actions_failed == 0u);
}

// -- run once more ----

BOOST_AUTO_TEST_CASE(a_rerun_with_the_record_takes_results_and_one_without_runs_everything) {
  auto& parent = begin();
  const auto root = parent.calls.at(0).header.id;
  const auto child = calls(parent);
  finish_call(child, ec::none, "forty-two");
  finish(parent, 0, ec::non_recoverable, "boom");
  for (const bool with_record : {true, false}) {
    const auto again = id(with_record ? 0x5000 : 0x6000);
    say(client, client::rerun{9, again, "nightly", with_record ? "again" : "anew", with_record});
    BOOST_TEST(client.all<client::run_state>().back().row.name == (with_record ? "again" : "anew"));
    auto& next = at_root();
    BOOST_TEST((next.calls.back().header.id == again));
    BOOST_TEST(next.calls.back().arguments.head.view() == "x");
    // Its interpreter gives the child the same name below the other root.
    const call_id same{child.hi ^ root.hi ^ again.hi, child.lo ^ root.lo ^ again.lo};
    const auto answers = next.child_replies.size();
    calls_child(next, next.calls.size() - 1, next.opened.back().handle, true, same.lo);
    BOOST_TEST(executions(id(same.lo)) == (with_record ? 0u : 1u));
    BOOST_TEST(next.child_replies.size() == answers + (with_record ? 1u : 0u));
    finish(next, next.calls.size() - 1);
  }
  // What was taken over is in the record of the rerun too.
  BOOST_TEST(doors->records.find(id(0x5000), {child.hi ^ root.hi, child.lo ^ root.lo}).has_value());
}

BOOST_AUTO_TEST_CASE(a_rerun_asked_for_twice_is_one_run) {
  begin();
  say(client, client::rerun{9, id(0x5000), "nightly", "again", false});
  say(client, client::rerun{10, id(0x5000), "nightly", "again", false});
  BOOST_TEST(client.all<client::refused>().empty());
  BOOST_TEST(client.all<client::run_state>().back().row.name == "again");
  BOOST_TEST(executions(id(0x5000)) == 1u);
}

BOOST_AUTO_TEST_CASE(a_rerun_of_what_is_not_known_or_without_code_says_so) {
  begin();
  say(client, client::rerun{9, id(0x5000), "nowhere", "", false});
  BOOST_TEST((client.all<client::refused>().at(0).why.code == ec::unknown_run));
  doors->bundles.clear();
  say(client, client::rerun{9, id(0x5000), "nightly", "", false});
  BOOST_TEST((client.all<client::refused>().at(1).why.code == ec::unknown_bundle));
}

BOOST_AUTO_TEST_SUITE_END()
