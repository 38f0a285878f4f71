#include "node/wire/control_log.hpp"

#include "cluster/control_state.hpp"
#include "tests/support/control_world.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace hearth;
using namespace hearth::cluster;
using namespace hearth::cluster::testing;

BOOST_AUTO_TEST_SUITE(wire_control_log)

namespace {

accept_run full_run() {
  accept_run run;
  run.root = {1, 2};
  run.name = "name";
  run.request_digest = "rd";
  run.principal = "p";
  run.project = "pr";
  run.domain = "do";
  run.key = "k";
  run.version = "v";
  run.task = 3;
  run.task_name = "tn";
  run.inputs = "in";
  run.rerun_of = "ro";
  run.lost = 7;
  run.detached = true;
  run.deadline_ms = 8;
  run.unix_ms = 9;
  run.trace_hi = 10;
  run.trace_lo = 11;
  run.trace_span = 12;
  run.arguments = {"dig", 3, bytes::copy_of({"a\0b", 3})};
  run.home = seat_id{13};
  return run;
}

complete_run full_end() {
  complete_run end{"name", 2, ec::user_error, true, "err", 1, 2, 3, 4, 5, 6, {"d", 99, {}}};
  return end;
}

std::vector<command> every_command() {
  const auto node = node_number(5);
  return {admit_node{node, "n", "host:1"},
          remove_node{node},
          drain_node{node, false},
          drain_node{node, true},
          take_seat{node, 4, "host:1", {1ULL << 40, 4000, 2}, 3, 99},
          end_seat{seat_id{8}, departure::left},
          end_seat{seat_id{8}, departure::expired},
          end_seat{seat_id{8}, departure::died},
          renew{{{seat_id{1}, 2}, {seat_id{3}, 4}}, 77},
          set_voters{{node_number(1), node_number(2), node_number(3)}},
          raise_level{2},
          put_spec{"k", "v", bytes::copy_of("spec"), true},
          grant{"k", seat_id{4}},
          release{"k", epoch{6}},
          full_run(),
          claim_run{"n", 2, seat_id{3}},
          full_end(),
          abort_run{"n", "because", 5},
          rehome_runs{{"a", "b"}, seat_id{9}, 6},
          raise_generation{"p/d"},
          put_token{"t", "d", {"invoke", "read"}, 12},
          revoke_token{"t"},
          limit_cache{"p", 5, {}},
          limit_cache{"p", {}, 0},
          undeploy{"p/d/env"}};
}

control_image populated() {
  control_world world;
  const auto first = world.seat(1), second = world.seat(2);
  world.seat(3, 9);
  world.apply(admit_node{node_number(8), "gone"});
  world.apply(remove_node{node_number(8)});
  world.apply(drain_node{node_number(2), true});
  world.apply(renew{{}, 1234});
  world.apply(raise_level{1});
  world.apply(set_voters{{node_number(1)}});
  for (std::uint64_t i = 1; i <= 8; ++i)
    world.accept("r" + std::to_string(i), i, i % 2 == 0 ? first : second, 1);
  world.apply(put_spec{"p/d/env", "v2", bytes::copy_of("other"), true});
  world.apply(grant{"p/d/env", first});
  world.apply(grant{"p/d/more", first});
  world.apply(claim_run{"r1", 1, second});
  world.apply(world.completion("r3", 1, std::string("va\0lue", 6)));
  world.apply(abort_run{"r5", "reason", 3});
  world.apply(raise_generation{"p/d/t"});
  world.apply(put_token{"ci", "digest", {"invoke"}, 99});
  world.apply(limit_cache{"trials", 1ULL << 31, 7000});
  world.apply(end_seat{first, departure::expired});
  world.apply(rehome_runs{{"r2", "r4"}, second, 44});
  return world.state.image();
}

/// Reads damaged copies of `text`; each may be refused or read, and must do neither harm nor wonders.
template <class Decode>
void damage(const std::string& text, unsigned seed, int rounds, Decode decode) {
  std::mt19937_64 random(seed);
  for (int round = 0; round < rounds; ++round) {
    auto broken = text;
    for (auto flips = 1 + random() % 8; flips > 0; --flips)
      broken[random() % broken.size()] = static_cast<char>(random());
    if (round % 3 == 0)
      broken.resize(random() % (broken.size() + 1));
    decode(broken);
  }
}

} // namespace

BOOST_AUTO_TEST_CASE(every_command_comes_back_as_it_was) {
  const auto all = every_command();
  std::vector<bool> seen(std::variant_size_v<command>);
  for (const auto& order : all) {
    seen[order.index()] = true;
    const auto back = wire::decode_command(wire::encode(order));
    BOOST_REQUIRE(std::holds_alternative<command>(back));
    BOOST_TEST((std::get<command>(back) == order), "alternative " << order.index());
  }
  for (std::size_t i = 0; i < seen.size(); ++i)
    BOOST_TEST(seen[i], "no test of alternative " << i);
}

BOOST_AUTO_TEST_CASE(a_command_read_from_an_odd_address_is_the_same) {
  const auto text = "x" + wire::encode(command{full_run()});
  const auto back = wire::decode_command(std::string_view(text).substr(1));
  BOOST_TEST((std::get<command>(back) == command{full_run()}));
}

BOOST_AUTO_TEST_CASE(a_state_comes_back_as_it_was) {
  const auto image = populated();
  const auto back = wire::decode_image(wire::encode(image));
  BOOST_REQUIRE(std::holds_alternative<control_image>(back));
  BOOST_TEST((std::get<control_image>(back) == image));
  BOOST_TEST(digest_of(std::get<control_image>(back)) == digest_of(image));
}

BOOST_AUTO_TEST_CASE(nothing_and_other_formats_are_refused_in_words) {
  for (const std::string& text :
       {std::string(), std::string(7, '\0'), std::string(64, '\0'), std::string(64, '\xff')}) {
    const auto entry = wire::decode_command(text);
    BOOST_REQUIRE(std::holds_alternative<failure>(entry));
    BOOST_TEST((std::get<failure>(entry).code == ec::storage_failed));
    BOOST_TEST(std::holds_alternative<failure>(wire::decode_image(text)));
  }
}

BOOST_AUTO_TEST_CASE(damaged_entries_are_read_or_refused_without_harm) {
  unsigned seed = 1;
  for (const auto& order : every_command())
    damage(wire::encode(order), seed++, 400, [](const std::string& broken) {
      const auto back = wire::decode_command(broken);
      if (const auto* order_read = std::get_if<command>(&back))
        control_world().apply(*order_read);
    });
}

BOOST_AUTO_TEST_CASE(damaged_snapshots_are_read_or_refused_without_harm) {
  damage(wire::encode(populated()), 7, 1500, [](const std::string& broken) {
    auto back = wire::decode_image(broken);
    if (auto* image = std::get_if<control_image>(&back)) {
      control_state state(std::move(*image));
      for (const auto* run : state.runs(100))
        state.apply(state.applied() + 1, end_seat{run->home, departure::died});
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
