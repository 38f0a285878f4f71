#pragma once

#include "core/defaults.hpp"
#include "core/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The frames of schema/frame.capnp at their fixed offsets: what clients and interpreters say to a node and back.
///
/// The structs are plain values; every field is explained in the schema. `body` is a view: of the frame that was
/// parsed, or of the caller's memory while a frame is encoded. Nothing here allocates, except `encode` in its string.
/// Pure functions, any thread.
namespace hearth::wire {

enum class frame_kind : std::uint16_t { unspecified, call, reply, chunk, signal, control, log };

inline constexpr std::uint16_t call_run = 1;
inline constexpr std::uint16_t call_parks = 2;
inline constexpr std::uint16_t call_in_run = 4;
inline constexpr std::uint16_t call_overwrites = 8;
inline constexpr std::uint16_t call_uncached = 16;
inline constexpr std::uint16_t call_streams = 32;
inline constexpr std::uint16_t call_input = 64;
inline constexpr std::uint16_t call_cache_flags = call_overwrites | call_uncached;

inline constexpr std::uint16_t reply_failed = 1;
inline constexpr std::uint16_t reply_text = 2;
inline constexpr std::uint16_t reply_cold = 4;
inline constexpr std::uint16_t reply_unstarted = 8;
inline constexpr std::uint16_t reply_hit = 16;

inline constexpr std::uint16_t chunk_last = 1;
inline constexpr std::uint16_t chunk_of_reply = 2;
inline constexpr std::uint16_t chunk_of_stream = 4;

inline constexpr std::uint16_t control_response = 1;
inline constexpr std::uint16_t control_more = 2;

inline constexpr std::uint16_t stream_out = 1;
inline constexpr std::uint16_t stream_err = 2;
inline constexpr std::uint16_t stream_system = 3;

enum class signal_what : std::uint16_t { unspecified, cancel, parked, resumed, progress, recalled, more };

struct call {
  static constexpr auto kind = frame_kind::call;
  static constexpr std::size_t data_words = 14;

  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  std::uint16_t attempt = 0;
  std::uint32_t environment = 0;
  std::uint32_t task = 0;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  call_id id;
  call_id root;
  call_id parent;
  std::uint64_t deadline_ms = 0;
  std::uint64_t trace_hi = 0;
  std::uint64_t trace_lo = 0;
  std::uint64_t span = 0;
  std::uint64_t size = 0; // of the whole value; the rest beyond `body` follows in chunks
  std::string_view body;
};

struct reply {
  static constexpr auto kind = frame_kind::reply;
  static constexpr std::size_t data_words = 10;

  std::uint16_t flags = 0;
  std::uint16_t code = 0;
  std::uint16_t attempt = 0;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  call_id id;
  std::uint64_t size = 0;
  std::uint64_t run_ns = 0;
  std::uint64_t queued_ns = 0;
  std::uint64_t start_ns = 0;
  std::uint64_t fork_ns = 0;
  std::uint64_t import_ns = 0;
  std::string_view body;
};

struct chunk {
  static constexpr auto kind = frame_kind::chunk;
  static constexpr std::size_t data_words = 4;

  std::uint16_t flags = 0;
  std::uint32_t request = 0;
  call_id id;
  std::uint64_t offset = 0;
  std::string_view body;
};

struct signal {
  static constexpr auto kind = frame_kind::signal;
  static constexpr std::size_t data_words = 5;

  std::uint16_t flags = 0;
  std::uint16_t what = 0; // a signal_what
  std::uint16_t code = 0;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  call_id id;
  std::uint64_t value = 0;
  std::string_view body;
};

struct control {
  static constexpr auto kind = frame_kind::control;
  static constexpr std::size_t data_words = 1;

  std::uint16_t flags = 0;
  std::uint32_t request = 0;
  std::string_view body;
};

struct log {
  static constexpr auto kind = frame_kind::log;
  static constexpr std::size_t data_words = 5;

  std::uint16_t flags = 0;
  std::uint32_t dropped = 0;
  call_id id;
  std::uint64_t unix_ns = 0;
  std::uint64_t replica = 0;
  std::string_view body;
};

/// [u32 0][u32 words]: enough to know how long a frame is.
inline constexpr std::size_t prefix_bytes = 8;

/// Bytes before the body: prefix, root pointer, data section, body pointer.
template <class Frame>
inline constexpr std::size_t head_bytes = prefix_bytes + 8 + 8 * Frame::data_words + 8;

inline constexpr std::size_t head_bytes_max = head_bytes<call>;

/// Zeros that follow a body of this size.
constexpr std::size_t padding(std::size_t body_bytes) noexcept { return (8 - body_bytes % 8) % 8; }

/// Size of the whole frame whose first `prefix_bytes` are at `prefix`; nothing when no frame begins so (several
/// segments, none of our structs fits, larger than frame_bytes_max): the peer is broken and its socket is to be closed.
std::optional<std::size_t> frame_size(const char* prefix) noexcept;

/// Why frame_size() gave nothing, in words that follow the name of the peer ("sent a frame of ...").
std::string frame_fault(const char* prefix);

/// The kind of a frame; `unspecified` when it is none of ours.
frame_kind kind_of(std::string_view frame) noexcept;

/// Reads a whole frame of exactly frame_size() bytes. False when its layout is not that of `Frame`; `into` is then
/// unspecified. `into.body` points into `frame`. Implemented for the six structs above.
template <class Frame>
bool parse(std::string_view frame, Frame& into) noexcept;

/// Writes everything before the body, head_bytes<Frame> bytes, to `out`. The body (of `frame.body.size()` bytes, at
/// most frame_body_bytes_max) and its padding() are to follow it on the socket: for bodies sent by reference.
template <class Frame>
void encode_head(const Frame& frame, char* out) noexcept;

/// Appends the whole frame.
template <class Frame>
void encode(const Frame& frame, std::string& out);

} // namespace hearth::wire
