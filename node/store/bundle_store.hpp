#pragma once

#include "core/bytes.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace hearth::node {

struct bundle_limits {
  std::uint64_t bytes = 0;   // of all bundles on disk, packed and unpacked
  std::chrono::hours age{0}; // since their last use
};

/// Code bundles on disk, named by the SHA-256 of their archive. Each has a directory:
///
///   <digest>/bundle.tar   the archive as it came
///   <digest>/tree/        what it unpacks to; where tasks run
///   <digest>/complete     id of the system's boot, bytes on disk; written last
///
/// A bundle is made in a directory of another name and then renamed, so a node that dies leaves none half made. Nothing
/// is forced to disk, because the client can send a bundle again: after a crash of the whole machine (another boot) the
/// archive is checked against its digest and unpacked anew before it is used.
///
/// Throws store_error. Blocks; one thread at a time, one process per directory.
class bundle_store {
public:
  /// Makes the directory, removes what an earlier process left half made.
  bundle_store(std::filesystem::path directory, bundle_limits limits);

  /// Whether the bundle is there; counts as use.
  bool has(const std::string& digest);

  /// Stores the archive whose content is `parts` in order; error bad_request when that has another digest. May remove
  /// bundles that nobody uses.
  void put(const std::string& digest, const std::vector<bytes>& parts);

  /// The unpacked tree, which stays until `close` was called as often as `open`; error unknown_bundle.
  std::filesystem::path open(const std::string& digest);
  void close(const std::string& digest);

  /// The archive as it came, in parts; error unknown_bundle.
  std::vector<bytes> read(const std::string& digest);

  /// Removes bundles that are not open: those unused for too long, then the least recently used beyond the limit.
  void evict();

private:
  using clock = std::filesystem::file_time_type::clock;

  struct entry {
    std::uint64_t bytes = 0;
    clock::time_point used;
    std::uint32_t open = 0;
    bool is_checked = false; // in this boot
  };

  void load();
  void touch(const std::string& digest, entry& e);
  bool check(const std::string& digest, entry& e);
  void remove(const std::string& digest);
  std::uint64_t make_tree(const std::filesystem::path& home) const;
  void write_mark(const std::filesystem::path& home, std::uint64_t bytes) const;

  std::filesystem::path directory_;
  bundle_limits limits_;
  std::string boot_;
  std::map<std::string, entry> entries_;
};

} // namespace hearth::node
