#include "cluster/control_plane.hpp"

#include <algorithm>
#include <utility>

/// How commands come into the log, and their outcomes back to who asked.
namespace hearth::cluster {

namespace {

outcome not_understood(std::uint32_t level) {
  return refused(ec::version_mismatch,
                 "Not every node of the cluster understands this (feature level " + std::to_string(level)
                   + "), or one is away; `hearth cluster status` shows who. Nothing was changed: try again when all of "
                     "them run this Hearth and are there.");
}

outcome out_of_patience(bool handed) {
  return handed ? refused(ec::undecided, "The voters of the control log did not decide in time; it may have been accepted. "
                                         "Ask again under the same id.")
                : refused(ec::no_quorum, "This node reaches no majority of the control log's voters; nothing was accepted. "
                                         "`hearth cluster status` shows who is missing.");
}

outcome old_copy(const member* node) {
  return refused(ec::stale_epoch, "Node " + (node != nullptr ? node->name : std::string("(unknown)"))
                                    + " was started from an old copy of its state directory: it has forgotten entries of "
                                      "the control log that it had confirmed. Give it an empty one and join again.");
}

} // namespace

void control_plane::submit(command order, std::uint64_t request, purpose why) {
  if (why == purpose::asked && waiting_.size() >= defaults::submissions_max) {
    out_.emplace_back(effects::answer{
      request, refused(ec::overloaded, "This node has " + std::to_string(waiting_.size())
                                         + " decisions of the cluster to wait for; try again in a moment.")});
    return;
  }
  const auto number = next_number_++;
  if (why == purpose::seat)
    seat_request_ = number;
  auto& what = waiting_[number];
  what = {std::move(order), request, why, now_, now_, 0};
  hand_in(number, what);
}

void control_plane::hand_in(std::uint64_t number, waiting& what) {
  what.again = now_ + (leader_ ? defaults::submission_retry : defaults::submission_pause);
  look_at_ = std::min({look_at_, what.again, what.begun + defaults::decision_patience});
  if (!leader_ || level_of(what.order) > state_.image().level)
    return; // the level may be about to rise
  ++what.handed;
  if (mutated(controller_mutation::submit_once))
    what.again = raft::never;
  if (leader_ == how_.self)
    propose(how_.self, number, what.order);
  else
    out_.emplace_back(effects::send{leader_, messages::submit{number, what.order}});
}

void control_plane::propose(node_uuid origin, std::uint64_t number, command order) {
  if (!leads())
    return turn_down(origin, number, true, {});
  if (std::holds_alternative<take_seat>(order) && log_.has_forgotten(origin))
    return turn_down(origin, number, false, old_copy(state_.find_member(origin)));
  std::vector<node_uuid> voters;
  if (auto* wish = std::get_if<set_voters>(&order)) {
    if (auto why = state_.refusal(*wish))
      return turn_down(origin, number, false, *why);
    const std::set<node_uuid> wanted(wish->voters.begin(), wish->voters.end());
    voters.assign(wanted.begin(), wanted.end());
    if (voters == log_.voters())
      return turn_down(origin, number, false, {});
  } else if (auto* wish = std::get_if<grant>(&order); wish != nullptr && !wish->seat) {
    if (!in_charge()) // it does not know yet who is there, and who is being drained
      return turn_down(origin, number, true, {});
    const auto seat = place(wish->key, origin, candidates());
    if (!seat)
      return turn_down(origin, number, false,
                       refused(ec::does_not_fit, "No node of the cluster is there to take " + wish->key + "."));
    wish->seat = *seat;
  } else if (auto* run = std::get_if<accept_run>(&order); run != nullptr && !run->home) {
    if (!in_charge())
      return turn_down(origin, number, true, {});
    if (const auto seat = place(run->name, origin, candidates()))
      run->home = *seat;
  }
  const auto id = next_ask_++;
  asked_[id] = {origin, number, false};
  feed(raft::propose{id, how_.encode({origin, number, std::move(order)}), std::move(voters)});
}

void control_plane::ask_core(node_uuid origin, std::uint64_t number) {
  const auto id = next_ask_++;
  asked_[id] = {origin, number, true};
  feed(raft::read{id});
}

void control_plane::handle(const raft::proposed& what) {
  const auto found = asked_.find(what.id);
  if (found == asked_.end())
    return;
  if (mutated(controller_mutation::answer_when_proposed) && found->second.origin == how_.self)
    decided(found->second.number, {});
  asked_.erase(found);
}

void control_plane::handle(const raft::refused& what) {
  const auto found = asked_.find(what.id);
  if (found == asked_.end())
    return;
  const auto who = found->second;
  asked_.erase(found);
  if (what.reason == raft::refusal::overloaded && !who.is_read)
    turn_down(who.origin, who.number, false,
              refused(ec::overloaded, "The control log has more to write than its voters' disks take; try again in a "
                                      "moment."));
  else if (what.reason == raft::refusal::bad_voters)
    turn_down(who.origin, who.number, false,
              refused(ec::conflict, "The voters that were chosen do not all follow the control log closely; start "
                                    "them, wait until `hearth cluster status` shows them up to date, and try again."));
  else
    turn_down(who.origin, who.number, true, {});
}

void control_plane::handle(const raft::readable& what) {
  const auto found = asked_.find(what.id);
  if (found == asked_.end())
    return;
  const auto who = found->second;
  asked_.erase(found);
  if (who.origin != how_.self)
    out_.emplace_back(effects::send{who.origin, messages::tell_index{who.number, what.index}});
  else if (const auto reading = readings_.find(who.number); reading != readings_.end())
    reading->second.index = what.index;
  finish_reads();
}

void control_plane::turn_down(node_uuid origin, std::uint64_t number, bool retry, outcome result) {
  if (!origin)
    return;
  messages::turned_down what{number, retry, std::move(result)};
  if (origin == how_.self)
    turned_down(what);
  else
    out_.emplace_back(effects::send{origin, std::move(what)});
}

void control_plane::turned_down(const messages::turned_down& what) {
  if (const auto reading = readings_.find(what.number); reading != readings_.end()) {
    reading->second.again = now_ + defaults::submission_pause;
    look_at_ = std::min(look_at_, reading->second.again);
    return;
  }
  const auto found = waiting_.find(what.number);
  if (found == waiting_.end())
    return;
  // Handed in more than once, an earlier one may be in the log although this one was not taken.
  if (!what.retry && (found->second.handed <= 1 || what.result.code != ec::overloaded))
    return decided(what.number, what.result);
  found->second.again = now_ + defaults::submission_pause;
  look_at_ = std::min(look_at_, found->second.again);
}

void control_plane::decided(std::uint64_t number, const outcome& result) {
  const auto found = waiting_.find(number);
  if (found == waiting_.end())
    return;
  const auto what = std::move(found->second);
  waiting_.erase(found);
  conclude(what, result);
}

void control_plane::conclude(const waiting& what, const outcome& result) {
  switch (what.why) {
    case purpose::asked: out_.emplace_back(effects::answer{what.request, result}); break;
    case purpose::seat: seat_answered(result); break;
    case purpose::departure: left_ = true; break;
    case purpose::notice: break;
  }
}

void control_plane::on(const events::read& what) {
  if (mutated(controller_mutation::read_without_leader)) {
    out_.emplace_back(effects::readable{what.request});
    return;
  }
  if (readings_.size() >= defaults::submissions_max) {
    out_.emplace_back(effects::answer{
      what.request, refused(ec::overloaded, "This node has too many questions to the cluster open; try again in a "
                                            "moment.")});
    return;
  }
  const auto number = next_number_++;
  auto& reading = readings_[number];
  reading = {what.request, now_, now_, std::nullopt};
  hand_in_read(number, reading);
}

void control_plane::hand_in_read(std::uint64_t number, reading& what) {
  what.again = now_ + (leader_ ? defaults::submission_retry : defaults::submission_pause);
  look_at_ = std::min({look_at_, what.again, what.begun + defaults::decision_patience});
  if (leader_ == how_.self)
    ask_core(how_.self, number);
  else if (leader_)
    out_.emplace_back(effects::send{leader_, messages::ask_index{number}});
}

void control_plane::finish_reads() {
  for (auto it = readings_.begin(); it != readings_.end();)
    if (it->second.index && *it->second.index <= state_.applied()) {
      out_.emplace_back(effects::readable{it->second.request});
      it = readings_.erase(it);
    } else {
      ++it;
    }
}

// Their old leader may have lost what it was told.
void control_plane::leader_changed() {
  for (auto& [number, what] : waiting_)
    what.again = now_;
  for (auto& [number, what] : readings_)
    if (!what.index)
      what.again = now_;
  look_at_ = now_;
}

void control_plane::look_after_submissions() {
  if (look_at_ <= now_) {
    look_at_ = raft::never;
    std::vector<std::uint64_t> open;
    for (const auto& [number, what] : waiting_)
      open.push_back(number);
    for (const auto& number : open) {
      const auto found = waiting_.find(number);
      if (found == waiting_.end())
        continue;
      auto& what = found->second;
      const auto end = what.begun + defaults::decision_patience;
      if (end <= now_)
        decided(number, leader_ && level_of(what.order) > state_.image().level ? not_understood(level_of(what.order))
                                                                              : out_of_patience(what.handed > 0));
      else if (what.again <= now_)
        hand_in(number, what);
      else
        look_at_ = std::min({look_at_, what.again, end});
    }
    for (auto it = readings_.begin(); it != readings_.end();) {
      const auto end = it->second.begun + defaults::decision_patience;
      if (end <= now_) {
        out_.emplace_back(effects::answer{it->second.request, out_of_patience(false)});
        it = readings_.erase(it);
        continue;
      }
      if (it->second.again <= now_ && !it->second.index)
        hand_in_read(it->first, it->second);
      look_at_ = std::min({look_at_, it->second.index ? end : it->second.again, end});
      ++it;
    }
  }
  wake_at(look_at_);
}

} // namespace hearth::cluster
