#include "tests/sim/lease_scenarios.hpp"

#include "core/defaults.hpp"
#include "tests/sim/still_world.hpp"

namespace hearth::sim {

using namespace cluster;

namespace {

/// Whether the seat of a node to which the leader can say only this little ends.
std::string is_replaced(still_world& world,
                        const std::function<void(std::size_t leader, std::size_t victim)>& cut_off) {
  const auto leader = *world.leader(), victim = world.other_than(leader);
  const auto seat = world.plane(victim).seat();
  cut_off(leader, victim);
  const bool ended = world.within(8000, [&] {
    const auto who = world.leader();
    return who && world.state(*who).find_seat(seat) == nullptr;
  });
  return ended ? "" : "I19: a node that does not see what is decided keeps its seat for 8 s.";
}

} // namespace

std::string a_deaf_node(const cluster_faults& faults) {
  still_world world(3, faults);
  return is_replaced(world, [&](std::size_t leader, std::size_t victim) { world.cut(leader, victim); });
}

std::string a_starved_node(const cluster_faults& faults) {
  // A leader that has to send its state says meanwhile that it lives.
  auto how = still_world::still(3, faults);
  how.snapshot_entries = 1;
  how.entries_behind_snapshot = 0;
  still_world world(how);
  return is_replaced(world, [&](std::size_t, std::size_t victim) { world.starve(victim, true); });
}

namespace {

std::vector<submission>& entries() {
  static thread_local std::vector<submission> all;
  return all;
}

std::string encode(const submission& what) {
  entries().push_back(what);
  return std::to_string(entries().size() - 1);
}

std::optional<submission> decode(std::string_view data) { return entries().at(std::stoull(std::string(data))); }

/// One controller that follows a leader which is played here.
struct follower {
  const node_uuid self = cluster_world::id_of(0), leader = cluster_world::id_of(1);
  controller plane;
  log_index last = 0;

  explicit follower(const cluster_faults& faults) : plane(config(faults), disk(), instant(0)) {}

  controller_config config(const cluster_faults& faults) const {
    controller_config how;
    how.self = self;
    how.name = "n1";
    how.incarnation = 1;
    how.nonce = 1;
    how.mutations = faults.controller;
    how.encode = encode;
    how.decode = decode;
    return how;
  }

  controller_start disk() const {
    controller_start start;
    start.log.snapshot = {0, 0, 1, {self, leader, cluster_world::id_of(2)}};
    return start;
  }

  /// The leader has committed these, and the follower gets them now; what it hands in then is the answer.
  std::optional<messages::submit> get(const std::vector<submission>& committed, instant now) {
    raft::append what{last, last == 0 ? 0U : 1U, last + committed.size(), 0, {}};
    for (const auto& each : committed)
      what.entries.push_back({++last, 1, raft::entry::kind::command, encode(each), {}});
    std::optional<messages::submit> asked;
    for (const auto& effect : plane.step(events::received{leader, raft::message{1, 1, what}}, now))
      if (const auto* sent = std::get_if<effects::send>(&effect))
        if (const auto* order = std::get_if<messages::submit>(&sent->message))
          asked = *order;
    return asked;
  }
};

} // namespace

std::string a_seat_asked_for_twice(const cluster_faults& faults) {
  constexpr std::uint64_t given_up = 1; // a number under which it asked before, and for which it does not wait any more
  const instant soon = from_ms(1900);
  follower late(faults);
  const auto asked = late.get({{{}, 0, admit_node{late.self, "n1"}}}, instant(0));
  if (!asked)
    return "the story is another one: a member without a seat does not ask for one.";
  late.get({{late.self, given_up, asked->order}, {late.self, asked->number, asked->order}}, soon);
  if (!late.plane.seat())
    return "the story is another one: the node has no seat.";
  if (late.plane.lease_until() > soon)
    return "I5: a node has a lease from when it asked for a seat that it had; the leader knows nothing of it.";

  follower prompt(faults);
  const auto first = prompt.get({{{}, 0, admit_node{prompt.self, "n1"}}}, instant(0));
  prompt.get({{prompt.self, first->number, first->order}}, soon);
  return prompt.plane.lease_until() == instant(defaults::lease_time)
           ? ""
           : "a node whose seat begins has no lease from when it asked for it.";
}

} // namespace hearth::sim
