#include "cluster/control_state.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <set>

/// Who belongs to the cluster, and who is there.
namespace hearth::cluster {

namespace {

bool usable_voter_count(std::size_t count) { return count == 1 || count == 3 || count == 5; }

std::string called(const member& node) { return node.name.empty() ? to_string(node.node) : node.name; }

outcome unknown_node(node_uuid node) {
  return refused(ec::not_a_member, "Node " + to_string(node)
                                     + " does not belong to this cluster; `hearth node join` with a token admits it.");
}

} // namespace

std::string control_state::free_member_name(const std::string& wanted) const {
  std::set<std::string, std::less<>> taken;
  for (const auto& [id, node] : image_.members)
    if (!node.removed)
      taken.insert(node.name);
  auto name = wanted.empty() ? std::string("node") : wanted;
  const auto stem = name;
  for (std::size_t number = 2; taken.contains(name); ++number)
    name = stem + "-" + std::to_string(number);
  return name;
}

outcome control_state::on(const admit_node& order) {
  if (!order.node)
    return refused(ec::bad_request, "A node without an id cannot be admitted.");
  if (const auto* known = find_member(order.node); known != nullptr) {
    if (known->removed)
      return refused(ec::not_a_member, "Node " + called(*known) + " was removed from this cluster for good; it needs "
                                         + "an empty state directory to join again.");
    return done();
  }
  if (image_.members.size() >= defaults::members_max)
    return refused(ec::overloaded,
                   "This cluster knows " + std::to_string(image_.members.size()) + " nodes and takes no more.");
  if (order.name.size() + order.address.size() > defaults::command_text_bytes_max)
    return refused(ec::bad_request, "The name of a node is too long.");
  member node;
  node.node = order.node;
  node.name = free_member_name(order.name);
  node.address = order.address;
  image_.members.emplace(order.node, std::move(node));
  happened(facts::member_changed{order.node});
  return done();
}

outcome control_state::on(const remove_node& order) {
  const auto found = image_.members.find(order.node);
  if (found == image_.members.end())
    return unknown_node(order.node);
  auto& node = found->second;
  if (node.removed)
    return done();
  if (std::find(image_.voters.begin(), image_.voters.end(), order.node) != image_.voters.end())
    return refused(ec::conflict, "Node " + called(node)
                                   + " is a voter of the control log; choose others with `hearth cluster voters set` "
                                     "first.");
  node.removed = true;
  if (node.seat)
    vacate(node.seat, departure::left);
  happened(facts::member_changed{order.node});
  return done();
}

outcome control_state::on(const drain_node& order) {
  const auto found = image_.members.find(order.node);
  if (found == image_.members.end() || found->second.removed)
    return unknown_node(order.node);
  if (found->second.draining != order.draining) {
    found->second.draining = order.draining;
    happened(facts::member_changed{order.node});
  }
  return done();
}

outcome control_state::on(const take_seat& order) {
  const auto found = image_.members.find(order.node);
  if (found == image_.members.end())
    return unknown_node(order.node);
  auto& node = found->second;
  if (node.removed && !mutated(removed_nodes_sit))
    return refused(ec::not_a_member, "Node " + called(node) + " was removed from this cluster.");
  const bool same_process = order.incarnation == node.incarnation && order.nonce == node.nonce && node.incarnation != 0;
  if (order.incarnation <= node.incarnation && !same_process && !mutated(old_copies_sit))
    return refused(ec::stale_epoch, "Node " + called(node) + " was started from an old copy of its state directory: this is start "
                                      + std::to_string(order.incarnation) + " of it, and the cluster has seen start "
                                      + std::to_string(node.incarnation) + ". Give it an empty one and join again.");
  if (order.level < image_.level)
    return refused(ec::version_mismatch, "Node " + called(node) + " understands feature level "
                                           + std::to_string(order.level) + ", this cluster writes level "
                                           + std::to_string(image_.level) + "; install a newer Hearth there.");
  if (order.address.size() > defaults::command_text_bytes_max)
    return refused(ec::bad_request, "The address of a node is too long.");
  if (const auto* seat = find_seat(node.seat); same_process && seat != nullptr) {
    auto result = done();
    result.index = seat->seat.value;
    return result;
  }
  if (node.seat)
    vacate(node.seat, departure::died);
  node.incarnation = order.incarnation;
  node.nonce = order.nonce;
  node.seat = seat_id{image_.applied};
  node.address = order.address;
  image_.seats.emplace(node.seat,
                       seat_record{node.seat, order.node, order.address, order.capacity, order.level, order.incarnation});
  happened(facts::seat_began{node.seat, order.node});
  return done();
}

outcome control_state::on(const end_seat& order) {
  if (find_seat(order.seat) != nullptr)
    vacate(order.seat, order.how);
  return done();
}

void control_state::vacate(seat_id seat, departure how) {
  const auto found = image_.seats.find(seat);
  if (found == image_.seats.end())
    return;
  const auto node = found->second.node;
  image_.seats.erase(found);
  if (const auto who = image_.members.find(node); who != image_.members.end() && who->second.seat == seat)
    who->second.seat = {};
  happened(facts::seat_ended{seat, node, how});
  std::vector<std::string> owned;
  if (!mutated(seat_end_keeps_owner))
  for (const auto& [key, environment] : image_.environments)
    if (environment.owner == seat)
      owned.push_back(key);
  for (const auto& key : owned)
    disown(image_.environments.at(key), true);
  for (auto& [index, run] : open_)
    if (run->home == seat) {
      run->home = {};
      happened(facts::run_orphaned{run->order.name});
    }
}

outcome control_state::on(const renew& order) {
  image_.cluster_time_ms = std::max(image_.cluster_time_ms, order.cluster_time_ms);
  return done();
}

std::optional<outcome> control_state::refusal(const set_voters& order) const {
  const std::set<node_uuid> voters(order.voters.begin(), order.voters.end());
  if (!usable_voter_count(voters.size()))
    return refused(ec::bad_request, "The control log takes 1, 3 or 5 voters, not " + std::to_string(voters.size())
                                      + ": an even number survives no more losses than the odd one below it.");
  for (const auto& voter : voters)
    if (const auto* node = find_member(voter); node == nullptr || node->removed)
      return unknown_node(voter);
  return std::nullopt;
}

outcome control_state::on(const set_voters& order) {
  if (auto why = refusal(order))
    return *why;
  auto voters = order.voters;
  std::sort(voters.begin(), voters.end());
  voters.erase(std::unique(voters.begin(), voters.end()), voters.end());
  if (voters != image_.voters)
    choose_voters(std::move(voters));
  return done();
}

void control_state::choose_voters(std::vector<node_uuid> voters) {
  std::sort(voters.begin(), voters.end());
  image_.voters = std::move(voters);
  ++image_.generation;
  happened(facts::voters_changed{image_.generation});
}

outcome control_state::on(const raise_level& order) {
  for (const auto& [id, seat] : image_.seats)
    if (seat.level < order.level)
      return refused(ec::version_mismatch, "Node " + to_string(seat.node) + " understands feature level "
                                             + std::to_string(seat.level) + " only, not "
                                             + std::to_string(order.level) + ".");
  if (order.level > image_.level) {
    image_.level = order.level;
    happened(facts::level_raised{image_.level});
  }
  return done();
}

} // namespace hearth::cluster
