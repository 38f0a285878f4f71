#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hearth {

/// With what a remote client comes to a cluster: an operator gives it to a person.
struct client_token {
  static constexpr std::size_t part_bytes = 32;

  std::string authority; // SHA-256 of the cluster's own certificate: who has the token trusts nobody else
  std::string secret;    // random; the cluster keeps only its SHA-256
};

/// One word, "hearth-token-1-..."; letters, digits, "-" and "_".
std::string to_string(const client_token& token);

/// Nothing when `text` is not exactly what to_string() wrote: mistyped, cut off, of a newer kind. Blanks around it do not
/// matter.
std::optional<client_token> parse_client_token(std::string_view text);

} // namespace hearth
