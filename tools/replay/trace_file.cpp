#include "tools/replay/trace_file.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>

namespace hearth::replay {

namespace {

constexpr seconds lead_in = 10;
constexpr std::size_t calls_max = 50'000'000; // a gigabyte

std::vector<std::string> fields(std::string line) {
  if (!line.empty() && line.back() == '\r')
    line.pop_back();
  std::vector<std::string> result;
  for (std::size_t begin = 0;;) {
    const auto comma = line.find(',', begin);
    auto field = line.substr(begin, comma - begin);
    field.erase(0, field.find_first_not_of(" \t\""));
    field.erase(field.find_last_not_of(" \t\"") + 1);
    result.push_back(std::move(field));
    if (comma == std::string::npos)
      return result;
    begin = comma + 1;
  }
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); });
  return text;
}

std::optional<double> number(const std::string& text) {
  double result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(result))
    return std::nullopt;
  return result;
}

/// Seconds since 1970 of "2023-11-16 18:17:03.9799600".
std::optional<double> timestamp(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, used = 0;
  if (std::sscanf(text.c_str(), "%d-%d-%d%*1[ T]%d:%d:%n", &year, &month, &day, &hour, &minute, &used) != 5
      || used == 0)
    return std::nullopt;
  const auto second = number(text.substr(static_cast<std::size_t>(used)));
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!second || !date.ok())
    return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return static_cast<double>(days) * 86'400 + hour * 3'600 + minute * 60 + *second;
}

struct columns {
  std::optional<std::size_t> timestamp, arrival, service, context, generated;
};

columns read_header(const std::string& line, const std::string& name) {
  columns result;
  const auto names = fields(line);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto column = lower(names[i]);
    if (column == "timestamp")
      result.timestamp = i;
    else if (column == "arrival" || column == "seconds")
      result.arrival = i;
    else if (column == "service")
      result.service = i;
    else if (column == "contexttokens")
      result.context = i;
    else if (column == "generatedtokens")
      result.generated = i;
  }
  const bool is_llm = result.timestamp && result.context && result.generated;
  if (!is_llm && !result.arrival)
    throw trace_error(
      name + " has no columns TIMESTAMP,ContextTokens,GeneratedTokens or arrival[,service] in its first line.");
  return result;
}

} // namespace

seconds llm_service(double context_tokens, double generated_tokens) noexcept {
  return 0.05 + 0.0001 * context_tokens + 0.02 * generated_tokens;
}

trace read_trace(std::istream& in, const std::string& name, const file_defaults& defaults) {
  trace result{.name = name, .about = "Recorded calls"};
  result.concurrency = defaults.concurrency;
  result.max = defaults.max;
  std::string line;
  if (!std::getline(in, line))
    throw trace_error(name + " is empty.");
  const auto at = read_header(line, name);
  for (std::size_t row = 2; std::getline(in, line); ++row) {
    if (line.empty() || line == "\r")
      continue;
    const auto values = fields(line);
    auto value = [&](const std::optional<std::size_t>& column) {
      return column && *column < values.size() ? number(values[*column]) : std::nullopt;
    };
    auto arrival = value(at.arrival);
    std::optional<double> service = at.service ? value(at.service) : static_cast<double>(defaults.service);
    if (!at.arrival) {
      arrival = *at.timestamp < values.size() ? timestamp(values[*at.timestamp]) : std::nullopt;
      const auto context = value(at.context), generated = value(at.generated);
      service = context && generated ? std::optional(llm_service(*context, *generated)) : std::nullopt;
    }
    if (!arrival || !service || *service < 0 || result.calls.size() == calls_max)
      throw trace_error(name + ", line " + std::to_string(row) + ": no call can be read from \"" + line.substr(0, 80)
                        + "\".");
    result.calls.push_back({*arrival, static_cast<float>(*service)});
  }
  if (result.calls.empty())
    throw trace_error(name + " holds no calls.");
  std::stable_sort(result.calls.begin(), result.calls.end(),
                   [](const call& a, const call& b) { return a.arrival < b.arrival; });
  const auto first = result.calls.front().arrival;
  for (auto& one : result.calls)
    one.arrival += lead_in - first;
  result.end = result.calls.back().arrival;
  return result;
}

} // namespace hearth::replay
