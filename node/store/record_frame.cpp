#include "node/store/record_frame.hpp"

#include <xxhash.h>

namespace hearth::node {

namespace {

constexpr std::uint32_t magic = 0x63655248; // "HRec"
constexpr std::size_t type_at = 6;
constexpr std::size_t checksum_at = 16;
constexpr std::size_t payload_at = 24;

/// Of `head`, which are the bytes before the checksum, and the payload.
std::uint64_t checksum(std::string_view key, std::string_view head, std::string_view payload) noexcept {
  const auto seed = XXH3_64bits(key.data(), key.size());
  return XXH3_64bits_withSeed(payload.data(), payload.size(), XXH3_64bits_withSeed(head.data(), head.size(), seed));
}

} // namespace

std::string framed(record_type type, std::string_view key, std::string_view payload) {
  record_writer head;
  head.u32(magic).u16(record_format).u16(static_cast<std::uint16_t>(type)).u64(payload.size());
  record_writer sum;
  sum.u64(checksum(key, head.bytes(), payload));
  std::string frame;
  frame.reserve(payload_at + payload.size());
  frame.append(head.bytes()).append(sum.bytes()).append(payload);
  return frame;
}

std::optional<std::string_view> unframed(record_type type, std::string_view key, std::string_view frame) noexcept {
  if (format_of(key, frame) != record_format)
    return {};
  record_reader head(frame.substr(type_at));
  if (head.u16() != static_cast<std::uint16_t>(type) || head.u64() != frame.size() - payload_at)
    return {};
  return frame.substr(payload_at);
}

std::uint64_t checksum_of(std::string_view frame) noexcept { return record_reader(frame.substr(checksum_at)).u64(); }

std::uint16_t format_of(std::string_view key, std::string_view frame) noexcept {
  if (frame.size() < payload_at)
    return 0;
  record_reader head(frame);
  const bool is_ours = head.u32() == magic;
  const auto format = head.u16();
  const auto sum = checksum(key, frame.substr(0, checksum_at), frame.substr(payload_at));
  return is_ours && checksum_of(frame) == sum ? format : std::uint16_t{0};
}

record_writer& record_writer::number(std::uint64_t value, int size) {
  for (int i = 0; i < size; ++i)
    out_ += static_cast<char>(value >> (8 * i) & 0xff);
  return *this;
}

record_writer& record_writer::text(std::string_view value) {
  u64(value.size());
  out_.append(value);
  return *this;
}

record_writer& record_writer::fixed(std::string_view value) {
  out_.append(value);
  return *this;
}

} // namespace hearth::node
