#pragma once

#include "tools/cli/surroundings.hpp"

#include <sys/types.h>

#include <filesystem>
#include <string>

/// Where the parts of an installation and of a user's node are. The SDK looks in the same places.
namespace hearth::cli {

/// `$HEARTH_SOCKET`, else `$XDG_RUNTIME_DIR/hearth/node.sock` if that directory exists, else
/// `/tmp/hearth-<user>/node.sock`. Absolute.
std::string default_socket(const variable_reader& variable, uid_t user);

/// The folder of the node's state: `$HEARTH_STATE_DIR`, else `$XDG_STATE_HOME/hearth`, else `~/.local/state/hearth`.
/// Throws command_error when there is no home either.
std::filesystem::path state_directory(const variable_reader& variable);

/// The folder of this program, links resolved.
std::filesystem::path program_directory();

/// The program `hearthd`: `$HEARTHD`, else beside `programs`, the folder of this program. Throws command_error.
std::filesystem::path find_daemon(const variable_reader& variable, const std::filesystem::path& programs);

/// The folder that holds the Python package `hearth`: `$HEARTH_SDK`, else `share/hearth/sdk` of the prefix, else `sdk` of
/// the build tree. Throws command_error.
std::filesystem::path find_sdk(const variable_reader& variable, const std::filesystem::path& programs);

/// Makes the socket's folder for this user alone. Throws command_error when it cannot, or when somebody else could use
/// what is there; `chosen`: the user named the socket, so the folder is theirs to decide.
void make_socket_directory(const std::filesystem::path& directory, bool chosen);

/// The value of a variable that is set to something, else "".
std::string value_of(const variable_reader& variable, const char* name);

} // namespace hearth::cli
