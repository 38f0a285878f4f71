#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::node {

/// What kind of record a frame holds. The numbers are on disks; none is used again for anything else.
enum class record_type : std::uint16_t {
  control_state = 1,
  log_entry = 2,
  snapshot_mark = 3,
  snapshot_chunk = 4,
  witness = 5,
  child = 6,
  child_root = 7,
  cache_entry = 8,
  cache_scope = 9,
};

/// Version of all frames and their contents.
inline constexpr std::uint16_t record_format = 1;

/// A record as it lies on a disk, little endian:
///
///   0  magic    u32   "HRec"
///   4  format   u16   record_format
///   6  type     u16   record_type
///   8  length   u64   bytes of the payload
///  16  checksum u64   XXH3-64 of the 16 bytes before and the payload, seeded with XXH3-64 of the key
///  24  payload
///
/// The key is part of the checksum, so that a good record under the wrong key is a bad one.
std::string framed(record_type type, std::string_view key, std::string_view payload);

/// The payload, a view into `frame`; nothing unless every byte is as it was written under this key.
std::optional<std::string_view> unframed(record_type type, std::string_view key, std::string_view frame) noexcept;

/// The checksum that a frame carries. `frame` is one that `framed` made or `unframed` accepted.
std::uint64_t checksum_of(std::string_view frame) noexcept;

/// The format of a frame that is as it was written under this key; 0 when it is not, or no frame. Tells a record of a newer
/// Hearth from a damaged one.
std::uint16_t format_of(std::string_view key, std::string_view frame) noexcept;

/// Numbers and texts one after the other, little endian, texts with their length before them.
class record_writer {
public:
  record_writer& u8(std::uint8_t value) { return number(value, 1); }
  record_writer& u16(std::uint16_t value) { return number(value, 2); }
  record_writer& u32(std::uint32_t value) { return number(value, 4); }
  record_writer& u64(std::uint64_t value) { return number(value, 8); }
  record_writer& text(std::string_view value);
  /// Bytes whose number the reader knows.
  record_writer& fixed(std::string_view value);

  const std::string& bytes() const noexcept { return out_; }

private:
  record_writer& number(std::uint64_t value, int size);

  std::string out_;
};

/// Reads what a record_writer wrote. Reading past the end gives zeros and nothing, and `complete` says no from then on.
class record_reader {
public:
  explicit record_reader(std::string_view payload) : rest_(payload) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  std::string_view text() { return fixed(u64()); }
  /// So many bytes.
  std::string_view fixed(std::size_t size) {
    if (rest_.size() < size) {
      is_whole_ = false;
      rest_ = {};
      return {};
    }
    const auto value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return value;
  }

  /// Everything so far was there.
  bool is_whole() const noexcept { return is_whole_; }

  /// Everything was there, and nothing is left.
  bool complete() const noexcept { return is_whole_ && rest_.empty(); }

private:
  std::uint64_t number(std::size_t size) {
    static_assert(std::endian::native == std::endian::little);
    std::uint64_t value = 0;
    if (const auto from = fixed(size); !from.empty())
      std::memcpy(&value, from.data(), size);
    return value;
  }

  std::string_view rest_;
  bool is_whole_ = true;
};

} // namespace hearth::node
