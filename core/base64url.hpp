#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace hearth {

/// RFC 4648, section 5, without padding: letters, digits, "-" and "_".
std::string to_base64url(std::string_view bytes);

/// Nothing when `text` is not exactly what to_base64url() writes.
std::optional<std::string> from_base64url(std::string_view text);

/// The content of a word that people hand on, written as `prefix` and its base64url: blanks around it do not matter. Nothing
/// when it begins with something else, is no base64url, or has more than `bytes_max` characters.
std::optional<std::string> content_of_word(std::string_view text, std::string_view prefix, std::size_t bytes_max);

} // namespace hearth
