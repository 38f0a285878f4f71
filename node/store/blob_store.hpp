#pragma once

#include "core/bytes.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace hearth::node {

struct blob_limits {
  std::uint64_t bytes = 0;            // of all blobs on disk
  std::chrono::hours age{0};          // since their last use
  std::chrono::milliseconds grace{0}; // since their last use; younger ones stay whatever happens
};

/// Values on disk, each a file named by the SHA-256 of what it holds. A file is written under another name, forced to disk
/// and then renamed, so what `put` has returned survives a crash of the machine; what it holds is checked at every read.
///
/// Throws store_error. Blocks; one thread at a time, one process per directory.
class blob_store {
public:
  using report = std::function<void(const std::string&)>;

  /// Makes the directory, removes what an earlier process left half made. Nothing else goes before `pin` was called.
  /// `damaged` hears a sentence for each blob that was found broken.
  blob_store(std::filesystem::path directory, blob_limits limits, report damaged);

  /// Stores the value that `parts` are in order; its name in 64 hex digits. It counts as used now. Error storage_failed when
  /// the limit is reached and nothing may go.
  std::string put(const std::vector<bytes>& parts);

  /// The value, in parts of at most a frame; nothing when it is not there, or broken: then it is removed.
  std::optional<std::vector<bytes>> get(const std::string& digest);

  /// Whether there is a file of this name; counts as use. Only a read tells whether it is whole.
  bool has(const std::string& digest);

  void remove(const std::string& digest);

  /// These are needed, by open runs and by results that are kept: they stay, all others may go. Replaces what was said
  /// before, then removes those unused for too long and the least recently used beyond the limit.
  void pin(std::set<std::string> digests);

  std::uint64_t size() const noexcept { return bytes_; }

private:
  using clock = std::filesystem::file_time_type::clock;

  struct entry {
    std::uint64_t bytes = 0;
    clock::time_point used;
  };

  void load();
  void touch(const std::string& digest, entry& e);
  void make_room(std::uint64_t bytes);

  std::filesystem::path directory_;
  blob_limits limits_;
  report damaged_;
  std::map<std::string, entry> entries_;
  std::uint64_t bytes_ = 0;
  std::optional<std::set<std::string>> pinned_; // nothing: not known yet, so all of them
};

} // namespace hearth::node
