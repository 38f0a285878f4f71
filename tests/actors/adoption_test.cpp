#include "tests/support/pool_fixture.hpp"
#include "tests/support/scripted_cluster.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

/// Three nodes; the environment is the first one's, with a replica on each.
struct moved : scripted_cluster {
  std::shared_ptr<environment_spec> spec = make_spec(0, 3);
  supervisor_actor first;
  cluster_caller* me = nullptr;

  moved() : scripted_cluster(3) {
    first = grant(0, spec, 10);
    me = &caller();
    invoke(first, *me, spec, 3);
    BOOST_TEST_REQUIRE(me->replies.empty());
  }

  void finish_all() {
    for (std::size_t n = 0; n < 3; ++n)
      finish(interpreter(n), 0);
  }

  std::size_t started() {
    std::size_t count = 0;
    for (std::size_t n = 0; n < 3; ++n)
      count += at(n).interpreters.size();
    return count;
  }
};

} // namespace

BOOST_AUTO_TEST_SUITE(adoption)

BOOST_FIXTURE_TEST_CASE(a_new_owner_takes_the_warm_replicas_of_the_one_before_and_starts_none, moved) {
  finish_all();
  auto second = grant(1, spec, 20);
  invoke(second, *me, spec, 3);
  BOOST_TEST(started() == 3u);
  for (std::size_t n = 0; n < 3; ++n) {
    BOOST_TEST(!interpreter(n).halted);
    BOOST_TEST_REQUIRE(interpreter(n).calls.size() == 2u);
    finish(interpreter(n), 1);
  }
  BOOST_TEST(me->replies.size() == 6u);
}

BOOST_FIXTURE_TEST_CASE(replicas_of_an_owner_that_is_lost_are_adopted_on_the_nodes_that_are_left, moved) {
  finish_all();
  cut(0, 1);
  cut(0, 2);
  auto second = grant(1, spec, 20);
  invoke(second, *me, spec, 2);
  BOOST_TEST(at(1).interpreters.size() + at(2).interpreters.size() == 2u);
  BOOST_TEST(interpreter(1).calls.size() == 2u);
  BOOST_TEST(interpreter(2).calls.size() == 2u);
  advance(2 * defaults::orphan_time);
  BOOST_TEST(!interpreter(1).halted);
  BOOST_TEST(!interpreter(2).halted);
}

BOOST_FIXTURE_TEST_CASE(a_long_call_of_an_owner_that_is_lost_ends_in_its_replica_which_follows_then, moved) {
  finish(interpreter(2), 0);
  cut(0, 1);
  cut(0, 2);
  auto second = grant(2, spec, 20);
  invoke(second, *me, spec);
  advance(2 * defaults::orphan_time);
  BOOST_TEST(!interpreter(1).halted);
  const auto before = interpreter(1).calls.size();
  finish(interpreter(1), 0);
  BOOST_TEST(!interpreter(1).halted);
  invoke(second, *me, spec, 2);
  BOOST_TEST(interpreter(1).calls.size() == before + 1);
}

BOOST_FIXTURE_TEST_CASE(a_busy_replica_follows_when_its_call_has_ended, moved) {
  finish(interpreter(0), 0);
  finish(interpreter(2), 0);
  auto second = grant(1, spec, 20);
  invoke(second, *me, spec, 2);
  BOOST_TEST(interpreter(1).calls.size() == 1u);
  finish(interpreter(1), 0); // for the former owner's caller
  BOOST_TEST(me->replies.size() == 3u);
  invoke(second, *me, spec);
  advance(defaults::adopt_patience);
  std::size_t held = 0;
  for (std::size_t n = 0; n < 3; ++n)
    for (const auto& i : at(n).interpreters)
      held += i->held.size();
  BOOST_TEST(held == 3u);
  BOOST_TEST(!interpreter(1).halted);
}

BOOST_FIXTURE_TEST_CASE(the_former_owner_hands_its_queue_back_and_answers_what_runs, moved) {
  invoke(first, *me, spec, 2); // they wait
  grant(1, spec, 20);
  BOOST_TEST_REQUIRE(me->replies.size() == 2u);
  for (const auto& reply : me->replies)
    BOOST_TEST((reply.code == ec::stale_epoch));
  invoke(first, *me, spec); // sent before its caller knew
  BOOST_TEST((me->replies.at(2).code == ec::stale_epoch));
  finish_all();
  BOOST_TEST(me->replies.size() == 6u);
  BOOST_TEST((me->replies[5].code == ec::none));
}

BOOST_FIXTURE_TEST_CASE(a_failure_that_would_be_tried_again_goes_to_the_next_owner, moved) {
  auto again = make_spec(1, 1);
  again->name = "again";
  again->tasks[0].retries.count = 2;
  auto owner = grant(0, again, 30);
  auto& who = caller();
  invoke(owner, who, again);
  grant(1, again, 31);
  for (std::size_t n = 0; n < 3; ++n)
    for (const auto& i : at(n).interpreters)
      if (i->order.spec->name == "again" && !i->calls.empty())
        finish(*i, 0, ec::user_error);
  BOOST_TEST_REQUIRE(who.replies.size() == 1u);
  BOOST_TEST((who.replies[0].code == ec::stale_epoch));
}

BOOST_FIXTURE_TEST_CASE(an_order_of_a_lower_epoch_is_refused_and_its_owner_learns_that_it_is_none, moved) {
  auto other = make_spec(1, 1);
  other->version = "v2";
  finish_all();
  // The second node has heard of a newer owner, the first has not.
  tell(at(1).agent, atom::events::value,
       control::facts{control::owner_changed{spec->key(), {at(1).id, {}, epoch{20}}}});
  invoke(first, *me, spec, 3);
  BOOST_TEST(interpreter(1).calls.size() == 1u);
  std::size_t stale = 0;
  for (const auto& reply : me->replies)
    stale += reply.code == ec::stale_epoch ? 1 : 0;
  BOOST_TEST(stale == 1u);
  BOOST_TEST(!static_cast<bool>(open(1, other, 10)));
  BOOST_TEST((failed.code == ec::stale_epoch));
}

BOOST_FIXTURE_TEST_CASE(the_journal_tells_which_epochs_a_node_heard_of_obeyed_and_refused, moved) {
  tell(at(1).agent, atom::events::value,
       control::facts{control::owner_changed{spec->key(), {at(1).id, {}, epoch{20}}}});
  open(1, spec, 10);
  open(1, spec, 20);
  const auto told = events();
  for (const auto* sentence : {"Epoch 10 is obeyed.", "Epoch 20: node n1 owns it.",
                               "Epoch 10 was refused: epoch 20 is known.", "Epoch 20 is obeyed."})
    BOOST_TEST(std::count(told.begin(), told.end(), sentence) > 0, sentence);
}

BOOST_FIXTURE_TEST_CASE(an_owner_without_standing_lets_go_and_its_replicas_stay_for_the_next, moved) {
  finish_all();
  tell(at(0).agent, atom::events::value, control::facts{control::standing{false, {}, "its lease has ended"}});
  invoke(first, *me, spec);
  BOOST_TEST((me->replies.at(3).code == ec::stale_epoch));
  auto second = grant(2, spec, 20);
  invoke(second, *me, spec, 3);
  BOOST_TEST(started() == 3u);
}

BOOST_FIXTURE_TEST_CASE(replicas_of_another_version_end_when_nobody_opens_it, moved) {
  finish_all();
  auto other = make_spec(1, 1);
  other->version = "v2";
  grant(1, other, 20);
  for (std::size_t n = 0; n < 3; ++n)
    BOOST_TEST(!interpreter(n).halted);
  advance(defaults::unclaimed_time);
  for (std::size_t n = 0; n < 3; ++n)
    BOOST_TEST(interpreter(n).halted);
}

BOOST_FIXTURE_TEST_CASE(a_link_that_comes_back_brings_the_replicas_behind_it_back, moved) {
  finish_all();
  cut(0, 1);
  advance(1s);
  join(0, 1);
  const auto before = started();
  invoke(first, *me, spec, 3);
  BOOST_TEST(started() == before);
  BOOST_TEST(!interpreter(1).halted);
}

// -- pools ----

BOOST_AUTO_TEST_CASE(an_adopted_replica_serves_calls_without_a_start) {
  fixed_pool p;
  BOOST_TEST(p.subject().adopt({100}, true, p.now));
  p.admit();
  BOOST_TEST(p.lines() == std::vector<std::string>{"dispatch r100 c1 #1"});
}

BOOST_AUTO_TEST_CASE(a_pool_adopts_no_more_replicas_than_it_may_have) {
  fixed_pool p;
  BOOST_TEST(p.subject().adopt({100}, true, p.now));
  BOOST_TEST(!p.subject().adopt({101}, true, p.now));
  BOOST_TEST(!p.subject().adopt({100}, true, p.now));
}

BOOST_AUTO_TEST_CASE(while_warm_replicas_may_be_found_none_is_started) {
  fixed_pool p;
  p.subject().hold_starts(p.now + 100ms);
  p.admit();
  BOOST_TEST(p.lines().empty());
  p.advance(100ms);
  BOOST_TEST(p.lines() == std::vector<std::string>{"start r1"});
}

BOOST_AUTO_TEST_CASE(a_replica_whose_node_drains_is_replaced_elsewhere_and_finishes_what_it_has) {
  fixed_pool p;
  p.warm_up(1);
  auto call = p.admit();
  p.lines();
  pool_effects out;
  p.subject().drain({1}, p.now, out);
  BOOST_TEST_REQUIRE(out.size() >= 1u);
  BOOST_TEST(std::holds_alternative<pool_effect::retire>(out[0]));
  BOOST_TEST(std::get<pool_effect::retire>(out[0]).at_once.empty());
  p.done(1, call);
  BOOST_TEST(p.subject().open() == 0u);
}

BOOST_AUTO_TEST_CASE(a_pool_that_is_no_owners_any_more_sends_and_starts_nothing) {
  fixed_pool p;
  p.warm_up(1);
  auto running = p.admit();
  p.admit();
  p.lines();
  p.subject().disown();
  pool_effects out;
  p.subject().hand_back({ec::stale_epoch, "moved"}, p.now, out);
  BOOST_TEST_REQUIRE(out.size() == 2u);
  BOOST_TEST((std::get<pool_effect::fail>(out[0]).why.code == ec::stale_epoch));
  p.done(1, running);
  BOOST_TEST(p.subject().open() == 0u);
  p.lost(1, {});
  BOOST_TEST(p.lines() == std::vector<std::string>{"release c2"});
}

BOOST_AUTO_TEST_SUITE_END()
