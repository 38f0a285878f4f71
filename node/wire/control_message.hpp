#pragma once

#include "cluster/control_message.hpp"
#include "core/errors.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// Messages of the control stream and the data of log entries as bytes, and back: schema/control_message.capnp. Pure; any
/// thread. What is read may be any bytes: it is refused (`bad_request`), never trusted.
namespace hearth::wire {

std::string encode(const cluster::control_message& message);
std::variant<cluster::control_message, failure> decode_message(std::string_view text);

/// For `controller_config`.
std::string encode_entry(const cluster::submission& entry);
std::optional<cluster::submission> decode_entry(std::string_view text);

/// Entries of the log as a store keeps them.
std::string encode(const cluster::raft::entry& entry);
std::variant<cluster::raft::entry, failure> decode_log_entry(std::string_view text);

} // namespace hearth::wire
