#pragma once

#include "cluster/transport.hpp"
#include "core/bytes.hpp"
#include "core/ids.hpp"
#include "node/loop/frame_splitter.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

/// What goes over a link: schema/link.capnp. Pure functions, any thread.
namespace hearth::node {

using cluster::channel;

/// The first byte of a connection; `http` has none, because it comes to a port of its own.
enum class link_kind : std::uint8_t { control = 1, calls, bulk, client, join, http };

std::optional<link_kind> link_kind_of(char byte) noexcept;
constexpr link_kind kind_of(channel c) noexcept { return static_cast<link_kind>(static_cast<int>(c) + 1); }
/// Of a connection between nodes; nothing for the others.
std::optional<channel> channel_of(link_kind kind) noexcept;

/// "control", "calls", ...
std::string_view name(link_kind kind) noexcept;
std::string_view name(channel c) noexcept;

/// Length and zeros before the bytes of a frame.
inline constexpr std::size_t link_prefix_bytes = 8;

/// Frames of a channel, and of a join.
const framing& link_framing(channel c) noexcept;
const framing& join_framing() noexcept;

/// Bytes of the longest frame of a channel, and bytes that may wait for one peer.
std::size_t link_frame_bytes_max(channel c) noexcept;
std::size_t link_queue_bytes_max(channel c) noexcept;

/// Length of the frame that begins so; nothing when none does, or one longer than `bytes_max`.
std::optional<std::size_t> link_frame_length(const char* prefix, std::size_t bytes_max) noexcept;

/// The prefix of a frame of `length` bytes is appended, and what follows it.
void append_link_prefix(std::size_t length, std::string& out);
void append_link_padding(std::size_t length, std::string& out);
std::string link_frame(std::string_view content);

/// The bytes of a whole frame, as a frame_stream gives it.
bytes link_content(const bytes& frame);

struct link_hello {
  std::uint32_t version = 0;
  std::uint32_t version_min = 0;
  node_uuid cluster;
  node_uuid node;
  std::uint64_t incarnation = 0;
  std::uint64_t process = 0;

  bool operator==(const link_hello&) const = default;
};

/// What a node thinks of a peer's hello that it does not agree with.
struct link_refusal {
  std::string sentence;     // continues one about the peer
  bool is_old_copy = false; // the peer runs on a copy of a disk whose node went on without it: it must end
  bool is_removed = false;  // it is no member any more, and must end; told by TLS, never in a frame
};

struct join_request {
  std::string request; // PEM
  std::string name;
  std::string listen; // "host:port"
};

struct join_answer {
  std::string refusal; // a sentence; empty: welcome
  std::string certificate;
  std::string cluster; // cluster.toml of the new node
};

/// The content of a frame.
std::string encode(const link_hello& hello);
std::string encode(const link_refusal& refusal);
std::string encode(const join_request& request);
std::string encode(const join_answer& answer);

/// Nothing when `content` is no such message.
std::optional<link_hello> parse_link_hello(std::string_view content);
std::optional<link_refusal> parse_link_refusal(std::string_view content);
std::optional<join_request> parse_join_request(std::string_view content);
std::optional<join_answer> parse_join_answer(std::string_view content);

} // namespace hearth::node
