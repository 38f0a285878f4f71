#pragma once

#include "actors/link_messages.hpp"

#include <caf/actor_addr.hpp>
#include <caf/actor_cast.hpp>

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <unordered_map>
#include <utility>

namespace hearth {

/// The numbers by which other nodes know callers of this one. A number is never given twice. Holds nobody alive.
class exported_callers {
public:
  struct numbered {
    std::uint64_t number = 0;
    bool is_new = false;
  };

  numbered number_of(const caf::actor_addr& caller) {
    const auto [at, is_new] = numbers_.try_emplace(caller, last_ + 1);
    if (is_new)
      callers_.emplace(++last_, caller);
    return {at->second, is_new};
  }

  /// Empty when nobody has this number (any more).
  caf::strong_actor_ptr find(std::uint64_t number) const {
    const auto found = callers_.find(number);
    return found == callers_.end() ? nullptr : caf::actor_cast<caf::strong_actor_ptr>(found->second);
  }

  /// It has ended.
  bool forget(const caf::actor_addr& caller) {
    const auto found = numbers_.find(caller);
    if (found == numbers_.end())
      return false;
    callers_.erase(found->second);
    numbers_.erase(found);
    return true;
  }

  std::size_t size() const { return callers_.size(); }

private:
  std::uint64_t last_ = 0;
  std::unordered_map<caf::actor_addr, std::uint64_t> numbers_;
  std::unordered_map<std::uint64_t, caf::actor_addr> callers_;
};

/// The actors that stand here for callers of other nodes. Those used last are held alive, others only by who refers to them.
class imported_callers {
public:
  explicit imported_callers(std::size_t held_max) : held_max_(held_max) {}

  /// Who stands for this caller; empty when nobody does.
  caf::strong_actor_ptr find(const link::caller_ref& whom) {
    const auto found = actors_.find({whom.node, whom.number});
    if (found == actors_.end())
      return nullptr;
    auto handle = caf::actor_cast<caf::strong_actor_ptr>(found->second);
    if (handle)
      hold(handle);
    return handle;
  }

  void add(const link::caller_ref& whom, const caf::strong_actor_ptr& handle) {
    const auto address = caf::actor_cast<caf::actor_addr>(handle);
    actors_[{whom.node, whom.number}] = address;
    names_[address] = {whom.node, whom.number};
    hold(handle);
  }

  /// Whom this actor stands for, if it does for anybody.
  const std::pair<node_uuid, std::uint64_t>* name_of(const caf::actor_addr& handle) const {
    const auto found = names_.find(handle);
    return found == names_.end() ? nullptr : &found->second;
  }

  /// It has ended. One that took its place stays.
  bool forget(const caf::actor_addr& handle) {
    const auto found = names_.find(handle);
    if (found == names_.end())
      return false;
    if (const auto at = actors_.find(found->second); at != actors_.end() && at->second == handle)
      actors_.erase(at);
    names_.erase(found);
    return true;
  }

  /// Those of a node that are alive, in the order of their numbers.
  std::vector<caf::strong_actor_ptr> of(node_uuid node) const {
    std::vector<caf::strong_actor_ptr> found;
    for (auto at = actors_.lower_bound({node, 0}); at != actors_.end() && at->first.first == node; ++at)
      if (auto handle = caf::actor_cast<caf::strong_actor_ptr>(at->second))
        found.push_back(std::move(handle));
    return found;
  }

  /// Those of a node, which is gone, are held by who refers to them alone.
  void let_go(node_uuid node) {
    for (auto h = held_.begin(); h != held_.end();) {
      const auto* name = name_of(caf::actor_cast<caf::actor_addr>(*h));
      if (name && name->first != node) {
        ++h;
        continue;
      }
      places_.erase(caf::actor_cast<caf::actor_addr>(*h));
      h = held_.erase(h);
    }
  }

  std::size_t size() const { return actors_.size(); }

private:
  using name = std::pair<node_uuid, std::uint64_t>;
  using held_list = std::list<caf::strong_actor_ptr>; // used last first

  void hold(const caf::strong_actor_ptr& handle) {
    const auto address = caf::actor_cast<caf::actor_addr>(handle);
    if (const auto at = places_.find(address); at != places_.end()) {
      held_.splice(held_.begin(), held_, at->second);
      return;
    }
    held_.push_front(handle);
    places_[address] = held_.begin();
    if (held_.size() <= held_max_)
      return;
    places_.erase(caf::actor_cast<caf::actor_addr>(held_.back()));
    held_.pop_back();
  }

  std::size_t held_max_;
  std::map<name, caf::actor_addr> actors_;
  std::unordered_map<caf::actor_addr, name> names_;
  held_list held_;
  std::unordered_map<caf::actor_addr, held_list::iterator> places_;
};

} // namespace hearth
