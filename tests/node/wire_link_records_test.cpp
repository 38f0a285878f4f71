#include "tests/support/link_samples.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace hearth;
using namespace hearth::test;

BOOST_AUTO_TEST_SUITE(wire_link_records)

BOOST_AUTO_TEST_CASE(what_children_of_a_run_returned_arrives_as_it_was_sent) {
  const auto m = carried(some_record("value"));
  BOOST_CHECK_EQUAL(m.number, 5u);
  BOOST_REQUIRE_EQUAL(m.items.size(), 1u);
  BOOST_CHECK(m.items[0].root == (call_id{3, 4}) && m.items[0].id == (call_id{1, 2}));
  check(m.items[0].reply, "value");
}

BOOST_AUTO_TEST_CASE(a_question_for_the_record_and_its_answer_arrive_as_they_were_sent) {
  const auto q = carried(link::sought{5, {3, 4}, {{1, 2}, {7, 8}}, {nullptr, somewhere, 6}});
  BOOST_CHECK(q.number == 5 && q.root == (call_id{3, 4}));
  BOOST_REQUIRE_EQUAL(q.ids.size(), 2u);
  BOOST_CHECK(q.ids[1] == (call_id{7, 8}));
  BOOST_CHECK(q.seeker == (link::caller_ref{nullptr, somewhere, 6}));
  const auto a = carried(some_answer("value"));
  BOOST_CHECK_EQUAL(a.number, 6u);
  BOOST_REQUIRE_EQUAL(a.items.size(), 2u);
  BOOST_REQUIRE(a.items[0].reply);
  check(*a.items[0].reply, "value");
  BOOST_CHECK(a.items[1].id == (call_id{7, 8}) && !a.items[1].reply);
}

BOOST_AUTO_TEST_CASE(what_a_node_is_asked_to_keep_and_what_it_kept_arrive_as_they_were_sent) {
  const std::string large(2 * defaults::link_chunk_bytes + 17, 'y');
  const auto q = carried(
    link::ask{2, "record", {}, 0, false, {}, {{3, 4}, {}, {1, 2}}, some_record(large).items, payload::text(large)});
  BOOST_CHECK(q.calls == (std::vector<call_id>{{3, 4}, {}, {1, 2}}));
  BOOST_REQUIRE_EQUAL(q.children.size(), 1u);
  BOOST_CHECK(q.children[0].root == (call_id{3, 4}) && q.children[0].id == (call_id{1, 2}));
  check(q.children[0].reply, large);
  BOOST_CHECK(text_of(q.value) == large);
  const auto a = carried(link::answer{2, {}, some_record(large).items});
  const auto& children = std::get<std::vector<finished_child>>(a.content);
  BOOST_REQUIRE_EQUAL(children.size(), 1u);
  check(children[0].reply, large);
}

BOOST_AUTO_TEST_CASE(large_values_of_a_record_go_beside) {
  const std::string large(2 * defaults::link_chunk_bytes + 17, 'y');
  check(carried(some_record(large)).items.at(0).reply, large);
  link_encoder from;
  link_assembler to;
  std::size_t found = 0;
  for (const auto& message : carried(one(some_answer(large)), to, from))
    for (const auto& child : std::get<link::found>(message).items) {
      ++found;
      if (child.reply)
        check(*child.reply, large);
    }
  BOOST_CHECK_EQUAL(found, 2u);
}

BOOST_AUTO_TEST_CASE(replies_and_input_in_parts_arrive_as_they_were_sent) {
  const auto p = carried(link::parts{
    5, {{{1, 2}, 3, bytes::copy_of("first")}, {{1, 2}, 3, bytes::copy_of("last")}}, {nullptr, somewhere, 6}});
  BOOST_CHECK(p.number == 5 && p.replica == (link::caller_ref{nullptr, somewhere, 6}));
  BOOST_REQUIRE_EQUAL(p.items.size(), 2u);
  BOOST_CHECK(p.items[0].id == (call_id{1, 2}) && p.items[0].attempt == 3 && p.items[0].data.view() == "first");
  BOOST_CHECK(p.items[1].data.view() == "last");
  const auto m = carried(link::more{5, {1, 2}, 1000, {nullptr, somewhere, 6}});
  BOOST_CHECK(m.number == 5 && m.id == (call_id{1, 2}) && m.size == 1000);
  BOOST_CHECK(m.sender == (link::caller_ref{nullptr, somewhere, 6}));
  const auto i = carried(link::input{6, {{1, 2}, bytes::copy_of("more"), true}});
  BOOST_CHECK(i.number == 6 && i.item.id == (call_id{1, 2}) && i.item.data.view() == "more" && i.item.is_last);
}

BOOST_AUTO_TEST_CASE(what_happened_to_an_action_arrives_as_it_was_sent) {
  const auto m = carried(link::acted{5, {some_action()}});
  BOOST_CHECK_EQUAL(m.number, 5u);
  BOOST_REQUIRE_EQUAL(m.items.size(), 1u);
  const auto& i = m.items[0];
  const auto want = some_action();
  BOOST_CHECK(i.root == want.root && i.id == want.id && i.parent == want.parent && i.depth == want.depth);
  BOOST_CHECK(i.task == want.task && i.key == want.key && i.error == want.error && i.replica == want.replica);
  BOOST_CHECK(i.attempt == want.attempt && i.cold);
  BOOST_CHECK(i.queued == want.queued && i.start == want.start && i.fork == want.fork && i.import == want.import
              && i.run == want.run);
}

BOOST_AUTO_TEST_CASE(each_phase_of_an_action_arrives_as_itself) {
  using phase_t = action_event::phase_t;
  for (auto phase :
       {phase_t::queued, phase_t::running, phase_t::succeeded, phase_t::failed, phase_t::aborted, phase_t::timed_out}) {
    auto action = some_action();
    action.phase = phase;
    BOOST_CHECK(carried(link::acted{5, {action}}).items.at(0).phase == phase);
  }
}

BOOST_AUTO_TEST_CASE(many_actions_become_messages_that_a_frame_takes) {
  link_encoder from;
  link_assembler to;
  link::acted many{5, {}};
  for (int i = 0; i < 5000; ++i)
    many.items.push_back(some_action());
  std::size_t count = 0;
  const auto frames = from.encode(one(std::move(many)));
  BOOST_CHECK(frames.transfers.empty());
  for (const auto& frame : frames.calls) {
    link::messages complete;
    BOOST_REQUIRE_EQUAL(to.take_calls(joined(frame), complete), "");
    for (const auto& m : complete)
      count += std::get<link::acted>(m).items.size();
  }
  BOOST_CHECK_EQUAL(count, 5000u);
  BOOST_CHECK_GT(frames.calls.size(), 1u);
}

BOOST_AUTO_TEST_SUITE_END()
