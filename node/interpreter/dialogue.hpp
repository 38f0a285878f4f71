#pragma once

#include "actors/client_messages.hpp"
#include "node/interpreter/slot_table.hpp"
#include "node/wire/value.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace hearth::node {

/// What a node and one interpreter say to each other, without the socket and the process: which call is in which slot,
/// what a frame means, and which frame the interpreter had no right to send. Touches memory only; loop thread.
///
/// A slot is open from `call` until its reply, its recall, or `begun`.
class dialogue {
public:
  struct settings {
    replica_id replica;
    std::string default_python; // of environments that tasks open without naming an interpreter
    bool keeps_table = true;    // the interpreter uses the slot table; otherwise what was sent counts as begun
  };

  dialogue(slot_table table, settings chosen);

  // -- to the interpreter ----

  /// Opens the call's slot and writes the call. `slot` is below the size of the table, and not open.
  void call(const sent_call& what, wire::frame_writer& out);

  /// The reply of a child call.
  void reply(const call_reply& what, wire::frame_writer& out);

  /// The answer of `open_environment`.
  void opened(const opened_handle& what, wire::frame_writer& out);

  /// Closes the slots among these whose calls have not begun, and returns them.
  std::vector<std::uint32_t> recall(const std::vector<std::uint32_t>& slots, wire::frame_writer& out);

  enum class cancelled {
    stale,     // the call has been answered
    unstarted, // it never begins; its slot is closed
    asked,     // the interpreter has been told
  };

  cancelled cancel(std::uint32_t slot, call_id id, wire::frame_writer& out);

  /// So many bytes of the parts of the call's reply have been taken.
  void more(std::uint32_t slot, call_id id, std::uint64_t size, wire::frame_writer& out);

  /// More of the call's input, no more than the interpreter has asked for.
  void input(std::uint32_t slot, const input_part& part, wire::frame_writer& out);

  // -- from the interpreter ----

  /// Appends what `frame` means; a request that asks for nonsense is answered at once. Not empty: what the interpreter
  /// did wrong, in words that follow its name; it has to be ended then.
  [[nodiscard]] std::string take(const bytes& frame, interpreter::events& events, wire::frame_writer& out);

  /// Why it cannot serve, once it has said so: it ends by itself then, and `hello` never comes.
  const std::optional<failure>& refusal() const noexcept { return refusal_; }

  // -- at the end ----

  /// Closes every slot and returns those whose calls began. The process must have ended.
  std::vector<std::uint32_t> begun();

  /// The call whose user code runs, when it is the only one: what the process writes then is that call's output. Calls that
  /// wait for children do not count.
  std::optional<call_id> only_running() const;

private:
  struct use {
    call_id id;
    std::uint64_t generation = 0; // of the last call in this slot
    bool open = false;
    bool replying = false;                 // parts of its reply are here
    bool streams = false;                  // its caller takes the reply as it is made
    std::uint64_t streamed = 0, taken = 0; // bytes of such parts
    bool has_input = false;                // its caller has more to say
    std::uint64_t asked = 0, given = 0;    // bytes of that
  };

  std::string take_reply(const bytes& frame, interpreter::events& events);
  std::string take_call(const bytes& frame, interpreter::events& events);
  std::string take_chunk(const bytes& frame, interpreter::events& events);
  std::string take_part(const wire::chunk& part, bytes data, interpreter::events& events);
  std::string take_signal(const bytes& frame, interpreter::events& events);
  std::string take_wish(const wire::signal& wish, interpreter::events& events);
  std::string take_control(const bytes& frame, interpreter::events& events, wire::frame_writer& out);
  std::string take_request(client::event& request, interpreter::events& events);
  std::string take_log(const bytes& frame, interpreter::events& events);

  void answer(interpreter::outcome outcome, interpreter::events& events);
  bool is_open(std::uint32_t slot, std::uint32_t generation, call_id id) const noexcept;
  wire::signal signal_for(std::uint32_t slot, wire::signal_what what) const noexcept;

  slot_table table_;
  settings settings_;
  std::vector<use> uses_;
  std::unordered_set<call_id> parked_;
  bool greeted_ = false;
  std::optional<failure> refusal_;
  wire::partial_values<interpreter::outcome> replies_{defaults::unfinished_bytes_max};
  wire::partial_values<interpreter::child_call> calls_{defaults::unfinished_bytes_max};
};

} // namespace hearth::node
