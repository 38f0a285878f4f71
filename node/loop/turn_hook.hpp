#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace hearth {

class hook_list;

/// A function that one turn of a loop calls once for every time it was armed, however often that happened before.
/// Loop thread only. The function may arm, disarm and destroy any hook, its own included.
class turn_hook {
public:
  /// `list` must outlive the hook.
  turn_hook(hook_list& list, std::function<void()> call);
  ~turn_hook() { disarm(); }
  turn_hook(const turn_hook&) = delete;
  turn_hook& operator=(const turn_hook&) = delete;

  void arm();
  void disarm() noexcept;
  bool armed() const noexcept { return armed_; }

private:
  friend class hook_list;

  hook_list& list_;
  std::function<void()> call_;
  bool armed_ = false;
};

/// The armed hooks of one phase of a loop's turns, in the order in which they were armed.
class hook_list {
public:
  /// `wake` is called when a hook is armed; the loop owes it a call of `run`.
  explicit hook_list(std::function<void()> wake) : wake_(std::move(wake)) {}

  bool empty() const noexcept { return live_ == 0; }

  /// Calls every hook that is armed now. Hooks armed meanwhile wait for the next call. `fault` hears exceptions.
  template <class Fault>
  void run(Fault&& fault);

private:
  friend class turn_hook;

  turn_hook* next_of_running() noexcept;
  void begin() noexcept { running_.swap(armed_); }

  std::function<void()> wake_;
  std::vector<turn_hook*> armed_;
  std::vector<turn_hook*> running_; // null: disarmed or destroyed in the meantime
  std::size_t at_ = 0;
  std::size_t live_ = 0;
};

template <class Fault>
void hook_list::run(Fault&& fault) {
  begin();
  while (auto* hook = next_of_running()) {
    try {
      hook->call_(); // may destroy the hook
    } catch (...) {
      fault();
    }
  }
}

} // namespace hearth
