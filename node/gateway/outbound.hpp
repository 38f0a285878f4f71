#pragma once

#include "actors/client_messages.hpp"
#include "node/wire/value.hpp"

#include <optional>
#include <vector>

namespace hearth::node {

/// Writes the frames that tell a client `what`; nothing for effects on the connection itself (pause, resume, close).
/// Values go out by reference. No socket.
void write_effect(const client::effect& what, wire::frame_writer& out);

/// A part of a long listing.
struct listing_page {
  client::effect rows;
  bool more = false; // another page of it follows
};

/// The pages of a listing that is too long to be written in one turn, in order; none for everything else.
std::vector<listing_page> pages_of(const client::effect& what);

void write_page(const listing_page& page, wire::frame_writer& out);

/// The request that this effect answers for good: no more about it follows.
std::optional<std::uint32_t> request_answered(const client::effect& what);

} // namespace hearth::node
