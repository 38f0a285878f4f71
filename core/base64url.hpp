#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hearth {

/// RFC 4648, section 5, without padding: letters, digits, "-" and "_".
std::string to_base64url(std::string_view bytes);

/// Nothing when `text` is not exactly what to_base64url() writes.
std::optional<std::string> from_base64url(std::string_view text);

} // namespace hearth
