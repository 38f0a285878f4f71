#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace hearth {

/// A SHA-256.
struct digest {
  std::array<unsigned char, 32> value{};

  friend auto operator<=>(const digest&, const digest&) = default;

  std::string_view view() const noexcept { return {reinterpret_cast<const char*>(value.data()), value.size()}; }

  /// The 32 bytes at `data`.
  static digest at(const char* data) noexcept {
    digest d;
    std::memcpy(d.value.data(), data, d.value.size());
    return d;
  }
};

/// 64 hex digits.
std::string to_string(const digest& d);

/// Nothing unless `text` is written exactly like that.
std::optional<digest> parse_digest(std::string_view text);

} // namespace hearth

/// Its bits are as good as any hash.
template <>
struct std::hash<hearth::digest> {
  std::size_t operator()(const hearth::digest& d) const noexcept {
    std::size_t bits = 0;
    std::memcpy(&bits, d.value.data(), sizeof bits);
    return bits;
  }
};
