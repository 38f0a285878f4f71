#include "tests/support/scripted_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

log_text line_of(call_id call, std::string_view text) {
  log_text line;
  line.call = call;
  line.text = bytes::copy_of(text);
  return line;
}

/// What this client was shown.
std::string text_of(const scripted_world::scripted_client& c) {
  std::string text;
  for (const auto& piece : c.all<log_text>())
    text += piece.text.view();
  return text;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(runs, scripted_world)

BOOST_AUTO_TEST_CASE(a_run_is_accepted_by_name_and_its_client_gets_the_result) {
  auto& c = connect();
  auto root = start_run(c, open(c, make_spec(1, 1)), "nightly");
  BOOST_TEST(c.all<client::run_state>().at(0).row.name == "nightly");
  finish(interpreter(0), 0);
  BOOST_TEST((c.replies().at(0).id == root));
  say(c, client::get{3, "runs", "", 0});
  auto row = c.all<client::rows<run_row>>().at(0).items.at(0);
  BOOST_TEST(row.phase == "SUCCEEDED");
  BOOST_TEST(row.actions == 1u);
  BOOST_TEST(row.actions_done == 1u);
}

BOOST_AUTO_TEST_CASE(a_run_without_a_name_gets_one_from_its_call) {
  auto& c = connect();
  auto root = start_run(c, open(c, make_spec(1, 1)), "");
  BOOST_TEST(c.all<client::run_state>().at(0).row.name == run_name(root));
}

BOOST_AUTO_TEST_CASE(a_name_is_taken_as_long_as_its_run_is_kept) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  start_run(c, handle, "nightly");
  start_run(c, handle, "nightly");
  BOOST_TEST((c.all<client::refused>().at(0).why.code == ec::name_taken));
  BOOST_TEST((c.replies().at(0).code == ec::name_taken));
}

BOOST_AUTO_TEST_CASE(a_run_goes_on_without_its_client_also_when_it_was_attached) {
  auto& c = connect();
  start_run(c, open(c, make_spec(1, 1)), "nightly");
  say(c, client::gone{"closed"});
  BOOST_TEST(interpreter(0).cancelled.empty());
  finish(interpreter(0), 0, ec::none, "42");
  auto& later = connect();
  say(later, client::result{4, "nightly"});
  BOOST_TEST(later.replies().at(0).value.head.view() == "42");
}

BOOST_AUTO_TEST_CASE(a_detached_run_goes_on_without_its_client) {
  auto& c = connect();
  start_run(c, open(c, make_spec(1, 1)), "nightly", true);
  say(c, client::gone{"closed"});
  BOOST_TEST(interpreter(0).cancelled.empty());
  finish(interpreter(0), 0, ec::none, "42");
  auto& later = connect();
  say(later, client::result{4, "nightly"});
  BOOST_TEST(later.replies().at(0).value.head.view() == "42");
}

BOOST_AUTO_TEST_CASE(a_run_that_is_submitted_again_is_the_same_run_and_answers_who_submitted_it) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  auto root = start_run(c, handle, "nightly");
  say(c, client::gone{"the connection broke"});
  auto& later = connect();
  auto theirs = open(later, make_spec(1, 1));
  later.next = root.lo;
  start_run(later, theirs, "nightly");
  BOOST_TEST(later.all<client::refused>().empty());
  BOOST_TEST(later.all<client::run_state>().at(0).row.name == "nightly");
  BOOST_TEST(interpreter(0).calls.size() == 1u);
  finish(interpreter(0), 0, ec::none, "42");
  BOOST_TEST(later.replies().at(0).value.head.view() == "42");
  auto& last = connect();
  auto opened = open(last, make_spec(1, 1));
  last.next = root.lo;
  start_run(last, opened, "nightly");
  BOOST_TEST(last.replies().at(0).value.head.view() == "42");
  BOOST_TEST(interpreter(0).calls.size() == 1u);
}

BOOST_AUTO_TEST_CASE(the_id_of_a_run_with_another_task_is_refused) {
  auto& c = connect();
  auto root = start_run(c, open(c, make_spec(1, 1)), "nightly");
  auto other = make_spec(1, 1);
  other->name = "other";
  other->version = "v2";
  auto& later = connect();
  auto theirs = open(later, other);
  later.next = root.lo;
  start_run(later, theirs, "nightly");
  BOOST_TEST((later.all<client::refused>().at(0).why.code == ec::conflict));
}

BOOST_AUTO_TEST_CASE(an_aborted_run_says_why) {
  auto& c = connect();
  start_run(c, open(c, make_spec(1, 1)), "nightly");
  auto& operator_ = connect();
  say(operator_, client::abort{4, "nightly", "", "wrong data"});
  BOOST_TEST((c.replies().at(0).code == ec::aborted));
  say(operator_, client::get{3, "run", "nightly", 0});
  BOOST_TEST(operator_.all<client::rows<run_row>>().at(0).items.at(0).error == "wrong data");
}

BOOST_AUTO_TEST_CASE(one_action_can_be_aborted_by_the_beginning_of_its_id) {
  auto& c = connect();
  start_run(c, open(c, make_spec(2, 2)), "nightly");
  auto& parent = holder();
  says(parent, interpreter::open_environment{5, make_spec(2, 2)});
  BOOST_TEST_REQUIRE(parent.calls.size() == 1u);
  BOOST_TEST_REQUIRE(parent.opened.size() == 1u);
  auto child = calls_child(parent, 0, parent.opened.at(0).handle, true, 0xabcdef);
  say(c, client::abort{4, "nightly", to_string(child), "not this one"});
  BOOST_TEST((parent.child_replies.at(0).code == ec::aborted));
  BOOST_TEST(c.replies().empty());
  say(c, client::abort{5, "nightly", "ffff", ""});
  BOOST_TEST(c.all<client::refused>().at(0).why.message.find("ffff") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(waiting_for_a_run_answers_at_its_end) {
  auto& c = connect();
  start_run(c, open(c, make_spec(1, 1)), "nightly", true);
  auto& waiter = connect();
  say(waiter, client::wait{4, "nightly"});
  BOOST_TEST(waiter.all<client::run_state>().empty());
  finish(interpreter(0), 0, ec::user_error, "boom");
  BOOST_TEST(waiter.all<client::run_state>().at(0).row.phase == "FAILED");
}

BOOST_AUTO_TEST_CASE(output_of_a_run_is_kept_and_followed) {
  auto& c = connect();
  auto root = start_run(c, open(c, make_spec(1, 1)), "nightly", false, true);
  says(interpreter(0), interpreter::output{line_of(root, "one\n")});
  BOOST_TEST(c.all<log_text>().size() == 1u);
  auto& follower = connect();
  say(follower, client::logs{6, "nightly", "", true, 0});
  BOOST_TEST(follower.all<log_text>().size() == 1u);
  says(interpreter(0), interpreter::output{line_of(root, "two\n")});
  BOOST_TEST(follower.all<log_text>().size() == 2u);
  BOOST_TEST(follower.all<client::done>().empty());
  finish(interpreter(0), 0);
  BOOST_TEST(follower.all<client::done>().size() == 1u);
  auto& reader = connect();
  say(reader, client::logs{6, "nightly", "", true, 0});
  BOOST_TEST(reader.all<log_text>().size() == 2u);
  BOOST_TEST(reader.all<client::done>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(output_of_a_child_belongs_to_its_run) {
  auto& c = connect();
  start_run(c, open(c, make_spec(2, 2)), "nightly", false, true);
  auto& parent = holder();
  auto& other = idler();
  says(parent, interpreter::open_environment{5, make_spec(2, 2)});
  auto child = calls_child(parent, 0, parent.opened.at(0).handle);
  says(other, interpreter::output{line_of(child, "from the child\n")});
  BOOST_TEST(c.all<log_text>().size() == 1u);
  BOOST_TEST(doors->logs["run-nightly"].size() == 1u);
}

BOOST_AUTO_TEST_CASE(an_unknown_run_is_named_in_the_answer) {
  auto& c = connect();
  say(c, client::get{3, "run", "nowhere", 0});
  BOOST_TEST((c.all<client::refused>().at(0).why.code == ec::unknown_run));
  BOOST_TEST(c.all<client::refused>()[0].why.message.find("nowhere") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(output_while_the_log_is_read_reaches_a_follower_also_when_the_run_ends_meanwhile) {
  auto& c = connect();
  auto root = start_run(c, open(c, make_spec(1, 1)), "nightly");
  says(interpreter(0), interpreter::output{line_of(root, "one\n")});
  doors->disk_is_slow = true;
  auto& follower = connect();
  say(follower, client::logs{6, "nightly", "", true, 0});
  says(interpreter(0), interpreter::output{line_of(root, "two\n")});
  finish(interpreter(0), 0);
  BOOST_TEST(follower.heard.size() == 1u); // welcome
  disk_goes_on();
  BOOST_TEST(text_of(follower) == "one\ntwo\n");
  BOOST_TEST((std::holds_alternative<client::done>(follower.heard.back())));
}

BOOST_AUTO_TEST_CASE(a_log_that_cannot_be_read_ends_its_follower_alone) {
  auto& c = connect();
  auto root = start_run(c, open(c, make_spec(1, 1)), "nightly", false, true);
  doors->disk_is_slow = true;
  auto& follower = connect();
  say(follower, client::logs{6, "nightly", "", true, 0});
  advance(defaults::inner_request_timeout);
  BOOST_TEST(follower.all<client::refused>().size() == 1u);
  says(interpreter(0), interpreter::output{line_of(root, "two\n")});
  disk_goes_on();
  BOOST_TEST(text_of(follower) == "");
  BOOST_TEST(text_of(c) == "two\n");
  finish(interpreter(0), 0);
  BOOST_TEST(follower.all<client::done>().empty()); // answered once
}

BOOST_AUTO_TEST_CASE(output_that_waits_for_the_log_has_a_limit_and_the_rest_is_counted) {
  auto& c = connect();
  auto root = start_run(c, open(c, make_spec(1, 1)), "nightly");
  doors->disk_is_slow = true;
  auto& follower = connect();
  say(follower, client::logs{6, "nightly", "", true, 0});
  constexpr std::size_t times = 20;
  for (std::size_t n = 0; n < times; ++n)
    says(interpreter(0), interpreter::output{line_of(root, std::string(defaults::mib, 'x'))});
  disk_goes_on();
  std::uint64_t dropped = 0;
  for (const auto& text : follower.all<log_text>())
    dropped += text.dropped;
  BOOST_TEST(text_of(follower).size() <= defaults::held_output_bytes_max);
  BOOST_TEST(text_of(follower).size() + dropped == times * defaults::mib);
}

BOOST_AUTO_TEST_CASE(a_watcher_of_one_action_sees_its_output_alone_and_its_last_lines) {
  auto& c = connect();
  auto root = start_run(c, open(c, make_spec(2, 2)), "nightly");
  auto& parent = holder();
  auto& other = idler();
  says(parent, interpreter::open_environment{5, make_spec(2, 2)});
  auto child = calls_child(parent, 0, parent.opened.at(0).handle, true, 0xabcdef);
  says(other, interpreter::output{line_of(child, "a\nb\n")});
  says(parent, interpreter::output{line_of(root, "of the root\n")});
  auto& follower = connect();
  say(follower, client::logs{6, "nightly", to_string(child), true, 1});
  BOOST_TEST(text_of(follower) == "b\n");
  says(parent, interpreter::output{line_of(root, "of the root\n")});
  says(other, interpreter::output{line_of(child, "c\n")});
  BOOST_TEST(text_of(follower) == "b\nc\n");
}

BOOST_AUTO_TEST_CASE(a_run_goes_on_when_its_session_fails) {
  auto& c = connect();
  start_run(c, open(c, make_spec(1, 1)), "nightly");
  caf::anon_send_exit(c.session, caf::exit_reason::kill);
  run();
  BOOST_TEST(interpreter(0).cancelled.empty());
}

BOOST_AUTO_TEST_CASE(an_action_that_has_ended_stays_as_it_ended_and_is_counted_once) {
  auto& c = connect();
  auto spec = make_spec(1, 1);
  auto root = start_run(c, open(c, spec), "nightly", true);
  action_event e;
  e.root = root;
  e.depth = 1;
  e.task = "env.square";
  e.keep = spec;
  using phase_t = action_event::phase_t;
  const auto report = [&](std::uint64_t number, phase_t phase) {
    e.id = id(number);
    e.phase = phase;
    tell(run_keeper, atom::actions::value, std::vector<action_event>{e});
  };
  const std::vector<std::pair<phase_t, std::string>> ends{
    {phase_t::aborted, "ABORTED"}, {phase_t::timed_out, "TIMED_OUT"}, {phase_t::failed, "FAILED"}};
  std::uint64_t number = 50;
  for (const auto& [phase, text] : ends) {
    report(++number, phase_t::queued);
    report(number, phase_t::running);
    report(number, phase);
    for (auto later : {phase_t::succeeded, phase_t::running, phase_t::failed})
      report(number, later);
  }
  say(c, client::get{3, "actions", "nightly", 0});
  auto actions = c.all<client::rows<action_row>>().at(0).items;
  for (std::size_t i = 0; i < ends.size(); ++i)
    BOOST_TEST(actions.at(i + 1).phase == ends[i].second); // the root is the first
  finish(interpreter(0), 0);
  report(60, phase_t::succeeded); // of nothing that is known
  say(c, client::get{3, "run", "nightly", 0});
  auto row = c.all<client::rows<run_row>>().at(0).items.at(0);
  BOOST_TEST(row.actions == 4u);
  BOOST_TEST(row.actions_done == 4u);
  BOOST_TEST(row.actions_failed == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
