#include "actors/cluster_rows.hpp"
#include "tests/support/nodes_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

struct connected : nodes_fixture {
  const std::string key = make_spec(0, 1)->key();

  connected() : client(caller()) { grant(key, 1, 10); }

  scripted_supervisor& owner() { return supervisor(1, key); }

  /// Says something to node `to` as if node `from` had.
  void says(std::size_t from, std::size_t to, link::message what) {
    link::messages batch;
    batch.push_back(std::move(what));
    tell(node(to).switchboard, atom::events::value, node(from).id, std::move(batch));
  }

  std::size_t answered(std::size_t by) {
    std::size_t count = 0;
    for (const auto& m : node(by).said)
      count += std::holds_alternative<link::replies>(m) ? 1 : 0;
    return count;
  }

  template <class Message>
  std::vector<Message> said(std::size_t by) {
    std::vector<Message> found;
    for (const auto& m : node(by).said)
      if (const auto* it = std::get_if<Message>(&m))
        found.push_back(*it);
    return found;
  }

  link::invoke one_call(std::uint64_t epoch, const std::string& version, std::uint64_t number = 5) {
    link::call c;
    c.header.id = id(1);
    c.version = version;
    c.caller = {nullptr, node(0).id, number};
    return {key, {epoch}, {c}};
  }

  std::shared_ptr<scripted_caller> client;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(switchboard, connected)

BOOST_AUTO_TEST_CASE(calls_for_an_environment_of_another_epoch_come_back_as_not_begun) {
  invoke(0, make_spec(0, 4), client, id(9)); // opens it
  says(0, 1, one_call(9, "v1"));
  says(0, 1, one_call(11, "v1"));
  const auto back = said<link::replies>(1);
  BOOST_REQUIRE_EQUAL(back.size(), 2u);
  for (const auto& b : back) {
    BOOST_CHECK_EQUAL(b.number, 5u);
    BOOST_CHECK(b.items.at(0).code == ec::stale_epoch);
  }
  BOOST_CHECK_EQUAL(owner().calls.size(), 1u);
}

BOOST_AUTO_TEST_CASE(calls_of_a_version_that_was_not_opened_come_back_as_not_begun) {
  invoke(0, make_spec(0, 4), client, id(9));
  says(0, 1, one_call(10, "v2"));
  BOOST_CHECK(said<link::replies>(1).at(0).items.at(0).code == ec::stale_epoch);
  says(0, 1, one_call(10, "v1"));
  BOOST_CHECK_EQUAL(owner().calls.size(), 2u);
}

BOOST_AUTO_TEST_CASE(an_environment_is_opened_only_at_its_owner_and_in_its_epoch) {
  says(0, 2, link::open_environment{1, make_spec(0, 4), false, {10}});
  says(0, 1, link::open_environment{2, make_spec(0, 4), false, {9}});
  BOOST_CHECK(said<link::opened>(2).at(0).error.code == ec::stale_epoch);
  BOOST_CHECK(said<link::opened>(1).at(0).error.code == ec::stale_epoch);
  says(0, 1, link::open_environment{3, make_spec(0, 4), false, {10}});
  BOOST_CHECK(said<link::opened>(1).at(1).error.code == ec::none);
}

BOOST_AUTO_TEST_CASE(an_owner_without_its_lease_takes_nothing) {
  tell_fact(1, control::standing{false, {}, "its lease is over"});
  says(0, 1, link::open_environment{3, make_spec(0, 4), false, {10}});
  BOOST_CHECK(said<link::opened>(1).at(0).error.code == ec::stale_epoch);
}

BOOST_AUTO_TEST_CASE(calls_of_a_node_that_is_gone_are_cancelled_where_they_run) {
  invoke(0, make_spec(0, 4), client, id(1));
  const auto foreign = owner().calls[0].caller;
  cut(0, 1);
  BOOST_REQUIRE(!owner().cancels.empty());
  bool found = false;
  for (const auto& c : owner().cancels)
    found = found || (c.caller == foreign && !c.id);
  BOOST_CHECK(found);
}

BOOST_AUTO_TEST_CASE(one_caller_of_another_node_is_one_actor_here) {
  invoke(0, make_spec(0, 4), client, id(1));
  invoke(0, make_spec(0, 4), client, id(2));
  BOOST_CHECK(owner().calls[0].caller == owner().calls[1].caller);
  BOOST_CHECK(owner().calls[0].caller != owner().calls[0].output);
}

BOOST_AUTO_TEST_CASE(a_caller_that_is_forwarded_to_a_third_node_is_answered_straight_from_there) {
  invoke(0, make_spec(0, 4), client, id(1));
  link::dispatch d;
  d.id = {3};
  d.items.emplace_back();
  d.items[0].caller.here = caf::actor_cast<caf::strong_actor_ptr>(owner().calls[0].caller);
  link::messages batch;
  batch.emplace_back(std::move(d));
  tell(node(1).switchboard, atom::send::value, node(2).id, std::move(batch));
  const auto out = said<link::dispatch>(1);
  BOOST_REQUIRE_EQUAL(out.size(), 1u);
  BOOST_CHECK(out[0].items.at(0).caller.node == node(0).id);
  // The third node answers the caller by that name.
  link::replies reply{out[0].items[0].caller.number, {}};
  reply.items.emplace_back();
  reply.items[0].id = id(1);
  says(2, 0, std::move(reply));
  BOOST_CHECK_EQUAL(client->replies.size(), 1u);
}

BOOST_AUTO_TEST_CASE(what_comes_for_a_caller_that_is_not_there_is_dropped) {
  link::replies reply{77, {}};
  reply.items.emplace_back();
  says(1, 0, std::move(reply));
  invoke(0, make_spec(0, 4), client, id(1));
  finish(owner(), 0);
  BOOST_CHECK_EQUAL(client->replies.size(), 1u);
}

BOOST_AUTO_TEST_CASE(what_a_turn_brings_for_a_node_goes_out_as_one_message) {
  invoke(0, make_spec(0, 4), client, id(1));
  std::size_t messages = 0;
  const auto door = sys.spawn([&messages](peer_actor::pointer) -> peer_actor::behavior_type {
    return {[&messages](atom::send, const link::messages&) { ++messages; },
            [](atom::ping, std::uint32_t count) { return std::vector<std::uint64_t>(count, 70'000); }};
  });
  tell(node(1).switchboard, atom::up::value, node(0).id, std::uint64_t{1}, door);
  messages = 0;
  for (int i = 0; i < 5; ++i) {
    link::messages one;
    one.emplace_back(link::withdraw{{1}});
    caf::anon_send(node(1).switchboard, atom::send::value, node(0).id, std::move(one));
  }
  run();
  BOOST_CHECK_EQUAL(messages, 1u);
  caf::anon_send_exit(door, caf::exit_reason::kill);
  run();
}

BOOST_AUTO_TEST_CASE(echoes_are_for_the_link_to_the_node_and_fail_without_one) {
  std::size_t times = 0;
  failure why;
  const auto ping = [&] {
    sys.spawn([&](caf::event_based_actor* self) {
      self->request(node(1).switchboard, caf::infinite, atom::ping::value, node(0).id, std::uint32_t{3})
        .then([&](const std::vector<std::uint64_t>& found) { times = found.size(); },
              [&](const caf::error& error) { why = failure_of(error); });
    });
    run();
  };
  ping();
  BOOST_CHECK_EQUAL(times, 3u);
  cut(0, 1);
  ping();
  BOOST_CHECK(why.code == ec::node_lost);
}

BOOST_AUTO_TEST_CASE(a_question_is_answered_by_the_node_that_was_asked) {
  link::ask question;
  question.what = "nodes";
  const auto [answer, error] = ask<link::answer>(*this, node(0).switchboard, atom::ask::value, node(2).id, question,
                                                 milliseconds(2000));
  BOOST_REQUIRE(answer);
  const auto& rows = std::get<std::vector<node_row>>(std::get<0>(*answer).content);
  BOOST_CHECK_EQUAL(rows.at(0).name, "node-c");
}

BOOST_AUTO_TEST_CASE(code_is_fetched_from_a_node_that_has_it) {
  link::ask question;
  question.what = "bundle";
  question.words = {"digest"};
  const auto [answer, error] = ask<link::answer>(*this, node(0).switchboard, atom::ask::value, node(2).id, question,
                                                 milliseconds(2000));
  BOOST_REQUIRE(answer);
  const auto& content = std::get<payload>(std::get<0>(*answer).content);
  BOOST_CHECK_EQUAL(content.size(), std::string("digest-code").size());
}

BOOST_AUTO_TEST_CASE(a_question_to_a_node_that_goes_fails_with_node_lost) {
  node(2).is_silent = true;
  link::ask question;
  question.what = "nodes";
  auto failed = std::make_shared<caf::error>();
  auto asker = sys.spawn([&](caf::event_based_actor* self) {
    self->request(node(0).switchboard, caf::infinite, atom::ask::value, node(2).id, question, milliseconds(0))
      .then([](const link::answer&) {}, [failed](caf::error& e) { *failed = std::move(e); });
  });
  advance(10s);
  BOOST_CHECK(!*failed);
  cut(0, 2);
  BOOST_CHECK(failure_of(*failed).code == ec::node_lost);
}

BOOST_AUTO_TEST_CASE(a_question_about_what_a_node_does_not_know_is_refused_in_words) {
  link::ask question;
  question.what = "weather";
  const auto [answer, error] = ask<link::answer>(*this, node(0).switchboard, atom::ask::value, node(1).id, question,
                                                 milliseconds(2000));
  BOOST_CHECK(!answer);
  BOOST_CHECK(failure_of(error).code == ec::bad_request);
}

BOOST_AUTO_TEST_CASE(all_members_are_asked_and_who_does_not_answer_is_named) {
  node(2).is_silent = true;
  link::ask question;
  question.what = "environments";
  auto all = std::make_shared<link::member_answers>();
  auto asker = sys.spawn([&](caf::event_based_actor* self) {
    self->request(node(0).switchboard, caf::infinite, atom::ask::value, question, milliseconds(2000))
      .then([all](link::member_answers& found) { *all = std::move(found); });
  });
  run();
  BOOST_CHECK(all->items.empty());
  advance(2s);
  BOOST_REQUIRE_EQUAL(all->items.size(), 3u);
  for (const auto& item : all->items) {
    if (item.from.name == "node-c") {
      BOOST_CHECK(item.what.error.code == ec::node_lost);
      continue;
    }
    const auto& rows = std::get<std::vector<environment_row>>(item.what.content);
    BOOST_REQUIRE_EQUAL(rows.size(), 1u);
    BOOST_CHECK_EQUAL(rows[0].node, item.from.name);
  }
}

BOOST_AUTO_TEST_CASE(answers_of_members_are_one_listing_that_names_who_is_missing) {
  link::member_answers all;
  for (const char* name : {"b", "a", "c"}) {
    auto& item = all.items.emplace_back();
    item.from.name = name;
    if (item.from.name == "c") {
      item.what.error = {ec::node_lost, "gone"};
      continue;
    }
    node_row row;
    row.name = name;
    item.what.content = std::vector<node_row>{row};
  }
  const auto rows = merged<node_row>(all);
  BOOST_REQUIRE_EQUAL(rows.size(), 3u);
  BOOST_CHECK_EQUAL(rows[0].name, "a");
  BOOST_CHECK_EQUAL(rows[1].name, "b");
  BOOST_CHECK_EQUAL(rows[2].name, "c");
  BOOST_CHECK_EQUAL(rows[2].state, "unreachable");
  replica_row owned, there;
  owned.id = there.id = 7;
  owned.environment = "digits";
  there.memory_bytes = 1024;
  all.items[0].what.content = std::vector<replica_row>{there};
  all.items[1].what.content = std::vector<replica_row>{owned};
  const auto replicas = merged_replicas(all);
  BOOST_REQUIRE_EQUAL(replicas.size(), 1u);
  BOOST_CHECK_EQUAL(replicas[0].environment, "digits");
  BOOST_CHECK_EQUAL(replicas[0].memory_bytes, 1024u);
  event_row old, young;
  old.unix_ms = 1, young.unix_ms = 2;
  all.items[0].what.content = std::vector<event_row>{young};
  all.items[1].what.content = std::vector<event_row>{old};
  const auto events = newest(merged<event_row>(all), 1);
  BOOST_REQUIRE_EQUAL(events.size(), 1u);
  BOOST_CHECK_EQUAL(events[0].unix_ms, 2u);
}

// -- records of runs ----

BOOST_AUTO_TEST_CASE(a_question_for_a_record_that_nobody_can_answer_is_answered_at_once) {
  auto heard = std::make_shared<std::vector<found_child>>();
  const seeker_actor seeker = sys.spawn([heard](seeker_actor::pointer) -> seeker_actor::behavior_type {
    return {[heard](atom::found, std::vector<found_child>& children) {
      heard->insert(heard->end(), children.begin(), children.end());
    }};
  });
  const auto seek = [&] {
    link::messages said;
    said.emplace_back(link::sought{99, id(1), {id(2), id(3)}, {caf::actor_cast<caf::strong_actor_ptr>(seeker), {}, 0}});
    tell(node(0).switchboard, atom::send::value, node(1).id, std::move(said));
  };
  seek(); // the recorder has ended
  BOOST_CHECK_EQUAL(said<link::found>(1).size(), 1u);
  BOOST_CHECK_EQUAL(heard->size(), 2u);
  cut(0, 1); // its node is gone
  seek();
  BOOST_CHECK_EQUAL(heard->size(), 4u);
  for (const auto& child : *heard)
    BOOST_CHECK((child.id == id(2) || child.id == id(3)) && !child.reply);
  caf::anon_send_exit(seeker, caf::exit_reason::kill);
  run();
}

BOOST_AUTO_TEST_CASE(a_number_of_a_caller_is_never_given_again) {
  exported_callers table;
  const auto first = caller(), second = caller();
  const auto one = table.number_of(first->handle.address());
  BOOST_CHECK(one.is_new);
  BOOST_CHECK(!table.number_of(first->handle.address()).is_new);
  BOOST_CHECK(table.forget(first->handle.address()));
  BOOST_CHECK(!table.find(one.number));
  BOOST_CHECK_GT(table.number_of(second->handle.address()).number, one.number);
  BOOST_CHECK_GT(table.number_of(first->handle.address()).number, one.number);
}

BOOST_AUTO_TEST_CASE(callers_of_other_nodes_that_nobody_refers_to_end) {
  imported_callers table(1);
  const auto second = caller();
  const auto alive = [&](std::uint64_t number) { return static_cast<bool>(table.find({nullptr, node(1).id, number})); };
  auto one = sys.spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
  table.add({nullptr, node(1).id, 1}, caf::actor_cast<caf::strong_actor_ptr>(one));
  one = caf::actor{};
  run();
  BOOST_CHECK(alive(1));
  table.add({nullptr, node(1).id, 2}, caf::actor_cast<caf::strong_actor_ptr>(second->handle));
  run();
  BOOST_CHECK(!alive(1));
  BOOST_CHECK(alive(2));
}

BOOST_AUTO_TEST_SUITE_END()
