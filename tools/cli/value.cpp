#include "tools/cli/value.hpp"

#include "tools/cli/cbor.hpp"
#include "tools/cli/units.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace hearth::cli {

namespace {

// The SDK's tags for what CBOR has no item for.
enum tag : std::uint64_t {
  tag_bignum = 2,
  tag_negative_bignum = 3,
  tag_uuid = 37,
  tag_table = 0xBE00,
  tag_datetime = 0xBE04,
  tag_time = 0xBE05,
  tag_timedelta = 0xBE06,
  tag_complex = 0xBE08,
  tag_path = 0xBE09,
  tag_enum = 0xBE0A,
  tag_dataclass = 0xBE0B,
  tag_namedtuple = 0xBE0C,
  tag_model = 0xBE0D,
  tag_array = 0xBE0E,
  tag_scalar = 0xBE0F,
  tag_file = 0xBE10,
  tag_dir = 0xBE11,
  tag_exception = 0xBE12,
  tag_pickle = 0xBE13,
  tag_buffer = 0xBE14,
};

constexpr std::size_t bignum_bytes_shown = 1024; // about 2,500 digits

value_json shown(const cbor::item& value);

/// The content's part `i`; an empty item when there is none.
const cbor::item& part(const cbor::item& of, std::size_t i) {
  static const cbor::item nothing;
  return i < of.items.size() ? of.items[i] : nothing;
}

std::string text_of(const value_json& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, value_json::error_handler_t::replace);
}

std::string described(const std::string& what) { return "<" + what + ">"; }

value_json number(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  return value;
}

/// Big-endian bytes as decimal digits; plus one, negated, for a negative number.
value_json bignum(const std::string& bytes, bool is_negative) {
  if (bytes.size() > bignum_bytes_shown)
    return described("integer of " + bytes_text(bytes.size()));
  std::string digits = "0"; // least significant first
  const auto add = [&](unsigned factor, unsigned summand) {
    unsigned carry = summand;
    for (auto& digit : digits) {
      carry += static_cast<unsigned>(digit - '0') * factor;
      digit = static_cast<char>('0' + carry % 10);
      carry /= 10;
    }
    for (; carry; carry /= 10)
      digits += static_cast<char>('0' + carry % 10);
  };
  for (char byte : bytes)
    add(256, static_cast<unsigned char>(byte));
  if (is_negative) {
    add(1, 1);
    digits += '-';
  }
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string big_endian(std::uint64_t number) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes += static_cast<char>(number >> shift & 0xff);
  return bytes;
}

std::string uuid(const std::string& bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += (i == 4 || i == 6 || i == 8 || i == 10) ? "-" : "";
    text += digits[byte >> 4];
    text += digits[byte & 0xf];
  }
  return text;
}

template <class Number>
Number loaded(const std::string& bytes) {
  static_assert(std::endian::native == std::endian::little);
  Number value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// A NumPy scalar of a common type; others are described.
value_json scalar(const std::string& dtype, const std::string& bytes) {
  const auto is = [&](const char* name, std::size_t size) {
    return dtype.size() > 1 && dtype.front() != '>' && dtype.substr(1) == name && bytes.size() == size;
  };
  if (is("f8", 8))
    return number(loaded<double>(bytes));
  if (is("f4", 4))
    return number(static_cast<double>(loaded<float>(bytes)));
  if (is("i8", 8))
    return loaded<std::int64_t>(bytes);
  if (is("i4", 4))
    return loaded<std::int32_t>(bytes);
  if (is("i2", 2))
    return loaded<std::int16_t>(bytes);
  if (is("i1", 1))
    return static_cast<int>(loaded<std::int8_t>(bytes));
  if (is("u8", 8))
    return loaded<std::uint64_t>(bytes);
  if (is("u4", 4))
    return loaded<std::uint32_t>(bytes);
  if (is("u2", 2))
    return loaded<std::uint16_t>(bytes);
  if (is("u1", 1))
    return static_cast<unsigned>(loaded<std::uint8_t>(bytes));
  if (is("b1", 1))
    return bytes[0] != 0;
  return described("NumPy scalar " + dtype);
}

std::string array_text(const cbor::item& content) {
  std::string shape;
  for (const auto& size : part(content, 1).items)
    shape += (shape.empty() ? "" : " x ") + text_of(shown(size));
  return described("array " + text_of(shown(part(content, 0))) + ", " + (shape.empty() ? "no dimensions" : shape));
}

std::string time_of(const cbor::item& content) {
  const auto zone = shown(part(content, 1));
  return text_of(shown(part(content, 0))) + (zone.is_string() ? " [" + zone.get<std::string>() + "]" : "");
}

value_json seconds_of(const cbor::item& content) {
  constexpr double per_day = 86400, per_microsecond = 1e-6;
  const auto part_of = [&](std::size_t i) {
    const auto value = shown(part(content, i));
    return value.is_number() ? value.get<double>() : 0.0;
  };
  return part_of(0) * per_day + part_of(1) + part_of(2) * per_microsecond;
}

/// "module:Class" -> "Class".
std::string class_of(const cbor::item& name) {
  const auto text = text_of(shown(name));
  return text.substr(text.find(':') + 1);
}

value_json shown_tagged(const cbor::item& value) {
  const auto& content = part(value, 0);
  switch (value.number) {
    case tag_bignum:
    case tag_negative_bignum:
      return bignum(content.text, value.number == tag_negative_bignum);
    case tag_uuid:
      return uuid(content.text);
    case tag_datetime:
    case tag_time:
      return time_of(content);
    case tag_timedelta:
      return seconds_of(content);
    case tag_complex: {
      const auto imaginary = text_of(shown(part(content, 1)));
      return text_of(shown(part(content, 0))) + (imaginary.starts_with('-') ? "" : "+") + imaginary + "j";
    }
    case tag_enum:
      return shown(part(content, part(content, 1).is_null() ? 2 : 1));
    case tag_path:
    case tag_dataclass:
    case tag_namedtuple:
    case tag_model:
      return shown(part(content, 1));
    case tag_file:
    case tag_dir:
      return shown(part(content, 0));
    case tag_array:
      return array_text(content);
    case tag_scalar:
      return scalar(part(content, 0).text, part(content, 1).text);
    case tag_exception:
      return class_of(part(content, 0)) + ": " + text_of(shown(part(content, 3)));
    case tag_pickle:
      return described(content.text.empty() ? "pickle" : "pickle of " + bytes_text(content.text.size()));
    case tag_buffer:
      return described("large byte string");
    default:
      return shown(content); // tuples, sets, dates, decimals; and tags of others
  }
}

value_json shown(const cbor::item& value) {
  using kind = cbor::kind;
  switch (value.type) {
    case kind::unsigned_integer:
      return value.number;
    case kind::negative_integer:
      if (value.number > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return bignum(big_endian(value.number), true);
      return -1 - static_cast<std::int64_t>(value.number);
    case kind::bytes:
      return described(bytes_text(value.text.size()) + " of bytes");
    case kind::text:
      return value.text;
    case kind::array: {
      auto result = value_json::array();
      for (const auto& item : value.items)
        result.push_back(shown(item));
      return result;
    }
    case kind::map: {
      auto result = value_json::object();
      for (std::size_t i = 0; i + 1 < value.items.size(); i += 2)
        result[text_of(shown(value.items[i]))] = shown(value.items[i + 1]);
      return result;
    }
    case kind::tagged:
      return shown_tagged(value);
    case kind::boolean:
      return value.number != 0;
    case kind::real:
      return number(value.real);
    case kind::null:
      break;
  }
  return nullptr;
}

} // namespace

std::optional<value_json> shown_value(std::string_view encoded) {
  auto value = cbor::read(encoded);
  const bool has_buffers = value && value->type == cbor::kind::tagged && value->number == tag_table;
  if (has_buffers)
    value = cbor::read(encoded); // the document; the large byte strings that it stands for follow it
  if (!value || (!encoded.empty() && !has_buffers))
    return std::nullopt;
  return shown(*value);
}

} // namespace hearth::cli
