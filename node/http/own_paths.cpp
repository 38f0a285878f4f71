#include "node/http/own_paths.hpp"

#include "core/defaults_http.hpp"
#include "node/wire/control_text.hpp"
#include "node/wire/readable_rows.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace hearth::http {

namespace {

constexpr std::string_view metrics_path = "/metrics", api_path = "/api", listings_path = "/api/v1/";
constexpr std::array<std::string_view, 6> listings{"apps", "environments", "replicas", "runs", "nodes", "events"};

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

int digit_of(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Without the escapes of a URL (RFC 3986, 2.1); nothing when one of them is none.
std::optional<std::string> unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (i + 2 >= text.size() || digit_of(text[i + 1]) < 0 || digit_of(text[i + 2]) < 0)
      return std::nullopt;
    plain += static_cast<char>(digit_of(text[i + 1]) * 16 + digit_of(text[i + 2]));
    i += 2;
  }
  return plain;
}

std::string limit_range() { return "a number from 1 to " + std::to_string(defaults::api_rows_max); }

/// The number of `limit=`; 0: nothing is said. A text says what is wrong.
std::variant<std::uint32_t, std::string> limit_in(std::string_view query) {
  std::uint32_t limit = 0;
  while (!query.empty()) {
    const auto one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    const auto name = one.substr(0, one.find('='));
    if (name != "limit")
      return "A listing has no parameter `" + std::string(name) + "`; `limit` is the only one: " + limit_range() + ".";
    const auto digits = one.substr(std::min(one.size(), name.size() + 1));
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), limit);
    if (read.ec != std::errc{} || read.ptr != digits.data() + digits.size() || limit == 0
        || limit > defaults::api_rows_max)
      return "`limit` must be " + limit_range() + ".";
  }
  return limit;
}

refusal nothing_there(std::string_view path) {
  std::string known;
  for (const auto each : listings)
    known.append(known.empty() ? "" : ", ").append(listings_path).append(each);
  return {404,
          "There is nothing at " + std::string(path) + "; there are " + known + ", each also with a NAME below it."};
}

} // namespace

bool is_own_path(std::string_view target) { return path_of(target) == metrics_path || is_api_path(target); }

bool is_api_path(std::string_view target) {
  const auto path = path_of(target);
  return path.starts_with(api_path) && (path.size() == api_path.size() || path[api_path.size()] == '/');
}

std::variant<own_page, refusal> own_page_of(std::string_view method, std::string_view target) {
  const auto path = path_of(target);
  if (method != "GET" && method != "HEAD")
    return refusal{405, "What a node tells of itself is only read: GET and HEAD, not " + std::string(method) + "."};
  if (path == metrics_path)
    return own_page{"metrics", {}, 0};
  if (!path.starts_with(listings_path))
    return nothing_there(path);
  const auto rest = path.substr(listings_path.size());
  const auto what = rest.substr(0, rest.find('/'));
  if (std::find(listings.begin(), listings.end(), what) == listings.end())
    return nothing_there(path);
  auto name = unescaped(rest.substr(std::min(rest.size(), what.size() + 1)));
  if (!name)
    return refusal{400, "The path " + std::string(path) + " has a '%' that is not followed by two hex digits."};
  auto limit = limit_in(target.substr(std::min(target.size(), path.size() + 1)));
  if (auto* flaw = std::get_if<std::string>(&limit))
    return refusal{400, std::move(*flaw)};
  return own_page{std::string(what), std::move(*name), std::get<std::uint32_t>(limit)};
}

std::string error_json(const refusal& why) {
  auto text = "{\"error\":{\"status\":" + std::to_string(why.status) + ",\"message\":";
  const wire::text mended(why.why); // a path may hold any bytes
  const capnp::Text::Reader sentence = mended;
  wire::write_quoted({sentence.begin(), sentence.size()}, text);
  return text + "}}\n";
}

} // namespace hearth::http
