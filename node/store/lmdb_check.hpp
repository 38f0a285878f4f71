#pragma once

#include "node/store/store_error.hpp"

#include <cstdint>
#include <filesystem>

namespace hearth::node {

/// A file of the store is not what was written. The text is a sentence for a person, and says what to do.
struct damaged_store : store_error {
  explicit damaged_store(const std::string& what) : store_error(ec::storage_failed, what) {}
};

/// What the file of an LMDB environment says about itself.
struct lmdb_file_state {
  std::uint64_t transaction = 0; // of the last commit
  std::uint64_t pages = 0;       // in use or free
};

/// Reads the skeleton of an LMDB 0.9 data file (both meta pages, every page of both trees, the list of free pages) without
/// LMDB, which maps the file and dies of a signal, or loops, where a page leads astray: it checks neither the file's size
/// nor what a page holds. Afterwards LMDB finds every page it will follow inside of the file and used once. Contents are
/// for the checksums of records. Nobody may write to the file meanwhile.
///
/// Throws damaged_store, whose text begins with what is wrong and ends with `what_to_do`; store_error when the file cannot
/// be read. The layout: mdb.c of LMDB 0.9.24, MDB_meta, MDB_page and MDB_node.
lmdb_file_state check_lmdb_file(const std::filesystem::path& file, std::string_view what_to_do);

} // namespace hearth::node
