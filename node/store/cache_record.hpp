#pragma once

#include "actors/cache_shelf.hpp"
#include "node/store/lmdb_env.hpp"
#include "node/wire/cache_scope.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Entries and scopes of the cache as they lie on a disk:
///
///   e <inputs 16> <scope 16>  the entry without its content in a frame (record_type::cache_entry), then the content, unless
///                             it is a file of its own
///   s <scope 32>              record_type::cache_scope
///
/// Names of entries are the beginnings of both digests: shorter keys make a shallower tree. The digests are in the entry, and
/// two keys of one name take each other's place. Inputs come first, so that the keys of one bucket lie together.
namespace hearth::node {

/// The key of an entry's record.
class entry_name {
public:
  static constexpr char letter = 'e';

  explicit entry_name(const cache_key& key) noexcept;

  /// Nothing when `text` is not one.
  static std::optional<entry_name> parse(std::string_view text) noexcept;

  /// What comes first of those whose keys are in `bucket`.
  static std::string first_of(std::size_t bucket);

  std::string_view view() const noexcept { return {text_.data(), text_.size()}; }

  /// What people call the entry: id_of its key.
  std::string id() const;

  /// bucket_of its key.
  std::size_t bucket() const noexcept;

  /// For tables of names. These are digests, so some of their bytes are as good as any hash of them; the ones here put the
  /// names of a scope into a table in their own order, so that a store which is read in that order when it opens fills the
  /// table from one end to the other instead of here and there.
  std::size_t hash() const noexcept;

  friend bool operator==(const entry_name&, const entry_name&) = default;

private:
  entry_name() = default;

  std::array<char, 33> text_{};
};

/// An entry in its record: views are into that.
struct stored_entry {
  cache_key key;
  std::uint64_t generation = 0, overwrite = 0, created_unix_ms = 0, expires_unix_ms = 0;
  std::chrono::nanoseconds run{0};
  digest value;
  std::uint64_t size = 0;
  bool is_elsewhere = false;  // the content is a file
  std::uint64_t checksum = 0; // of the content that is here
  std::string_view producer, holder;
  std::string_view inputs; // digests, one after the other
  std::string_view content;

  bool has_expired(std::uint64_t unix_ms) const noexcept { return is_over(expires_unix_ms, unix_ms); }
};

/// Calls `see(name, record)` for the records of a bucket.
void each_of_bucket(const lmdb_transaction& txn, std::size_t bucket,
                    const std::function<void(std::string_view, std::string_view)>& see);

/// The record of an entry; of its content, which is one part after the other, what is not elsewhere.
std::string record_of(const cache_entry& entry, bool is_elsewhere);

/// Nothing unless everything before the content is as it was written under this name. The content is not looked at.
std::optional<stored_entry> stored_in(std::string_view name, std::string_view record) noexcept;

/// The content that is here is as it was written.
bool is_whole(const stored_entry& entry) noexcept;

/// Without content.
cache_entry entry_of(const stored_entry& entry);

/// What other nodes compare with their own.
cache_mark mark_of(const stored_entry& entry) noexcept;

/// Tells an entry from any other of its key, and of any other key: the same on all nodes. XXH3-64, so not proof against
/// whoever makes results.
std::uint64_t hash_of(const cache_mark& mark) noexcept;

/// The digest of a value's bytes.
digest digest_of(const payload& value);

std::string scope_name(const digest& scope);
std::string record_of(const digest& name, const cache_scope& scope);
/// Nothing unless it is as it was written, and its digest is the name's.
std::optional<cache_scope> scope_in(std::string_view name, std::string_view record);

} // namespace hearth::node

template <>
struct std::hash<hearth::node::entry_name> {
  std::size_t operator()(const hearth::node::entry_name& name) const noexcept { return name.hash(); }
};
