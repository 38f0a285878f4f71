#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>

/// Values of tasks, as far as they can be shown without Python. Pure.
namespace hearth::cli {

using json = nlohmann::json;

/// The CBOR value as JSON: tags are looked through, byte strings and what JSON has no word for become a short
/// description ("<16 bytes>"), map keys become text. Nothing when the bytes are no CBOR.
std::optional<json> shown_value(std::string_view cbor);

} // namespace hearth::cli
