#pragma once

#include <kj/io.h>

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Where a node keeps things, and whether a place can be trusted. Everything here may block on a disk: for the start of
/// a node, not for its loop.
namespace hearth::node {

/// Reads a variable of the process's environment; null when it is not set. An empty value counts as not set below.
using variable_reader = std::function<const char*(const char* name)>;

/// `$HEARTH_SOCKET`, else `$XDG_RUNTIME_DIR/hearth/node.sock` if that directory exists, else
/// `/tmp/hearth-<user>/node.sock`. The SDK looks in the same places. Absolute.
std::filesystem::path default_socket(const variable_reader& variables, uid_t user);

/// `$XDG_STATE_HOME/hearth`, else `~/.local/state/hearth`. Throws start_error when there is no home either.
std::filesystem::path default_state_directory(const variable_reader& variables);

/// Files that may hold settings, the user's before the system's: `$XDG_CONFIG_HOME/hearth/hearth.toml` (else
/// `~/.config/...`), `/etc/hearth/hearth.toml`.
std::vector<std::filesystem::path> settings_files(const variable_reader& variables);

/// What a sandbox never shows: the files of this node, of the nodes that the user's programs know, and the user's settings and
/// keys for them. Some may not exist.
std::vector<std::filesystem::path> own_files(const std::filesystem::path& socket,
                                             const std::filesystem::path& state_directory,
                                             const variable_reader& variables, uid_t user);

/// The name of a file system whose files live on another machine, or empty. `magic` is statfs's f_type; `type` is the
/// mount's type where that says more ("fuse.sshfs"). Pure.
std::string_view network_file_system(std::uint64_t magic, std::string_view type);

/// The same for the file system that holds `path` or, where nothing exists yet, its nearest ancestor.
std::string network_file_system(const std::filesystem::path& path);

/// How far a directory has to be ours.
enum class privacy {
  ours_alone,    // no link, owned by us, nobody else may even look: nothing in it can be planted
  ours_to_write, // nobody else can replace our files in it: theirs to read, or shared like /tmp, is the user's choice
};

/// Of the directory of a node's socket: where every program of this user looks for a node it has to be ours alone, since others
/// might prepare it; a place that the user chose is the user's to judge.
privacy privacy_around(const std::filesystem::path& socket);

/// Makes `directory` (0700) with its parents where it is missing. Throws start_error when it cannot be made or is not
/// as private as asked. `what` names its purpose: "the socket's directory".
void make_directory(const std::filesystem::path& directory, std::string_view what, privacy asked);

/// The one process that uses a state directory. Descriptor of the locked file; closing it gives the directory free.
/// Makes the directory; throws start_error when it is on a network file system, or another node uses it.
kj::AutoCloseFd claim_state_directory(const std::filesystem::path& directory);

/// Locks `file` (made 0600, never followed as a link) for this process and writes its pid there. Nothing when another
/// process has it: `holder` then says which, 0 when that is unknown. Throws start_error when the file cannot be opened.
std::optional<kj::AutoCloseFd> lock_with_pid(const std::filesystem::path& file, pid_t& holder);

/// The id of the node with this state directory: a UUID, made on first use. Throws start_error.
std::string node_id(const std::filesystem::path& state_directory);

/// The machine's name, what a node is called unless its settings say otherwise.
std::string host_name();

} // namespace hearth::node
