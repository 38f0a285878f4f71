#include "cluster/raft.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace hearth;
using namespace hearth::cluster;
using namespace std::chrono_literals;

/// What a shell may rely on, one node at a time. What nodes do together is shown in tests/sim.
BOOST_AUTO_TEST_SUITE(raft_node)

namespace {

const node_uuid me{0, 1}, second{0, 2}, third{0, 3};

raft::stored_state fresh(std::vector<node_uuid> voters) { return {{}, {0, 0, 1, std::move(voters)}, {}}; }

template <class Effect>
const Effect* find(const raft::effects& all) {
  for (const auto& each : all)
    if (const auto* it = std::get_if<Effect>(&each))
      return it;
  return nullptr;
}

template <class Effect>
std::size_t count(const raft::effects& all) {
  std::size_t result = 0;
  for (const auto& each : all)
    result += std::holds_alternative<Effect>(each) ? 1 : 0;
  return result;
}

template <class Body>
const Body* find_sent(const raft::effects& all) {
  for (const auto& each : all)
    if (const auto* it = std::get_if<raft::send>(&each))
      if (const auto* body = std::get_if<Body>(&it->message.body))
        return body;
  return nullptr;
}

/// A node whose disk is done as soon as the test says so.
struct driven {
  raft::node node;
  raft::instant now = 1s;
  std::uint64_t token = 0;

  driven(raft::config how, raft::stored_state disk) : node(how, std::move(disk), 1s) {}

  raft::effects step(const raft::event& what) {
    auto effects = node.step(what, now);
    if (const auto* it = find<raft::store>(effects))
      token = it->token;
    return effects;
  }
  raft::effects store() { return step(raft::stored{token}); }
  raft::effects hear(node_uuid from, std::uint64_t term, decltype(raft::message::body) body) {
    return step(raft::received{from, {1, term, std::move(body)}});
  }
};

raft::config with_limits() {
  raft::config how;
  how.self = me;
  how.proposals_max = 3;
  how.proposal_bytes_max = 100;
  how.reads_max = 2;
  return how;
}

/// The only voter, leading, with its first entry committed.
driven alone() {
  driven it(with_limits(), fresh({me}));
  it.step(raft::tick{});
  it.store();
  it.store();
  return it;
}

/// One of three voters, leading term 1, with its first entry committed.
driven leader_of_three() {
  driven it(with_limits(), fresh({me, second, third}));
  it.step(raft::tick{});
  it.now += 2s;
  it.step(raft::tick{});
  it.hear(second, 1, raft::vote_reply{true, true});
  it.store();
  it.hear(second, 1, raft::vote_reply{false, true});
  it.store();
  it.hear(second, 1, raft::append_reply{true, 1, 0, 0, 0});
  return it;
}

} // namespace

BOOST_AUTO_TEST_CASE(a_single_voter_leads_without_waiting) {
  driven it(with_limits(), fresh({me}));
  BOOST_CHECK(find<raft::store>(it.step(raft::tick{}))->hard == (raft::hard_state{1, me}));
  it.store();
  BOOST_CHECK(it.node.role() == raft::role::kind::leader);
  BOOST_TEST(it.node.commit_index() == 0u); // its first entry is not on the disk yet
  it.store();
  BOOST_TEST(it.node.commit_index() == 1u);
}

BOOST_AUTO_TEST_CASE(a_single_voter_commits_when_its_own_disk_has_it) {
  auto it = alone();
  const auto asked = it.step(raft::propose{7, "x", {}});
  BOOST_TEST(find<raft::proposed>(asked)->index == 2u);
  BOOST_TEST(find<raft::commit>(asked) == nullptr);
  BOOST_TEST(count<raft::send>(asked) == 0u);
  const auto done = it.store();
  BOOST_REQUIRE(find<raft::commit>(done) != nullptr);
  BOOST_TEST(find<raft::commit>(done)->entries.at(0).data == "x");
}

BOOST_AUTO_TEST_CASE(a_single_voter_that_is_idle_is_never_woken) {
  driven it(with_limits(), fresh({me}));
  auto timers = count<raft::set_timer>(it.step(raft::tick{}));
  timers += count<raft::set_timer>(it.store());
  timers += count<raft::set_timer>(it.store());
  timers += count<raft::set_timer>(it.step(raft::propose{7, "x", {}}));
  timers += count<raft::set_timer>(it.store());
  timers += count<raft::set_timer>(it.step(raft::read{8}));
  BOOST_TEST(timers == 0u);
}

BOOST_AUTO_TEST_CASE(a_single_voter_answers_reads_at_once) {
  auto it = alone();
  BOOST_TEST(find<raft::readable>(it.step(raft::read{8}))->index == 1u);
}

BOOST_AUTO_TEST_CASE(a_read_waits_for_a_round_that_began_after_it) {
  auto it = leader_of_three();
  const auto asked = it.step(raft::read{8});
  BOOST_TEST(find<raft::readable>(asked) == nullptr);
  const auto round = find_sent<raft::append>(asked)->round;
  BOOST_TEST(find<raft::readable>(it.hear(second, 1, raft::append_reply{true, 1, 0, 0, round - 1})) == nullptr);
  BOOST_TEST(find<raft::readable>(it.hear(second, 1, raft::append_reply{true, 1, 0, 0, round}))->id == 8u);
}

BOOST_AUTO_TEST_CASE(what_exceeds_the_queue_is_refused_as_overloaded) {
  auto it = leader_of_three();
  for (std::uint64_t id = 1; id <= 3; ++id)
    BOOST_TEST(find<raft::proposed>(it.step(raft::propose{id, "x", {}})) != nullptr);
  BOOST_CHECK(find<raft::refused>(it.step(raft::propose{4, "x", {}}))->reason == raft::refusal::overloaded);
  it.step(raft::read{5});
  it.step(raft::read{6});
  BOOST_CHECK(find<raft::refused>(it.step(raft::read{7}))->reason == raft::refusal::overloaded);
}

BOOST_AUTO_TEST_CASE(bytes_of_open_proposals_are_bounded_and_freed_by_commit) {
  auto it = leader_of_three();
  it.step(raft::propose{1, std::string(80, 'x'), {}});
  BOOST_CHECK(find<raft::refused>(it.step(raft::propose{2, std::string(80, 'x'), {}}))->reason
              == raft::refusal::overloaded);
  it.store();
  it.hear(second, 1, raft::append_reply{true, 2, 0, 0, 0});
  BOOST_TEST(find<raft::proposed>(it.step(raft::propose{3, std::string(80, 'x'), {}})) != nullptr);
}

BOOST_AUTO_TEST_CASE(voters_that_cannot_begin_are_refused) {
  auto it = leader_of_three();
  const auto refused = [&](std::vector<node_uuid> voters) {
    const auto effects = it.step(raft::propose{9, "", std::move(voters)});
    const auto* what = find<raft::refused>(effects);
    return what != nullptr && what->reason == raft::refusal::bad_voters;
  };
  BOOST_TEST(refused({me, second}));         // two
  BOOST_TEST(refused({me, second, second})); // named twice
  BOOST_TEST(refused({me, second, {0, 9}})); // nobody has heard of it
  BOOST_TEST(!refused({me, second, third})); // a majority follows
}

BOOST_AUTO_TEST_CASE(behind_a_seal_nothing_is_accepted) {
  auto it = leader_of_three();
  it.step(raft::propose{1, "", {second}});
  BOOST_CHECK(find<raft::refused>(it.step(raft::propose{2, "x", {}}))->reason == raft::refusal::sealed);
  it.store();
  const auto done = it.hear(second, 1, raft::append_reply{true, 2, 0, 0, 0});
  BOOST_REQUIRE(find<raft::seal>(done) != nullptr);
  BOOST_CHECK(find<raft::seal>(done)->mark == (raft::snapshot_mark{2, 1, 2, {second}}));
  BOOST_TEST(it.node.generation() == 2u);
  BOOST_CHECK(it.node.role() == raft::role::kind::learner);
}

BOOST_AUTO_TEST_CASE(a_vote_leaves_when_it_is_on_the_disk) {
  driven it(with_limits(), fresh({me, second, third}));
  it.step(raft::tick{});
  const auto asked = it.hear(second, 5, raft::vote_request{0, 0, false, false});
  BOOST_CHECK(find<raft::store>(asked)->hard == (raft::hard_state{5, second}));
  BOOST_TEST(count<raft::send>(asked) == 0u);
  BOOST_TEST(find_sent<raft::vote_reply>(it.store())->granted);
}

BOOST_AUTO_TEST_CASE(the_second_vote_of_a_term_is_refused) {
  driven it(with_limits(), {{5, second}, {0, 0, 1, {me, second, third}}, {}});
  it.step(raft::tick{});
  BOOST_TEST(!find_sent<raft::vote_reply>(it.hear(third, 5, raft::vote_request{9, 4, false, false}))->granted);
}

BOOST_AUTO_TEST_CASE(a_leftover_in_the_log_is_not_vouched_for) {
  const raft::entry left_over{1, 1, raft::entry::kind::command, "x", {}};
  driven it(with_limits(), {{1, {}}, {0, 0, 1, {me, second, third}}, {left_over}});
  it.step(raft::tick{});
  it.hear(second, 2, raft::append{});
  BOOST_TEST(find_sent<raft::append_reply>(it.store())->match == 0u);
}

BOOST_AUTO_TEST_CASE(who_does_not_vote_never_campaigns) {
  driven it(with_limits(), fresh({second, third, {0, 4}}));
  it.step(raft::tick{});
  for (int i = 0; i < 10; ++i) {
    it.now += 2s;
    const auto effects = it.step(raft::tick{});
    BOOST_TEST(find_sent<raft::vote_request>(effects) == nullptr);
    BOOST_TEST(find<raft::store>(effects) == nullptr);
  }
}

BOOST_AUTO_TEST_CASE(who_has_lost_what_it_acknowledged_is_not_asked_again_at_the_pace_of_its_answers) {
  auto it = leader_of_three();
  it.hear(second, 1, raft::append_reply{false, 0, 2, 0, 0}); // the leader goes back to what was acknowledged ...
  const raft::append_reply lost{false, 0, 1, 0, 0};          // ... and not even that is there
  BOOST_TEST(find_sent<raft::append>(it.hear(second, 1, lost)) == nullptr);
  BOOST_TEST(find_sent<raft::append>(it.hear(second, 1, lost)) == nullptr);
  it.now += 200ms;
  BOOST_TEST(find_sent<raft::append>(it.step(raft::tick{})) != nullptr);
}

BOOST_AUTO_TEST_CASE(a_leader_that_leaves_hands_over_to_who_has_its_log) {
  auto it = leader_of_three();
  BOOST_TEST(find_sent<raft::timeout_now>(it.step(raft::transfer{})) != nullptr);
  BOOST_CHECK(find<raft::refused>(it.step(raft::propose{1, "x", {}}))->reason == raft::refusal::not_leader);
}

BOOST_AUTO_TEST_CASE(what_a_lost_leader_had_begun_is_unknown) {
  auto it = leader_of_three();
  it.step(raft::propose{1, "x", {}});
  const auto lost = it.hear(second, 9, raft::append{});
  BOOST_CHECK(find<raft::refused>(lost)->reason == raft::refusal::leadership_lost);
  BOOST_CHECK(find<raft::refused>(lost)->leader == second);
}

BOOST_AUTO_TEST_CASE(a_link_that_is_down_gets_heartbeats_only) {
  auto it = leader_of_three();
  it.step(raft::unreachable{third});
  const auto effects = it.step(raft::propose{1, "x", {}});
  for (const auto& each : effects)
    if (const auto* sent = std::get_if<raft::send>(&each))
      BOOST_CHECK(sent->to == second);
}

BOOST_AUTO_TEST_SUITE_END()
