#pragma once

#include "node/loop/loop_host.hpp"

#include <caf/detail/simple_actor_clock.hpp>

#include <mutex>
#include <optional>
#include <vector>

namespace hearth {

/// The actors' clock of one loop: delayed messages, receive timeouts and request timeouts. It keeps them; the loop asks
/// when the next is due, sleeps no longer than that, and calls `fire`. CAF's functions may be called from any thread.
class loop_clock final : public caf::detail::simple_actor_clock {
public:
  /// `host` must outlive the clock. It is woken when something falls due earlier than all that was known.
  explicit loop_clock(loop_host& host) : host_(host) {}

  /// When `fire` has something to do next. Any thread.
  std::optional<time_point> next_due() const;

  /// Sends everything that is due at `at`, in the order of its due times. Loop thread.
  void fire(time_point at);

  void set_ordinary_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) override;
  void set_multi_timeout(time_point t, caf::abstract_actor* self, caf::atom_value type, std::uint64_t id) override;
  void set_request_timeout(time_point t, caf::abstract_actor* self, caf::message_id id) override;
  void cancel_ordinary_timeout(caf::abstract_actor* self, caf::atom_value type) override;
  void cancel_request_timeout(caf::abstract_actor* self, caf::message_id id) override;
  void cancel_timeouts(caf::abstract_actor* self) override;
  void schedule_message(time_point t, caf::strong_actor_ptr receiver, caf::mailbox_element_ptr content) override;
  void schedule_message(time_point t, caf::group target, caf::strong_actor_ptr sender, caf::message content) override;
  void cancel_all() override;

private:
  using super = caf::detail::simple_actor_clock;

  template <class Add>
  void add(time_point t, Add&& change);

  loop_host& host_;
  mutable std::mutex mutex_;                  // guards what the base class keeps
  std::vector<unique_delayed_event_ptr> due_; // of `fire` alone; keeps its capacity
};

} // namespace hearth
