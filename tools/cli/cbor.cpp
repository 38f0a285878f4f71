#include "tools/cli/cbor.hpp"

#include <bit>
#include <cmath>
#include <limits>

namespace hearth::cli::cbor {

namespace {

constexpr int depth_max = 1000; // what the SDK writes at most

enum major : unsigned { unsigned_major, negative_major, bytes_major, text_major, array_major, map_major, tag_major };

struct head {
  unsigned major = 0;
  unsigned detail = 0; // the low five bits
  std::uint64_t argument = 0;
};

std::optional<head> read_head(std::string_view& from) {
  if (from.empty())
    return std::nullopt;
  const auto first = static_cast<unsigned char>(from.front());
  from.remove_prefix(1);
  head result{static_cast<unsigned>(first >> 5), first & 0x1fU, first & 0x1fU};
  constexpr unsigned one_byte = 24, eight_bytes = 27;
  if (result.detail < one_byte)
    return result;
  if (result.detail > eight_bytes)
    return std::nullopt;
  const std::size_t size = std::size_t{1} << (result.detail - one_byte);
  if (from.size() < size)
    return std::nullopt;
  result.argument = 0;
  for (char byte : from.substr(0, size))
    result.argument = result.argument << 8 | static_cast<unsigned char>(byte);
  from.remove_prefix(size);
  return result;
}

double half(std::uint64_t bits) {
  const auto exponent = static_cast<int>(bits >> 10 & 0x1f);
  const auto fraction = static_cast<double>(bits & 0x3ff);
  const double size = exponent == 0    ? std::ldexp(fraction, -24)
                      : exponent != 31 ? std::ldexp(fraction + 1024, exponent - 25)
                      : fraction == 0  ? std::numeric_limits<double>::infinity()
                                       : std::numeric_limits<double>::quiet_NaN();
  return bits & 0x8000 ? -size : size;
}

std::optional<item> simple(const head& from) {
  item result;
  switch (from.detail) {
    case 20:
    case 21:
      result.type = kind::boolean;
      result.number = from.detail - 20;
      return result;
    case 22:
    case 23: // null, undefined
      return result;
    case 25:
      result.real = half(from.argument);
      break;
    case 26:
      result.real = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(from.argument)));
      break;
    case 27:
      result.real = std::bit_cast<double>(from.argument);
      break;
    default:
      return std::nullopt;
  }
  result.type = kind::real;
  return result;
}

std::optional<item> read_item(std::string_view& from, int depth) {
  const auto begin = read_head(from);
  if (!begin || depth > depth_max)
    return std::nullopt;
  item result;
  result.number = begin->argument;
  std::uint64_t parts = 0;
  switch (begin->major) {
    case unsigned_major:
      result.type = kind::unsigned_integer;
      return result;
    case negative_major:
      result.type = kind::negative_integer;
      return result;
    case bytes_major:
    case text_major:
      if (begin->argument > from.size())
        return std::nullopt;
      result.type = begin->major == bytes_major ? kind::bytes : kind::text;
      result.text = from.substr(0, begin->argument);
      from.remove_prefix(begin->argument);
      return result;
    case array_major:
    case map_major: // each part takes a byte at least, so what the length promises is bounded by what there is
      if (begin->argument > from.size())
        return std::nullopt;
      result.type = begin->major == array_major ? kind::array : kind::map;
      parts = begin->major == array_major ? begin->argument : 2 * begin->argument;
      break;
    case tag_major:
      result.type = kind::tagged;
      parts = 1;
      break;
    default:
      return simple(*begin);
  }
  for (; parts > 0; --parts) {
    auto part = read_item(from, depth + 1);
    if (!part)
      return std::nullopt;
    result.items.push_back(std::move(*part));
  }
  return result;
}

} // namespace

std::optional<item> read(std::string_view& from) { return read_item(from, 0); }

} // namespace hearth::cli::cbor
