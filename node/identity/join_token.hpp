#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hearth::node {

/// What lets one node into a cluster, once: an operator carries it there.
struct join_token {
  std::string address;     // where a member listens, "host:port"
  std::string fingerprint; // of the cluster's authority, 32 bytes: who asks there pins it
  std::string secret;      // 32 random bytes; the member keeps only its SHA-256
};

/// For a member that listens at `address`.
join_token make_join_token(std::string_view address, std::string_view fingerprint);

/// One word, "hearth-join-..."; letters, digits, "-" and "_".
std::string to_string(const join_token& token);

/// Nothing when `text` is not exactly what to_string() wrote: mistyped, cut off, of a newer kind. Blanks around it do not
/// matter.
std::optional<join_token> parse_join_token(std::string_view text);

} // namespace hearth::node
