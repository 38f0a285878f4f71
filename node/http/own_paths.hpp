#pragma once

#include "node/http/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// What a node tells of itself over HTTP, where no app is meant: "/metrics" and what is below "/api". Pure.
namespace hearth::http {

/// Something that is asked for.
struct own_page {
  std::string what;        // "metrics", or of which a listing is asked for: "apps", "environments", ...
  std::string name;        // of one of them; empty: all
  std::uint32_t limit = 0; // of rows; 0: as many as usual
};

/// Whether a target in origin form is one of the node's own, be there something or not.
bool is_own_path(std::string_view target);
/// Whether refusals there are JSON.
bool is_api_path(std::string_view target);

/// What is asked for, or why it is not told. The target is an own path.
std::variant<own_page, refusal> own_page_of(std::string_view method, std::string_view target);

/// A refusal as the API says it: {"error": {"status": 404, "message": "..."}}.
std::string error_json(const refusal& why);

} // namespace hearth::http
