#include "tools/cli/value.hpp"

#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

/// What JSON writes badly, in words.
void describe_bytes(json& value) {
  if (value.is_binary())
    value = "<" + std::to_string(value.get_binary().size()) + " bytes>";
  else if (value.is_structured())
    for (auto& part : value)
      describe_bytes(part);
}

} // namespace

std::optional<json> shown_value(std::string_view cbor) {
  auto value = json::from_cbor(cbor.begin(), cbor.end(), true, false, json::cbor_tag_handler_t::ignore);
  if (value.is_discarded())
    return std::nullopt;
  describe_bytes(value);
  return value;
}

} // namespace hearth::cli
