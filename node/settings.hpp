#pragma once

#include "core/defaults.hpp"
#include "core/defaults_cache.hpp"
#include "node/identity/cluster_file.hpp"
#include "node/isolation.hpp"
#include "node/paths.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace hearth::node {

/// What a person may decide about a node. Sources, the first that says something wins: flags, `HEARTH_*` variables, the
/// user's hearth.toml, the system's.
struct settings {
  bool is_private = false; // started for one user by the first client; --private only
  std::filesystem::path socket;
  std::filesystem::path state_directory;
  std::string name;                       // of the node
  std::chrono::milliseconds idle_exit{0}; // 0: never
  std::chrono::milliseconds zygote_ttl = defaults::zygote_ttl;
  std::chrono::milliseconds stop_grace = defaults::stop_grace;
  std::string log_level = "info"; // trace | debug | info | warning | error | off
  std::filesystem::path log_file; // empty: stderr
  std::string python;             // of environments that name none; empty: /usr/bin/python3
  std::optional<node::isolation>
    isolation; // of interpreters; nothing said: `sandbox` for a cluster's node, else `process`
  // What replicas may reserve; where nothing is said, what the machine has.
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint32_t> cpu_millis;
  std::optional<std::vector<std::uint32_t>> gpus;
  std::filesystem::path gpu_lock_directory;              // empty: the usual one
  std::uint64_t cache_bytes = defaults::cache_bytes_max; // of kept results; of one project half of it
  std::optional<link_address> http_listen;               // for apps over TLS; nothing: on the Unix socket alone
  std::filesystem::path http_certificate, http_key;      // PEM; said when `http_listen` is
};

/// What one source says: names as in hearth.toml.
struct settings_source {
  std::string origin; // "the command line", "HEARTH_* variables", "/etc/hearth/hearth.toml"
  std::map<std::string, std::string> values;
};

/// A name that hearth.toml, `HEARTH_<NAME>` and the command line know, with what it decides.
struct setting {
  std::string name;
  std::string help;
};

const std::vector<setting>& known_settings();

/// The variables among `HEARTH_*` that are settings.
settings_source settings_from_variables(const variable_reader& variables);

/// The file's settings; nothing when it does not exist. Throws start_error, also for a name that is not known.
settings_source settings_from_file(const std::filesystem::path& file);

/// The settings after all sources, first wins, with defaults for the rest. Throws start_error for a value that does not
/// fit, with its origin.
settings merge_settings(const std::vector<settings_source>& sources, bool is_private, const variable_reader& variables,
                        uid_t user);

/// "250ms", "30s", "10m", "2h" or a number of seconds. Throws std::invalid_argument with the forms it takes.
std::chrono::milliseconds parse_duration(const std::string& text);

/// "8Gi", "500Mi", "2G" or a number of bytes; "1.5" or "1500m" cores; "0,1" or "none". At least something of memory and
/// cpu. Throw std::invalid_argument with the forms they take.
std::uint64_t parse_memory(const std::string& text);
std::uint32_t parse_cores(const std::string& text);
std::vector<std::uint32_t> parse_gpus(const std::string& text);

} // namespace hearth::node
