#pragma once

#include "core/ids.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The frames of schema/frame.capnp as the command line needs them: it sends Control, and reads what answers it.
/// Pure; any thread.
namespace hearth::cli {

enum class frame_kind : std::uint16_t { unspecified, call, reply, chunk, signal, control, log };

/// A frame from the node. Fields that its kind does not have are 0.
struct frame {
  frame_kind kind = frame_kind::unspecified;
  std::uint16_t flags = 0;
  std::uint16_t code = 0;    // Reply
  std::uint32_t request = 0; // Control
  std::uint32_t dropped = 0; // Log: bytes missing before `body`
  call_id call;              // Reply, Chunk, Log
  std::uint64_t size = 0;    // Reply: bytes of the whole value
  std::uint64_t unix_ns = 0; // Log
  std::uint64_t replica = 0; // Log
  std::string body;
};

/// A whole Control frame. `json` has at most frame_body_bytes_max bytes.
std::string control_frame(std::uint32_t request, std::string_view json);

inline constexpr std::size_t frame_prefix_bytes = 8;

/// Size of the frame that begins with these 8 bytes; nothing when no frame begins so.
std::optional<std::size_t> frame_size(const char* prefix) noexcept;

/// The frame in exactly frame_size() bytes; nothing when it is none of ours.
std::optional<frame> read_frame(std::string_view bytes);

} // namespace hearth::cli
