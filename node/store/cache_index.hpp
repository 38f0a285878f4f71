#pragma once

#include "actors/cache_shelf.hpp"
#include "node/store/cache_record.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

namespace hearth::node {

/// How much a node keeps.
struct cache_limits {
  std::uint64_t bytes_max = 0;                   // of all entries
  std::uint64_t project_bytes_max = 0;           // of those of one project
  std::map<std::string, std::uint64_t> projects; // those with another limit than that
};

/// What the cache knows of its entries without looking at a disk: how much there is, of whom, what it is worth, and marks to
/// compare stores by; about 130 bytes for each. Decides what goes when room is needed: what saves the least time per byte, by
/// GreedyDual-Size-Frequency (Cherkasova 1998, "Improving WWW proxies performance with GreedyDual-Size-Frequency caching
/// policy"): the worth of an entry is the clock at its last use + uses * time saved / bytes, and the clock is at the worth of
/// the last one that went, so that what is not used ages. It is chosen among candidates drawn at random, as Redis does
/// (redis.io, "Key eviction"): keeping all in order would cost more than it brings.
///
/// No disk, no clock; deterministic but for the order of hash tables. One thread at a time.
class cache_index {
public:
  /// What is known of an entry.
  struct card {
    std::uint32_t bytes = 0; // that it counts
    std::uint32_t hits = 0;
    std::uint64_t created_unix_ms = 0, expires_unix_ms = 0;
    std::uint64_t mark = 0;
    double gain = 0; // seconds saved by a hit, per byte
    double worth = 0;
    const digest* scope = nullptr; // lives as long as the card
  };

  /// Entries that go together into one decision: those of a project that lie in the data file, or those in files.
  struct pool {
    std::unordered_map<entry_name, card> cards;
    std::uint64_t bytes = 0;
  };

  enum class cause { evicted, expired, damaged, refused, outdated, mended, forgotten };

  /// An entry that is to go. The scope may be gone with it: it is a copy.
  struct leaving {
    entry_name name;
    digest scope;
  };

  explicit cache_index(cache_limits limits);

  /// Makes a scope known.
  void add_scope(const digest& scope, const std::string& project);
  bool knows(const digest& scope) const { return scopes_.count(scope) > 0; }

  /// About so many entries come: makes room for them, if their scopes are of one project.
  void expect(std::uint64_t entries);

  /// Forgets scopes without entries; which.
  std::vector<digest> drop_unused_scopes();

  /// What an entry counts whose record has so many bytes.
  static std::uint64_t charge_of(const stored_entry& entry, std::uint64_t record_bytes);

  /// What one will count at most, before it has a record.
  static std::uint64_t charge_at_most(const cache_entry& entry);

  /// Adds an entry of a known scope; of one that is there under this name, uses stay.
  void add(const stored_entry& entry, std::uint64_t record_bytes);

  /// Forgets an entry, if it is known. True: it was the last one of its scope, which is unknown from now on.
  bool remove(const entry_name& name, const digest& scope, cause why);

  /// Counts what happened to an entry that is not there; `project` is empty when nobody knows whose it was.
  void count(const std::string& project, cause why);

  void used(const cache_key& key, std::uint32_t times);

  /// Nothing when it is not known. A look at all projects.
  const digest* scope_of(const entry_name& name) const;

  /// 0: not known.
  std::uint64_t hits(const entry_name& name, const digest& scope);

  /// Whether an entry is too old, by itself or for its project.
  bool is_over(const stored_entry& entry, std::uint64_t unix_ms) const;

  /// How many bytes have to go before `bytes` more fit into a project, and into all.
  std::uint64_t excess(const std::string& project, std::uint64_t bytes) const;
  std::uint64_t excess(std::uint64_t bytes) const;
  std::uint64_t limit_of(const std::string& project) const;

  /// What projects may have from now on; of those that are not named what all others may.
  void limit(const cache_bounds::limits& projects);

  /// Whether so much fits into this share of what a project may have, and all of what all may.
  bool fits(double share, const std::string& project, std::uint64_t bytes, std::uint64_t bytes_of_all) const;

  enum class among { all, project, files };

  /// Those that are worth least, until they count `bytes` or are `count`; `project`: whose, if of one only. They stay until
  /// they are removed, but the clock goes on.
  std::vector<leaving> worth_least(among which, const std::string& project, std::uint64_t bytes, std::size_t count);

  /// Of the next `looks` entries, those that have expired. All have their turn.
  std::vector<leaving> expired(std::uint64_t unix_ms, std::size_t looks);

  /// Calls `see` for each.
  void each(const std::function<void(const entry_name&, const card&)>& see) const;

  /// Of all, then of each project.
  std::vector<cache_figures> figures() const;
  const std::string& project_of(const digest& scope) const { return scopes_.at(scope).project; }
  std::uint64_t bytes() const noexcept { return bytes_; }
  std::uint64_t bytes_in_files() const noexcept { return bytes_in_files_; }

  /// Of the entries of each bucket, all marks by exclusive or.
  const std::vector<std::uint64_t>& bucket_digests() const noexcept { return buckets_; }

private:
  struct project {
    std::array<pool, 2> pools; // in the data file, in files
    cache_figures figures;     // entries and bytes are in the pools
  };
  struct scope {
    std::string project;
    std::uint64_t entries = 0;
  };

  std::uint64_t bytes_of(const std::string& project) const;
  std::uint64_t ttl_of(const std::string& project) const; // ms; 0: any time
  std::vector<pool*> pools(among which, const std::string& name);
  /// Takes the card of this name out of a pool of the project; nothing when it is not there.
  std::optional<card> take(project& from, pool& where, const entry_name& name);
  /// What it counts is counted no more.
  void discount(const project& of, pool& where, const std::pair<const entry_name, card>& entry);
  card* find(const entry_name& name, const digest& scope); // nothing when it is not known
  void drop_if_idle(const std::string& name);

  cache_limits limits_;
  std::map<std::string, std::uint64_t> ttls_; // of projects, in milliseconds
  std::map<std::string, project> projects_;
  cache_figures all_; // likewise
  std::unordered_map<digest, scope> scopes_;
  std::uint64_t bytes_ = 0, bytes_in_files_ = 0;
  double clock_ = 0; // of worth
  std::vector<std::uint64_t> buckets_;
  std::minstd_rand random_; // any seed will do: nobody can tell which entries it draws
  // Where `expired` goes on.
  std::string expiry_project_;
  std::size_t expiry_pool_ = 0, expiry_slot_ = 0;
};

} // namespace hearth::node
