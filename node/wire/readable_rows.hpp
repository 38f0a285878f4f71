#pragma once

#include "actors/client_messages.hpp"

#include <string>
#include <string_view>

/// Rows as people and programs read them over HTTP, and as `hearth get -o json` shows them: one JSON object of the fields of
/// schema/control.capnp. Other than in control messages, integers of 64 bits are numbers, ids of replicas are text, and a run
/// has one `id` instead of two words. Pure; any thread.
namespace hearth::wire {

template <class Row>
void write_readable(const Row& row, std::string& into);

/// A JSON string.
void write_quoted(std::string_view text, std::string& into);

} // namespace hearth::wire
