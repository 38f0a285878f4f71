#include "tests/support/link_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::test;
using cluster::channel;

BOOST_AUTO_TEST_SUITE(link_endpoint, *boost::unit_test::timeout(240))

namespace {

struct two_nodes : link_fixture {
  std::unique_ptr<link_node> a = make_node(1);
  std::unique_ptr<link_node> b = make_node(2);

  two_nodes() {
    introduce(*a, *b);
    run_until_up(*a, *b);
  }
};

std::string numbered_frame(std::size_t i) { return std::to_string(i) + std::string(i * 37 % 5'000, 'x'); }

} // namespace

BOOST_FIXTURE_TEST_CASE(two_nodes_come_up_for_each_other_once, two_nodes) {
  BOOST_TEST((a->control_heard.ups == std::vector<std::pair<node_uuid, std::uint64_t>>{{b->id, 1}}));
  BOOST_TEST((b->work_heard.ups == std::vector<std::pair<node_uuid, std::uint64_t>>{{a->id, 1}}));
  BOOST_TEST(a->warnings.empty());
  BOOST_TEST(b->warnings.empty());
}

BOOST_FIXTURE_TEST_CASE(three_nodes_come_up_for_each_other, link_fixture) {
  std::array<std::unique_ptr<link_node>, 3> nodes{make_node(1), make_node(2), make_node(3)};
  for (auto& one : nodes)
    for (auto& other : nodes)
      one->knows(*other);
  for (auto& one : nodes)
    for (auto& other : nodes)
      if (one != other)
        run_until_up(*one, *other);
}

BOOST_FIXTURE_TEST_CASE(frames_of_a_channel_arrive_as_they_were_sent_and_in_order, two_nodes) {
  for (std::size_t i = 0; i < 500; ++i) {
    const std::array<bytes, 3> parts{frame_of(numbered_frame(i)), frame_of(""), frame_of(std::string(i % 9, 'y'))};
    BOOST_REQUIRE(a->work.send(b->id, channel::calls, parts));
    BOOST_REQUIRE(b->control.send(a->id, channel::control, frame_of(numbered_frame(i))));
  }
  BOOST_REQUIRE(run_until([&] { return b->work_heard.frames.size() == 500 && a->control_heard.frames.size() == 500; }));
  for (std::size_t i = 0; i < 500; ++i) {
    BOOST_TEST(b->work_heard.frames[i].frame == numbered_frame(i) + std::string(i % 9, 'y'));
    BOOST_TEST(a->control_heard.frames[i].frame == numbered_frame(i));
    BOOST_TEST((b->work_heard.frames[i].on == channel::calls && b->work_heard.frames[i].peer == a->id));
  }
}

BOOST_FIXTURE_TEST_CASE(the_longest_frame_of_each_channel_passes_and_a_longer_one_is_refused, two_nodes) {
  const std::map<channel, std::size_t> limits{{channel::control, defaults::link_control_frame_bytes_max},
                                              {channel::calls, defaults::link_calls_frame_bytes_max},
                                              {channel::bulk, defaults::link_bulk_frame_bytes_max}};
  for (const auto& [on, limit] : limits) {
    auto& from = on == channel::control ? a->control : a->work;
    auto& heard = on == channel::control ? b->control_heard : b->work_heard;
    const std::string longest(limit, 'z');
    BOOST_TEST(!from.send(b->id, on, frame_of(longest + 'z')));
    BOOST_TEST(from.send(b->id, on, frame_of(longest)));
    BOOST_REQUIRE(run_until([&] { return !heard.frames.empty(); }));
    BOOST_TEST(heard.frames.back().frame.size() == limit);
    BOOST_TEST((heard.frames.back().frame == longest));
    heard.frames.clear();
  }
}

BOOST_FIXTURE_TEST_CASE(a_frame_to_a_node_that_is_not_up_is_refused, two_nodes) {
  BOOST_TEST(!a->work.send(numbered(9), channel::calls, frame_of("x")));
  BOOST_TEST(!a->work.send(a->id, channel::calls, frame_of("x")));
  BOOST_TEST(!a->work.send(b->id, channel::control, frame_of("not of this endpoint")));
}

BOOST_FIXTURE_TEST_CASE(frames_sent_in_the_moment_of_coming_up_are_not_lost, link_fixture) {
  auto a = make_node(1);
  auto b = make_node(2);
  bool is_sent = false;
  introduce(*a, *b);
  BOOST_REQUIRE(run_until([&] {
    is_sent = is_sent
              || (a->work.send(b->id, channel::bulk, frame_of("first"))
                  && a->work.send(b->id, channel::calls, frame_of("second")));
    return is_sent && b->work_heard.frames.size() == 2;
  }));
}

BOOST_FIXTURE_TEST_CASE(the_link_to_a_process_that_is_gone_ends_on_both_channels_and_its_host_says_so, two_nodes) {
  const auto id = b->id;
  b.reset(); // the sockets and the listener close, as they do when a process is killed
  BOOST_REQUIRE(run_until([&] { return !a->control_heard.gone.empty() && !a->work_heard.gone.empty(); }));
  BOOST_TEST(a->control_heard.downs.size() == 1u);
  BOOST_TEST(a->work_heard.downs.size() == 1u);
  BOOST_TEST((a->work_heard.gone == std::vector<std::pair<node_uuid, std::uint64_t>>{{id, 1}}));
  BOOST_TEST(!a->is_up(id));
}

BOOST_FIXTURE_TEST_CASE(who_does_not_dial_hears_of_a_process_that_is_gone_as_well, two_nodes) {
  const auto id = a->id;
  a.reset();
  BOOST_REQUIRE(run_until([&] { return !b->control_heard.gone.empty() && !b->work_heard.gone.empty(); }));
  BOOST_TEST((b->control_heard.gone == std::vector<std::pair<node_uuid, std::uint64_t>>{{id, 1}}));
}

BOOST_FIXTURE_TEST_CASE(a_node_that_starts_anew_is_up_with_its_higher_incarnation, two_nodes) {
  for (std::uint64_t incarnation = 2; incarnation < 5; ++incarnation) {
    auto& restarted = incarnation % 2 == 0 ? b : a;
    auto& other = incarnation % 2 == 0 ? a : b;
    const auto port = restarted->port();
    const auto number = restarted == a ? 1 : 2;
    restarted.reset();
    restarted = make_node(static_cast<std::uint64_t>(number),
                          {.incarnation = incarnation, .port = port, .self_changes = {}});
    restarted->knows(*other);
    BOOST_REQUIRE(run_until([&] {
      return restarted->is_up(other->id) && other->control_heard.ups.back().second == incarnation
             && other->work_heard.ups.back().second == incarnation;
    }));
    BOOST_TEST((other->work_heard.downs.back().peer == restarted->id));
  }
}

BOOST_FIXTURE_TEST_CASE(a_link_that_was_dropped_ends_once_and_comes_up_again, two_nodes) {
  a->work.drop(b->id, "does not answer");
  BOOST_TEST(a->work_heard.downs.empty()); // not from within the call
  BOOST_REQUIRE(run_until([&] { return a->work_heard.ups.size() == 2 && b->work_heard.ups.size() == 2; }));
  BOOST_TEST(a->work_heard.downs.size() == 1u);
  BOOST_TEST(a->work_heard.downs.front().reason == "does not answer");
  BOOST_TEST(b->work_heard.downs.size() == 1u);
  BOOST_TEST(a->control_heard.downs.empty());
  BOOST_TEST(a->work_heard.gone.empty());
}

BOOST_FIXTURE_TEST_CASE(a_member_that_is_removed_is_cut_off_and_not_let_in_again, two_nodes) {
  b->members.erase(a->id);
  b->control.remove_peer(a->id, "was removed");
  b->work.remove_peer(a->id, "was removed");
  BOOST_REQUIRE(run_until([&] {
    return b->work_heard.downs.size() == 1 && a->work_heard.downs.size() == 1 && b->was_warned_of("no member");
  }));
  BOOST_TEST(b->work_heard.downs.front().reason == "was removed");
  BOOST_TEST(!b->work.send(a->id, channel::calls, frame_of("x")));
  BOOST_TEST(b->work_heard.ups.size() == 1u);
  BOOST_TEST(a->work_heard.ups.size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_member_that_is_removed_hears_so_in_the_handshake_if_it_dials, two_nodes) {
  b->removed.insert(a->id);
  b->members.erase(a->id);
  b->control.remove_peer(a->id, "was removed");
  b->work.remove_peer(a->id, "was removed");
  BOOST_REQUIRE(run_until([&] { return !a->expelled.empty(); }));
  BOOST_TEST(a->expelled.front().is_removed);
  BOOST_TEST(a->was_warned_of("was removed from the cluster"));
  BOOST_TEST(b->was_warned_of("certificate revoked"));
  BOOST_TEST(b->expelled.empty());
}

BOOST_FIXTURE_TEST_CASE(a_member_that_was_removed_while_it_was_away_hears_so_when_it_knocks, link_fixture) {
  auto a = make_node(1);
  auto b = make_node(2); // the lower one dials, but not who was removed
  a->removed.insert(b->id);
  b->knows(*a);
  BOOST_REQUIRE(run_until([&] { return !b->expelled.empty(); }));
  BOOST_TEST(b->expelled.front().is_removed);
  BOOST_TEST(a->expelled.empty());
}

BOOST_FIXTURE_TEST_CASE(who_knocks_at_a_peer_that_knows_it_is_none_the_worse, link_fixture) {
  auto a = make_node(1);
  auto b = make_node(2);
  a->members.insert(b->id); // it does not know where that one is, and so does not dial
  b->knows(*a);
  BOOST_REQUIRE(run_until([&] { return a->was_warned_of("does not know the peer yet"); }));
  a->knows(*b);
  run_until_up(*a, *b);
  BOOST_TEST(b->expelled.empty());
}

BOOST_FIXTURE_TEST_CASE(an_old_copy_of_a_disk_is_refused_and_both_sides_say_why, two_nodes) {
  const auto port = a->port();
  a.reset();
  BOOST_REQUIRE(run_until([&] { return !b->is_up(numbered(1)); }));
  a = make_node(1, {.incarnation = 0, .port = port, .self_changes = {}});
  a->knows(*b);
  BOOST_REQUIRE(run_until([&] { return a->was_warned_of("old copy of its disk") && b->was_warned_of("old copy"); }));
  BOOST_TEST(!a->expelled.empty()); // so it ends
  BOOST_TEST(b->expelled.empty());
  BOOST_TEST(b->work_heard.ups.size() == 1u);
  BOOST_TEST(a->work_heard.ups.empty());
}

BOOST_FIXTURE_TEST_CASE(a_second_process_with_the_same_incarnation_is_refused_while_the_first_stays, two_nodes) {
  auto copy = make_node(1);
  copy->knows(*b);
  BOOST_REQUIRE(run_until([&] { return copy->was_warned_of("copies of one disk"); }));
  BOOST_TEST(a->is_up(b->id));
  BOOST_TEST(b->work_heard.downs.empty());
  BOOST_TEST(copy->control_heard.ups.empty());
  BOOST_TEST(!copy->expelled.empty());
  BOOST_TEST(a->expelled.empty());
}

BOOST_FIXTURE_TEST_CASE(versions_that_overlap_talk_and_others_say_which_is_older, link_fixture) {
  auto a = make_node(1);
  const auto with_versions = [&](std::uint64_t number, std::uint32_t oldest, std::uint32_t newest) {
    link_node::options o;
    o.self_changes = {authority.cluster(), numbered(number), 1, number, newest, oldest};
    o.has_changes = true;
    return make_node(number, o);
  };
  auto next = with_versions(2, 1, 2);
  auto far = with_versions(3, 2, 3);
  introduce(*a, *next);
  introduce(*a, *far);
  run_until_up(*a, *next);
  BOOST_REQUIRE(run_until([&] { return a->was_warned_of("speaks versions 2 to 3 of the link, this node 1 to 1"); }));
  BOOST_TEST(far->expelled.empty()); // may try again once it is upgraded
  BOOST_TEST(!a->is_up(far->id));
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_does_not_read_costs_a_bounded_queue_and_control_passes_meanwhile, two_nodes) {
  // Bulk is clogged because nobody turns the loop between these calls; then it drains, and there is room again.
  const auto chunk = frame_of(std::string(200 * defaults::kib, 'c'));
  std::size_t accepted = 0;
  while (a->work.send(b->id, channel::bulk, chunk))
    ++accepted;
  BOOST_TEST(accepted == defaults::link_bulk_queue_bytes_max / chunk.size());
  BOOST_TEST(a->work.queued_bytes(b->id, channel::bulk) <= defaults::link_bulk_queue_bytes_max + defaults::kib);
  BOOST_TEST(a->control.send(b->id, channel::control, frame_of("heartbeat")));
  BOOST_TEST(a->work.send(b->id, channel::calls, frame_of("call")));
  BOOST_REQUIRE(run_until([&] { return b->work_heard.frames.size() == accepted + 1; }));
  BOOST_TEST(b->control_heard.frames.size() == 1u);
  BOOST_REQUIRE(run_until([&] { return a->work_heard.rooms.size() == 1; }));
  BOOST_TEST((a->work_heard.rooms.front() == std::pair{b->id, channel::bulk}));
  BOOST_TEST(a->work.send(b->id, channel::bulk, chunk));
}

BOOST_FIXTURE_TEST_CASE(a_quiet_link_turns_no_loop, two_nodes) {
  pass_time();
  const auto before = loop.turns();
  for (int i = 0; i < 10; ++i)
    pass_time();
  BOOST_TEST(loop.turns() - before <= 40u); // those of the test's own timer
}

BOOST_AUTO_TEST_SUITE_END()
