#pragma once

#include "actors/messages.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace hearth::node {

struct log_limits {
  std::uint64_t log_bytes = 0; // of one log
  std::uint64_t bytes = 0;     // of all
  std::size_t files = 0;
  std::chrono::hours age{0}; // since the last append
};

/// Logs as files that a person can read, too. A record is a line of numbers, the text, and a newline:
///
///   <unix ns> <call hi> <call lo> <root hi> <root lo> <replica> <stream> <dropped> <size>\n<size bytes of text>\n
///
/// A log's newest half is in `<name>.log`, what was written before in `<name>.log.1`; what leaves that is counted as
/// dropped before the oldest record. Names are unique within the life of a node, so the first append begins a log anew.
///
/// Throws store_error. Blocks; one thread at a time, one process per directory.
class log_files {
public:
  /// Makes the directory; removes logs of replicas, whose numbers begin anew with each node.
  log_files(std::filesystem::path directory, log_limits limits);

  void append(const std::string& name, const std::vector<log_text>& texts);

  /// The last `lines` lines (0: everything), oldest first; empty when nothing was ever appended.
  std::vector<log_text> read(const std::string& name, std::uint32_t lines) const;

  /// Removes what is too old, then the oldest beyond the limits.
  void evict();

private:
  struct state {
    std::uint64_t size = 0;    // of the newest file
    std::uint64_t older = 0;   // of the one before
    std::uint64_t dropped = 0; // bytes that left the older one
  };

  state& begin(const std::string& name);
  void turn_over(const std::string& name, state& s);
  std::filesystem::path path_of(const std::string& name) const;

  std::filesystem::path directory_;
  log_limits limits_;
  std::unordered_map<std::string, state> logs_; // of this process
  std::uint64_t since_eviction_ = 0;            // bytes, an empty file counting as some
};

} // namespace hearth::node
