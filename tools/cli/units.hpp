#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Quantities as people read them. Pure.
namespace hearth::cli {

/// "850 us", "12.3 ms", "4.56 s", "3m 20s", "2h 05m", "3d 4h".
std::string duration_text(std::uint64_t microseconds);

/// The same of a time that was counted in milliseconds: "under 1 ms" for 0.
std::string duration_text_of_ms(std::uint64_t milliseconds);

/// "0 B", "512 B", "1.5 KiB", "230 MiB".
std::string bytes_text(std::uint64_t bytes);

/// "12,345".
std::string count_text(std::uint64_t count);

/// The longest name that a listing shows, in characters.
inline constexpr std::size_t name_width = 48;

/// The text on one line without control characters, at most `longest` characters ("…" marks what is missing).
std::string one_line(std::string_view text, std::size_t longest);

/// The text with control characters other than newline and tab made visible, so that it cannot steer a terminal.
std::string printable(std::string_view text);

/// Columns that UTF-8 text takes in a terminal, counting every character as one.
std::size_t width_of(std::string_view text);

/// "2024-05-01 12:34:56.789" in local time.
std::string time_text(std::uint64_t unix_ns);

/// "500MiB", "2GiB" or "2Gi", "1GB" or "1G", or a number of bytes, at least one; nothing for anything else.
std::optional<std::uint64_t> parse_bytes(const std::string& text);

/// "250ms", "30s", "10m", "2h", "7d" or a number of seconds; nothing for anything else.
std::optional<std::chrono::milliseconds> parse_duration(const std::string& text);

} // namespace hearth::cli
