#include "actors/start_queue.hpp"

#include "core/defaults.hpp"

#include <algorithm>
#include <utility>

namespace hearth {

namespace {

bool wants(const demand& what, const std::string& resource) {
  return (resource == "memory" && what.memory_bytes != 0) || (resource == "cpu" && what.cpu_millis != 0)
         || (resource == "gpu" && what.gpus != 0);
}

bool wants(const start_queue::entry& e, const std::string& resource) {
  return wants(demand_of(e.order.spec->resources), resource);
}

} // namespace

void start_queue::push(replica_order order, supervisor_actor supervisor, bool stays) {
  auto at = std::find_if(lines_.begin(), lines_.end(), [&](const auto& l) { return l.key == order.spec->key(); });
  if (at == lines_.end())
    at = lines_.insert(lines_.end(), line{order.spec->key(), {}});
  const auto place = order.for_nested ? std::find_if(at->orders.begin(), at->orders.end(),
                                                     [](const auto& e) { return !e.order.for_nested; })
                                      : at->orders.end();
  at->orders.insert(place, entry{std::move(order), std::move(supervisor), {}, false, 0, {}, stays});
  ++size_;
}

void start_queue::advance(replica_id id) {
  for (auto& l : lines_)
    for (auto e = l.orders.begin(); e != l.orders.end(); ++e)
      if (e->order.id == id) {
        auto moved = std::move(*e);
        l.orders.erase(e);
        moved.order.for_nested = true;
        l.orders.insert(
          std::find_if(l.orders.begin(), l.orders.end(), [](const auto& other) { return !other.order.for_nested; }),
          std::move(moved));
        return;
      }
}

bool start_queue::withdraw(replica_id id) {
  for (auto l = lines_.begin(); l != lines_.end(); ++l)
    if (std::erase_if(l->orders, [id](const auto& e) { return e.order.id == id; }) > 0) {
      --size_;
      if (l->orders.empty())
        lines_.erase(l);
      return true;
    }
  return false;
}

void start_queue::forget(const caf::actor_addr& supervisor) {
  for (auto& l : lines_)
    size_ -= std::erase_if(l.orders, [&](const auto& e) { return e.supervisor.address() == supervisor; });
  lines_.remove_if([](const auto& l) { return l.orders.empty(); });
}

void start_queue::serve(instant now, const std::function<std::string(entry&)>& start) {
  hold(now);
  for (auto at = lines_.begin(); at != lines_.end();) {
    auto& first = at->orders.front();
    first.lacks = held_back(*at);
    if (first.lacks.empty())
      first.lacks = start(first);
    if (!first.lacks.empty()) {
      ++at;
      continue;
    }
    pass(at, demand_of(first.order.spec->resources));
    at->orders.pop_front();
    --size_;
    if (at->orders.empty())
      lines_.erase(at);
    else
      lines_.splice(lines_.end(), lines_, at);
    at = lines_.begin();
  }
}

/// Those that were passed too often begin to hold others back; those that did so for long stop, and count anew: what they
/// want does not become free.
void start_queue::hold(instant now) {
  for (auto& l : lines_) {
    auto& e = l.orders.front();
    if (e.passed < defaults::start_passes_max)
      continue;
    if (!e.holds_since) {
      e.holds_since = now;
    } else if (now - *e.holds_since >= defaults::start_hold) {
      e.holds_since.reset();
      e.passed = 0;
    }
  }
}

/// What another line keeps and the first order of this one wants. The first line that holds is never held back, nor is a
/// nested call, whose caller would wait for it with all that it has.
std::string start_queue::held_back(const line& of) const {
  const auto& first = of.orders.front();
  for (const auto& l : lines_) {
    if (&l == &of || first.order.for_nested)
      break;
    const auto& e = l.orders.front();
    if (e.holds_since && wants(first, e.lacks))
      return e.lacks;
  }
  return {};
}

/// What started took something from those that stand before it.
void start_queue::pass(lines::iterator by, const demand& taken) {
  for (auto l = lines_.begin(); l != by; ++l)
    if (auto& e = l->orders.front(); wants(taken, e.lacks))
      ++e.passed;
}

void start_queue::tell(const std::function<void(const entry&, const std::string&)>& to) {
  for (auto& l : lines_)
    for (auto& e : l.orders)
      if (!e.stays && !std::exchange(e.is_told, true)) // its own node tells the others
        to(e, e.lacks.empty() ? l.orders.front().lacks : e.lacks);
}

bool start_queue::waits_beside(const supervisor_actor& supervisor) const {
  return std::any_of(lines_.begin(), lines_.end(), [&](const auto& l) {
    return std::any_of(l.orders.begin(), l.orders.end(), [&](const auto& e) { return e.supervisor != supervisor; });
  });
}

} // namespace hearth
