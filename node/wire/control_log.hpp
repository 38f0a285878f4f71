#pragma once

#include "cluster/commands.hpp"
#include "cluster/records.hpp"
#include "core/errors.hpp"
#include "schema/control_log.capnp.h"

#include <string>
#include <string_view>
#include <variant>

/// Entries and snapshots of the control log as bytes, and back: schema/control_log.capnp. Pure; any thread. What is read may
/// be any bytes: it is refused (`storage_failed`, `version_mismatch`), never trusted. Contents are copied, so that nothing
/// keeps the text alive.
namespace hearth::wire {

std::string encode(const cluster::command& command);
std::variant<cluster::command, failure> decode_command(std::string_view text);

/// Takes time in proportion to the state: not for a loop once there are many runs. A copy of an image may be encoded
/// elsewhere.
std::string encode(const cluster::control_image& image);
std::variant<cluster::control_image, failure> decode_image(std::string_view text);

/// A command as part of another message. `read` throws kj::Exception when it is malformed or of a newer Hearth.
void fill(log::Command::Builder into, const cluster::command& command);
cluster::command read(log::Command::Reader from);

} // namespace hearth::wire
