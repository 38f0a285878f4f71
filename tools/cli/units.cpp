#include "tools/cli/units.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <map>

namespace hearth::cli {

namespace {

std::string decimal(double value, int decimals) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, decimals).ptr;
  return {text.data(), end};
}

/// Three digits that mean something.
std::string three_digits(double value) { return decimal(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0); }

std::string padded(std::uint64_t number, std::size_t digits) {
  auto text = std::to_string(number);
  return text.size() < digits ? std::string(digits - text.size(), '0').append(text) : text;
}

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

} // namespace

std::string duration_text(std::uint64_t us) {
  constexpr std::uint64_t ms = 1000, second = 1000 * ms, minute = 60 * second, hour = 60 * minute, day = 24 * hour;
  if (us < ms)
    return std::to_string(us) + " us";
  if (us < second - ms / 2)
    return three_digits(static_cast<double>(us) / static_cast<double>(ms)) + " ms";
  if (us < minute)
    return three_digits(static_cast<double>(us) / static_cast<double>(second)) + " s";
  if (us < hour)
    return std::to_string(us / minute) + "m " + padded(us % minute / second, 2) + "s";
  if (us < day)
    return std::to_string(us / hour) + "h " + padded(us % hour / minute, 2) + "m";
  return std::to_string(us / day) + "d " + std::to_string(us % day / hour) + "h";
}

std::string duration_text_of_ms(std::uint64_t milliseconds) {
  return milliseconds == 0 ? "under 1 ms" : duration_text(milliseconds * 1000);
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array units{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  constexpr double step = 1024;
  if (bytes < 1024)
    return std::to_string(bytes) + " B";
  double value = static_cast<double>(bytes) / step;
  std::size_t unit = 0;
  for (; value >= step - 0.5 && unit + 1 < units.size(); ++unit)
    value /= step;
  return decimal(value, value < 9.95 ? 1 : 0) + " " + units[unit];
}

std::string count_text(std::uint64_t count) {
  const auto digits = std::to_string(count);
  std::string text;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0)
      text += ',';
    text += digits[i];
  }
  return text;
}

std::string one_line(std::string_view text, std::size_t longest) {
  std::string result;
  std::size_t characters = 0;
  for (char c : text) {
    if (begins_character(c) && ++characters > longest) {
      while (!result.empty() && !begins_character(result.back()))
        result.pop_back();
      if (!result.empty())
        result.pop_back();
      return result + "…";
    }
    result += is_control(static_cast<unsigned char>(c)) ? ' ' : c;
  }
  return result;
}

std::string printable(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (char c : text) {
    const auto code = static_cast<unsigned char>(c);
    if (is_control(code) && c != '\n' && c != '\t')
      result.append("\\x").append(1, digits[code >> 4]).append(1, digits[code & 0xf]);
    else
      result += c;
  }
  return result;
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), begins_character));
}

std::string time_text(std::uint64_t unix_ns) {
  constexpr std::uint64_t ns_per_s = 1'000'000'000, ns_per_ms = 1'000'000;
  const auto seconds = static_cast<std::time_t>(unix_ns / ns_per_s);
  std::tm local{};
  ::localtime_r(&seconds, &local);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &local);
  return std::string(text.data()).append(".").append(padded(unix_ns % ns_per_s / ns_per_ms, 3));
}

std::optional<std::chrono::milliseconds> parse_duration(const std::string& text) {
  constexpr double largest_ms = 1e15; // far from any overflow
  double number = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  const double factor = unit == "ms"                  ? 1
                        : unit == "s" || unit.empty() ? 1e3
                        : unit == "m"                 ? 60e3
                        : unit == "h"                 ? 3600e3
                        : unit == "d"                 ? 86400e3
                                                      : 0;
  if (error != std::errc{} || factor == 0 || !(number >= 0) || number * factor > largest_ms)
    return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(number * factor));
}

std::optional<std::uint64_t> parse_bytes(const std::string& text) {
  static const std::map<std::string_view, double> units{{"", 1},        {"k", 1e3},     {"M", 1e6},
                                                        {"G", 1e9},     {"T", 1e12},    {"Ki", 0x1p10},
                                                        {"Mi", 0x1p20}, {"Gi", 0x1p30}, {"Ti", 0x1p40}};
  constexpr double largest = 0x1p62;
  double number = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  if (unit.ends_with('B'))
    unit.remove_suffix(1);
  const auto factor = units.find(unit);
  if (error != std::errc{} || factor == units.end() || !(number * factor->second >= 1)
      || number * factor->second > largest)
    return std::nullopt;
  return static_cast<std::uint64_t>(number * factor->second);
}

} // namespace hearth::cli
