#pragma once

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>

/// Values of tasks, as far as they can be shown without Python. Pure.
namespace hearth::cli {

/// Keeps the order of a dict.
using value_json = nlohmann::ordered_json;

/// The encoded value in the terms of JSON, by the table of tags that the SDK's values module documents: objects by their
/// fields, enums by name, times as text, integers beyond 64 bits as digits. What only Python can show is described:
/// "<16 bytes>", "<array <f8, 3 x 4>", "<pickle of 1.2 KiB>". Nothing when the bytes are not such a value.
std::optional<value_json> shown_value(std::string_view encoded);

} // namespace hearth::cli
