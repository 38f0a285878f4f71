#pragma once

#include "actors/cache_entry.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <unordered_map>

namespace hearth::node {

/// The large values of the cache, each a file named by its digest, which all entries with that value share. A file is written
/// under another name, forced to disk and renamed, and checked at every read; it goes with the last entry that refers to it.
///
/// Throws store_error. Blocks; one thread at a time.
class cache_values {
public:
  /// Makes the directory.
  explicit cache_values(std::filesystem::path directory);

  /// Makes sure that the value is there as a whole.
  void put(const digest& name, const payload& value);

  /// Removes it, unless something refers to it.
  void discard(const digest& name) const;

  /// In parts of at most a frame. Nothing when it is not there, or not what was put.
  std::optional<payload> get(const digest& name) const;
  /// Whether a file of so many bytes is there.
  bool has(const digest& name, std::uint64_t size) const;

  /// An entry that refers to this file begins to exist, and ceases to.
  void hold(const digest& name);
  void release(const digest& name);

  /// Removes what nothing refers to, and what an earlier process left half made.
  void sweep() const;

private:
  std::filesystem::path file_of(const digest& name) const;

  std::filesystem::path directory_;
  std::unordered_map<digest, std::uint64_t> holders_;
};

} // namespace hearth::node
