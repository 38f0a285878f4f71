#pragma once

#include "actors/link_messages.hpp"
#include "core/bytes.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// link::messages as frames of schema/link_messages.capnp, and back. Pure: no clock, no socket.
namespace hearth::wire {

/// A value on its way beside the messages.
struct link_transfer {
  std::uint64_t number = 0;
  payload value; // never empty
};

/// What a batch of messages becomes.
struct link_frames {
  std::vector<std::vector<bytes>> calls; // frames in order, each in parts that share the memory of its values
  std::vector<link_transfer> transfers;
};

/// Encodes what one node says to one other. One thread.
class link_encoder {
public:
  /// Callers travel by node and number; `here` is not looked at.
  link_frames encode(link::messages what);

private:
  void add_frames(std::span<const link::message> what, link_frames& into);

  std::uint64_t transfers_ = 0;
};

/// The next chunk of a transfer that begins at `offset`: a frame in parts. `size` gets the bytes of the value in it.
std::vector<bytes> link_chunk(const link_transfer& what, std::uint64_t offset, std::size_t& size);

/// A frame of the channel `calls` by which transports measure the link.
struct link_echo {
  std::uint64_t number = 0; // below 2^63
  bool is_answer = false;
};

bytes echo_frame(link_echo what);

/// Nothing for a frame of another kind.
std::optional<link_echo> echo_in(const bytes& frame) noexcept;

/// Puts together what one other node says. Whatever comes is either understood or a fault, which is in words that follow the
/// name of the peer; then its link is of no further use. Memory is bounded: values that are not complete hold at most
/// defaults::unfinished_bytes_max, and messages that wait for them defaults::link_held_messages_max. One thread.
class link_assembler {
public:
  /// A frame of the channel `calls`; appends the messages that are complete. Empty: no fault.
  [[nodiscard]] std::string take_calls(const bytes& frame, link::messages& complete);

  /// A frame of the channel `bulk`; appends the messages that waited for it.
  [[nodiscard]] std::string take_bulk(const bytes& frame, link::messages& complete);

  /// Messages that wait for a value, and transfers of which parts are there.
  std::size_t held() const noexcept { return held_.size(); }
  std::size_t unfinished() const noexcept { return parts_.size(); }

private:
  /// A value that a message has named, and what has come of it.
  struct arriving {
    payload value;
    std::uint64_t received = 0;
    std::uint64_t charged = 0;
    std::optional<std::uint64_t> size; // once a message has named it
    std::uint64_t holder = 0;          // that message
  };

  struct held_message {
    bytes frame;                            // of which the message is the only one
    std::set<std::uint64_t> named, missing; // transfers
    bool is_large = false;
  };

  std::string understand(const bytes& frame, const std::map<std::uint64_t, payload>& transfers, bool is_large,
                         link::messages& complete);
  std::string hold(const bytes& frame, const std::map<std::uint64_t, std::uint64_t>& named, bool is_large,
                   link::messages& complete);
  std::string release(std::uint64_t holder, link::messages& complete);

  std::uint64_t holders_ = 0;
  std::map<std::uint64_t, held_message> held_;
  std::map<std::uint64_t, arriving> parts_; // by transfer
  std::uint64_t charged_ = 0;
};

} // namespace hearth::wire
