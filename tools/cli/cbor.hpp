#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// CBOR (RFC 8949) as a tree. Pure.
namespace hearth::cli::cbor {

enum class kind : std::uint8_t {
  null,
  unsigned_integer,
  negative_integer,
  bytes,
  text,
  array,
  map,
  tagged,
  boolean,
  real
};

struct item {
  kind type = kind::null;
  std::uint64_t number = 0; // unsigned_integer; negative_integer (-1 - number); tagged: the tag; boolean: 0 or 1
  double real = 0;
  std::string text;        // bytes, text
  std::vector<item> items; // array; map: key, value, key, ...; tagged: the content

  bool is_null() const noexcept { return type == kind::null; }
};

/// Takes the first item from the front of `from`. Nothing when there is no whole item, or it nests too deeply; items of
/// indefinite length, which no SDK writes, count as none.
std::optional<item> read(std::string_view& from);

} // namespace hearth::cli::cbor
