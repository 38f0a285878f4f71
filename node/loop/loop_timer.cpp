#include "node/loop/loop_timer.hpp"

namespace hearth {

void loop_timer::set_at(clock::time_point due) {
  cancel();
  place_ = list_.waiting_.emplace(due, this);
  if (*place_ == list_.waiting_.begin())
    list_.wake_();
}

void loop_timer::cancel() noexcept {
  if (place_)
    list_.waiting_.erase(*place_);
  place_.reset();
}

std::optional<loop_timer::clock::time_point> timer_list::next_due() const {
  if (waiting_.empty())
    return std::nullopt;
  return waiting_.begin()->first;
}

loop_timer* timer_list::take_due(loop_timer::clock::time_point at) {
  if (waiting_.empty() || waiting_.begin()->first > at)
    return nullptr;
  auto* timer = waiting_.begin()->second;
  timer->cancel();
  return timer;
}

} // namespace hearth
