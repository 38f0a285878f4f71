#pragma once

#include "actors/client_messages.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <variant>

/// Control messages: the JSON rendering of schema/control.capnp to and from what actors say. The only place that knows
/// both. Pure; any thread.
namespace hearth::wire {

/// The request in `json`, numbered `request`, as the event it means; a failure (bad_request) says what is wrong with it.
/// Never throws, whatever the bytes are. Environments come out with their version; one that names no interpreter gets
/// `default_python`.
std::variant<client::event, failure> read_request(std::uint32_t request, std::string_view json,
                                                  const std::string& default_python);

/// The JSON of a Response, at most frame_body_bytes_max bytes.
std::string write_response(const client::welcome& what);
std::string write_response(const client::refused& what);
std::string write_response(const opened_handle& what);
std::string write_response(const client::bundle_state& what);
std::string write_response(const client::done& what);
std::string write_response(const client::run_state& what);
std::string write_response(const client::node_state& what);
std::string write_response(const client::cluster_state& what);
std::string write_response(const client::echoes& what);

/// Takes the JSON of one Response; `more` says that another one to the same request follows.
using page_sink = std::function<void(std::string json, bool more)>;

/// Rows that take a small part of a loop's turn to write; a longer listing is written over several turns.
inline constexpr std::size_t page_rows = 50;

/// A listing, or a page of one that goes on (`more`), in as many responses as its size needs (one when it is empty).
template <class Row>
void write_rows(const std::vector<Row>& rows, bool more, const page_sink& sink);

} // namespace hearth::wire
