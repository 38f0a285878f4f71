#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace hearth {

/// A UUIDv7 chosen by whoever makes a call. Unique per caller, not trusted to be unique across callers.
struct call_id {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;

  friend auto operator<=>(const call_id&, const call_id&) = default;
  explicit operator bool() const noexcept { return hi != 0 || lo != 0; }
};

/// 32 hex digits.
std::string to_string(call_id id);

/// "r" and 12 characters of base 32 from the random part of the id: short enough to type, unique among kept runs.
std::string run_name(call_id id);

/// A node, for as long as its state directory lives: the UUID that it chose when it first started.
struct node_uuid {
  std::uint64_t hi = 0;
  std::uint64_t lo = 0;

  friend auto operator<=>(const node_uuid&, const node_uuid&) = default;
  explicit operator bool() const noexcept { return hi != 0 || lo != 0; }
};

/// As UUIDs are written: 8-4-4-4-12 hex digits.
std::string to_string(node_uuid id);

/// Nothing unless `text` is written exactly like that.
std::optional<node_uuid> parse_node_uuid(std::string_view text);

/// A strong integer: ids of different things do not mix.
template <class Tag>
struct number_id {
  std::uint64_t value = 0;

  friend auto operator<=>(const number_id&, const number_id&) = default;
  explicit operator bool() const noexcept { return value != 0; }
};

/// One interpreter process and its mailbox; numbered from 1 in order of start by the node that ordered it, never reused. In a
/// cluster the number stands behind the seat of that node (the upper 32 bits), so no two nodes give the same one.
using replica_id = number_id<struct replica_tag>;

/// "12" of a node without a cluster, "7.12" of one with seat 7.
std::string to_string(replica_id id);

/// Nothing unless `text` is written like that. A node of a cluster takes the whole number too.
std::optional<replica_id> parse_replica_id(std::string_view text);

/// One accepted call inside its supervisor; numbered from 1.
using ticket = number_id<struct ticket_tag>;

/// One stay of a node in its cluster, from the entry of the control log that begins it to the one that ends it; the number
/// is the index of the first.
using seat_id = number_id<struct seat_tag>;

/// What was granted to a seat by the entry of the control log with this index. It fences all that the owner does: whoever
/// has heard of a higher epoch refuses a lower one.
using epoch = number_id<struct epoch_tag>;

/// One connection of a client; numbered from 1.
using session_id = number_id<struct session_tag>;

} // namespace hearth

template <>
struct std::hash<hearth::call_id> {
  std::size_t operator()(hearth::call_id id) const noexcept {
    return static_cast<std::size_t>((id.hi * 0x9e3779b97f4a7c15ULL) ^ (id.lo * 0xc2b2ae3d27d4eb4fULL));
  }
};

template <>
struct std::hash<hearth::node_uuid> {
  std::size_t operator()(hearth::node_uuid id) const noexcept {
    return static_cast<std::size_t>((id.hi * 0x9e3779b97f4a7c15ULL) ^ (id.lo * 0xc2b2ae3d27d4eb4fULL));
  }
};

template <class Tag>
struct std::hash<hearth::number_id<Tag>> {
  std::size_t operator()(hearth::number_id<Tag> id) const noexcept { return static_cast<std::size_t>(id.value); }
};
