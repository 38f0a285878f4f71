#pragma once

#include <string_view>

namespace hearth {

/// What the parts of a loop know of it.
class loop_host {
public:
  /// Whether the caller is on the loop's thread. Any thread.
  virtual bool on_loop() const noexcept = 0;

  /// "There is work": the loop takes a turn soon. Any thread; what was handed over before the call is seen by that turn.
  virtual void wake() = 0;

  /// Something was thrown where nobody could catch it; `what` is a sentence for the node's log. Loop thread.
  virtual void report(std::string_view what) noexcept = 0;

protected:
  ~loop_host() = default;
};

} // namespace hearth
