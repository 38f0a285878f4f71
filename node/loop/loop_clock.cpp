#include "node/loop/loop_clock.hpp"

#include <utility>

namespace hearth {

std::optional<loop_clock::time_point> loop_clock::next_due() const {
  std::lock_guard guard(mutex_);
  if (schedule_.empty())
    return std::nullopt;
  return schedule_.begin()->first;
}

void loop_clock::fire(time_point at) {
  {
    std::lock_guard guard(mutex_);
    auto i = schedule_.begin();
    for (; i != schedule_.end() && i->first <= at; i = schedule_.erase(i)) {
      if (i->second->backlink != actor_lookup_.end())
        actor_lookup_.erase(i->second->backlink);
      due_.push_back(std::move(i->second));
    }
  }
  // Without the lock: to deliver, and to drop what was delivered, may run code of an actor that uses this clock.
  for (auto& event : due_) {
    ship(*event);
    event.reset();
  }
  due_.clear();
}

template <class Add>
void loop_clock::add(time_point t, Add&& change) {
  bool earliest = false;
  {
    std::lock_guard guard(mutex_);
    earliest = schedule_.empty() || t < schedule_.begin()->first;
    change();
  }
  if (earliest)
    host_.wake();
}

void loop_clock::set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) {
  add(t, [&] { super::set_ordinary_timeout(t, self, type, id); });
}

void loop_clock::set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) {
  add(t, [&] { super::set_multi_timeout(t, self, type, id); });
}

void loop_clock::set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) {
  add(t, [&] { super::set_request_timeout(t, self, id); });
}

void loop_clock::schedule_message(time_point t, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content) {
  add(t, [&] { super::schedule_message(t, std::move(receiver), std::move(content)); });
}

void loop_clock::schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender, caf::message content) {
  add(t, [&] { super::schedule_message(t, std::move(target), std::move(sender), std::move(content)); });
}

// A cancelled timeout drops a reference to `self`, never the last one: the caller holds another. So no destructor of
// an actor runs under the lock.

void loop_clock::cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) {
  std::lock_guard guard(mutex_);
  super::cancel_ordinary_timeout(self, type);
}

void loop_clock::cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) {
  std::lock_guard guard(mutex_);
  super::cancel_request_timeout(self, id);
}

void loop_clock::cancel_timeouts(caf::abstract_actor* self) {
  std::lock_guard guard(mutex_);
  super::cancel_timeouts(self);
}

void loop_clock::cancel_all() {
  schedule_map dropped; // destroyed without the lock
  std::lock_guard guard(mutex_);
  actor_lookup_.clear();
  schedule_.swap(dropped);
}

} // namespace hearth
