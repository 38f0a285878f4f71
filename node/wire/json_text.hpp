#pragma once

#include <string>
#include <string_view>

namespace hearth::wire {

/// `json` with the characters themselves in place of `\uXXXX` escapes: capnp::JsonCodec (0.9.2) reads the hex digits a to f
/// of an escape as other ones. What must stay escaped does so in another form; halves of surrogate pairs become U+FFFD.
/// What is no escape stays for the codec to refuse. Pure.
std::string without_hex_escapes(std::string_view json);

} // namespace hearth::wire
