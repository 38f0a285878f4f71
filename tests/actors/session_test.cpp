#include "tests/support/scripted_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

std::string text(const call_reply& r) { return std::string(r.value.head.view()); }

} // namespace

BOOST_FIXTURE_TEST_SUITE(session, scripted_world)

BOOST_AUTO_TEST_CASE(hello_is_answered_with_the_node) {
  auto& c = connect();
  auto welcome = c.all<client::welcome>();
  BOOST_TEST_REQUIRE(welcome.size() == 1u);
  BOOST_TEST(welcome[0].node == "node");
  BOOST_TEST(welcome[0].request == 1u);
}

BOOST_AUTO_TEST_CASE(another_protocol_version_is_refused_and_the_connection_closed) {
  auto& c = connect(false);
  say(c, client::hello{1, 99, "old", 1, "0"});
  BOOST_TEST_REQUIRE(c.all<client::refused>().size() == 1u);
  BOOST_TEST((c.all<client::refused>()[0].why.code == ec::version_mismatch));
  BOOST_TEST(c.all<client::close>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(anything_before_hello_closes_the_connection) {
  auto& c = connect(false);
  say(c, client::status{7});
  BOOST_TEST(c.all<client::close>().size() == 1u);
  BOOST_TEST(c.all<client::node_state>().empty());
}

BOOST_AUTO_TEST_CASE(a_connection_that_never_says_hello_is_closed) {
  auto& c = connect(false);
  advance(defaults::hello_timeout);
  BOOST_TEST(c.all<client::close>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_call_is_answered_once_with_the_result) {
  auto& c = connect();
  auto made = invoke(c, open(c, make_spec(1, 1)));
  BOOST_TEST_REQUIRE(interpreters() == 1u);
  BOOST_TEST(interpreter(0).calls.at(0).arguments.head.view() == "x");
  finish(interpreter(0), 0);
  BOOST_TEST_REQUIRE(c.replies().size() == 1u);
  BOOST_TEST((c.replies()[0].id == made));
  BOOST_TEST(text(c.replies()[0]) == "result");
  BOOST_TEST(c.replies()[0].cold);
  invoke(c, 1);
  finish(interpreter(0), 1);
  BOOST_TEST(!c.replies()[1].cold);
}

BOOST_AUTO_TEST_CASE(an_environment_whose_code_is_missing_is_refused) {
  auto& c = connect();
  auto spec = make_spec(1, 1);
  spec->bundle = "missing";
  BOOST_TEST(open(c, spec) == 0u);
  BOOST_TEST((c.all<client::refused>().at(0).why.code == ec::unknown_bundle));
}

BOOST_AUTO_TEST_CASE(an_impossible_policy_is_refused) {
  auto& c = connect();
  BOOST_TEST(open(c, make_spec(5, 1)) == 0u);
  BOOST_TEST((c.all<client::refused>().at(0).why.code == ec::bad_request));
}

BOOST_AUTO_TEST_CASE(the_same_version_keeps_its_handle) {
  auto& c = connect();
  auto first = open(c, make_spec(1, 1));
  BOOST_TEST(open(c, make_spec(1, 1)) == first);
  BOOST_TEST(c.all<opened_handle>()[0].is_new);
  BOOST_TEST(!c.all<opened_handle>()[1].is_new);
}

BOOST_AUTO_TEST_CASE(a_handle_that_was_never_given_is_an_error_of_that_call_only) {
  auto& c = connect();
  invoke(c, 17);
  BOOST_TEST((c.replies().at(0).code == ec::unknown_environment));
  BOOST_TEST(c.all<client::close>().empty());
}

BOOST_AUTO_TEST_CASE(an_open_call_id_used_again_closes_the_connection) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  invoke(c, handle);
  c.next--;
  invoke(c, handle);
  BOOST_TEST(c.all<client::close>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(beyond_its_window_the_client_is_read_no_further_until_calls_end) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  for (std::uint32_t i = 0; i < defaults::window_calls; ++i)
    invoke(c, handle);
  BOOST_TEST(c.all<client::pause_reading>().empty()); // a client within its window can always cancel
  invoke(c, handle);
  BOOST_TEST(c.all<client::pause_reading>().size() == 1u);
  BOOST_TEST(c.all<client::resume_reading>().empty());
  finish(interpreter(0), 0);
  BOOST_TEST(c.all<client::resume_reading>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(one_value_larger_than_the_window_alone_can_be_cancelled_and_two_are_too_many) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  const std::string large(defaults::window_bytes + 1, 'x');
  auto first = invoke(c, handle, 0, large);
  invoke(c, handle);
  BOOST_TEST(c.all<client::pause_reading>().empty());
  invoke(c, handle, 0, large);
  BOOST_TEST(c.all<client::pause_reading>().size() == 1u);
  say(c, client::cancel{first, ""});
  BOOST_TEST(c.all<client::resume_reading>().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_aborts_its_calls) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  invoke(c, handle);
  invoke(c, handle);
  say(c, client::gone{"closed"});
  BOOST_TEST(interpreter(0).cancelled.size() == 1u);
  finish(interpreter(0), 0, ec::aborted);
  BOOST_TEST(interpreter(0).calls.size() == 1u); // the queued one never ran
}

BOOST_AUTO_TEST_CASE(a_cancelled_call_is_answered_once_and_its_late_result_dropped) {
  auto& c = connect();
  auto made = invoke(c, open(c, make_spec(1, 1)));
  say(c, client::cancel{made, "no longer needed"});
  BOOST_TEST_REQUIRE(c.replies().size() == 1u);
  BOOST_TEST((c.replies()[0].code == ec::aborted));
  BOOST_TEST(text(c.replies()[0]) == "no longer needed");
  finish(interpreter(0), 0);
  BOOST_TEST(c.replies().size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_call_that_does_not_stop_costs_its_replica_after_the_grace) {
  auto& c = connect();
  auto made = invoke(c, open(c, make_spec(1, 1)));
  say(c, client::cancel{made, ""});
  advance(defaults::cancel_grace - 1ms);
  BOOST_TEST(!interpreter(0).halted);
  advance(1ms);
  BOOST_TEST(interpreter(0).halted_at_once);
}

BOOST_AUTO_TEST_CASE(the_grace_of_a_call_that_stopped_does_not_hit_the_next_one) {
  auto& c = connect();
  auto handle = open(c, make_spec(1, 1));
  auto made = invoke(c, handle);
  say(c, client::cancel{made, ""});
  finish(interpreter(0), 0, ec::aborted);
  invoke(c, handle);
  advance(defaults::cancel_grace);
  BOOST_TEST(!interpreter(0).halted);
}

BOOST_AUTO_TEST_CASE(output_of_a_call_reaches_its_caller_before_the_reply) {
  auto& c = connect();
  auto made = invoke(c, open(c, make_spec(1, 1)));
  log_text line;
  line.call = made;
  line.text = bytes::copy_of("hello\n");
  auto& i = interpreter(0);
  interpreter::outcome o;
  o.slot = i.calls[0].slot;
  interpreter::events batch{interpreter::output{line}, o};
  tell(i.replica, atom::events::value, std::move(batch));
  std::vector<std::size_t> kinds;
  for (const auto& e : c.heard)
    if (std::holds_alternative<log_text>(e) || std::holds_alternative<call_reply>(e))
      kinds.push_back(e.index());
  BOOST_TEST_REQUIRE(kinds.size() == 2u);
  BOOST_TEST(kinds[1] == client::effect(call_reply{}).index());
}

BOOST_AUTO_TEST_CASE(a_bundle_is_taken_in_parts_and_only_when_it_is_needed) {
  auto& c = connect();
  say(c, client::put_bundle{9, "b", 4});
  BOOST_TEST(c.all<client::bundle_state>().at(0).stored);
  say(c, client::put_bundle{10, "new", 4});
  BOOST_TEST(!c.all<client::bundle_state>().at(1).stored);
  say(c, client::bundle_part{10, 0, false, bytes::copy_of("ab")});
  say(c, client::bundle_part{10, 2, true, bytes::copy_of("cd")});
  BOOST_TEST(c.all<client::bundle_state>().at(2).stored);
}

BOOST_AUTO_TEST_CASE(parts_that_do_not_fit_together_end_the_upload) {
  auto& c = connect();
  say(c, client::put_bundle{10, "new", 4});
  say(c, client::bundle_part{10, 2, false, bytes::copy_of("cd")});
  BOOST_TEST((c.all<client::refused>().at(0).why.code == ec::bad_request));
  BOOST_TEST(doors->bundles.count("new") == 0u);
}

BOOST_AUTO_TEST_CASE(listings_take_singular_and_plural_and_name_what_there_is) {
  auto& c = connect();
  invoke(c, open(c, make_spec(1, 2)));
  for (auto what : {"env", "environment", "environments"})
    say(c, client::get{3, what, "", 0});
  auto rows = c.all<client::rows<environment_row>>();
  BOOST_TEST_REQUIRE(rows.size() == 3u);
  BOOST_TEST(rows[0].items.at(0).name == "env");
  BOOST_TEST(rows[0].items.at(0).running == 1u);
  say(c, client::get{4, "replicas", "", 0});
  BOOST_TEST(c.all<client::rows<replica_row>>().at(0).items.at(0).state == "busy");
  say(c, client::get{5, "unicorns", "", 0});
  BOOST_TEST(c.all<client::refused>().at(0).why.message.find("unicorns") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
