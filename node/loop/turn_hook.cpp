#include "node/loop/turn_hook.hpp"

#include <algorithm>

namespace hearth {

turn_hook::turn_hook(hook_list& list, std::function<void()> call) : list_(list), call_(std::move(call)) {}

void turn_hook::arm() {
  if (armed_)
    return;
  list_.armed_.push_back(this);
  ++list_.live_;
  armed_ = true;
  list_.wake_();
}

void turn_hook::disarm() noexcept {
  if (!armed_)
    return;
  armed_ = false;
  --list_.live_;
  std::replace(list_.armed_.begin(), list_.armed_.end(), this, static_cast<turn_hook*>(nullptr));
  std::replace(list_.running_.begin(), list_.running_.end(), this, static_cast<turn_hook*>(nullptr));
}

turn_hook* hook_list::next_of_running() noexcept {
  while (at_ < running_.size()) {
    if (auto* hook = running_[at_++]) {
      hook->armed_ = false;
      --live_;
      return hook;
    }
  }
  running_.clear();
  at_ = 0;
  return nullptr;
}

} // namespace hearth
