#pragma once

#include "actors/cache_shelf.hpp"
#include "node/store/cache_index.hpp"
#include "node/store/cache_values.hpp"
#include "node/store/lmdb_check.hpp"
#include "node/store/lmdb_env.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace hearth::node {

struct cache_store_config {
  std::filesystem::path directory;
  cache_limits limits;
  double free_share_min = 0; // of the disk; below it the cache does not grow, and gives back what lies in files
  std::function<void(const std::string&)> report; // hears a sentence about damage, and what is refused
  // Hears that a result differs from the one that is kept, although neither was made to replace another: the task is not
  // deterministic, unless its generations tell that the cache was invalidated between the two. Both without content.
  std::function<void(const cache_entry& kept, const cache_entry& other)> diverged;
};

/// The entries of a node, in an LMDB environment of its own (cache_record.hpp tells the layout) and, where their values are
/// large, in files beside it. An entry that is missing costs time, one that is wrong costs trust: so the last commit before a
/// crash of the machine may be lost, a store that is damaged or of a newer Hearth is set aside and a new one begins, and no
/// byte is believed that its checksum does not confirm: of an entry's head when the store is opened, of all of it when it is
/// read.
///
/// `find` runs on the loop's thread, and waits neither for the disk's writer nor for room to be made: it reads a snapshot of
/// LMDB, and leaves a note of what it saw (the only thing shared, besides the evicted keys). Everything else blocks, and runs
/// on the writer's thread, and throws store_error; no commit is half made then.
class cache_store final : public cache_shelf {
public:
  /// Makes the directory. One process per directory.
  explicit cache_store(cache_store_config config);

  std::optional<shelved> find(const cache_key& key, std::uint64_t unix_ms) override;
  void used(const cache_key& key, std::uint32_t times) noexcept override;

  /// On any thread.
  bool was_evicted(const cache_key& key) const noexcept override;

  // -- on the writer's thread ----

  /// Keeps these, in as few commits as there is room for. Each names its scope by digest; a scope that is new has to come
  /// along. False: some were refused, because they are larger than what their project may have, or are not what they say;
  /// they are counted. When it throws, all those are that are not kept.
  bool put(std::vector<cache_entry> entries, const std::vector<cache_scope>& scopes, std::uint64_t unix_ms);

  /// The content of an entry. Error gone when it is not there, or damaged: then it is removed.
  payload read(const cache_key& key);

  /// What `bounds` allows of a listing at this time: a look at every card, and one read for each that is returned; a read for each that
  /// matches, where those near a key come first: a second or two for a million.
  std::vector<cache_row> list(const cache_listing& what, cache_bounds bounds, std::uint64_t unix_ms);

  /// Removes what matches, some at a time; how many there were.
  std::uint64_t forget(const cache_filter& filter);

  /// Reads all entries with their values, and removes what is damaged. Takes as long as it takes.
  cache_check verify();

  /// Appends the entries of a bucket, with their values, to an archive; `next` is the next bucket. The first makes a file
  /// beside it, which takes its place with the last.
  cache_moved save(const std::filesystem::path& archive, std::size_t bucket, cache_bounds bounds,
                   std::uint64_t unix_ms) const;

  /// Keeps some of what is in an archive from this byte on, as of this generation; `next` is where to go on. Error
  /// bad_request when it is none, or not whole; what stands before that is kept.
  cache_moved load(const std::filesystem::path& archive, std::uint64_t at, std::uint64_t generation,
                   std::uint64_t unix_ms);

  /// What projects may have from now on, and for how long; `tidy` sees to it.
  void limit(const cache_bounds::limits& projects) { index_.limit(projects); }

  /// Removes what was found damaged, some of what has expired, and what is too much.
  void tidy(std::uint64_t unix_ms);

  /// Of all, then of each project.
  std::vector<cache_figures> figures();

  // Against another node's store (cache_mending.cpp).

  cache_sums sums();

  /// What is in these buckets; of the last ones nothing when there are too many of them.
  std::vector<cache_mark> marks(const std::vector<std::uint32_t>& buckets, std::uint64_t unix_ms) const;

  /// Does not count as a use.
  cache_parcel parcel(const std::vector<cache_key>& keys, std::uint64_t unix_ms);

  /// Keeps what another node had, unless something would have to go for it; how many entries changed by that.
  std::uint64_t mend(std::vector<cache_row> rows, std::uint64_t unix_ms);

  /// Reads some buckets, and removes what is damaged or outdated; the next bucket, 0 after the last one.
  std::uint32_t look_through(const cache_look& where);

private:
  using cause = cache_index::cause;
  using leaving = cache_index::leaving;
  using scopes_by_name = std::unordered_map<digest, cache_scope>;

  /// An entry for a listing.
  struct candidate {
    leaving which;
    std::uint64_t created_unix_ms = 0;
    key_distance away{}; // from the key that the listing is about
  };

  /// What `find` leaves for the writer's thread.
  struct notes {
    std::unordered_map<cache_key, std::uint32_t> uses;
    std::vector<cache_key> damaged;
    std::string failure; // why LMDB could not be read, the last time
  };
  struct batch;

  void open();
  void load();
  void load_scopes(const lmdb_transaction& txn, std::vector<std::string>& wrong);
  void load_entries(const lmdb_transaction& txn, std::vector<std::string>& wrong);
  void set_aside(const damaged_store& why);
  std::filesystem::path aside() const;
  void say(const std::string& what) const;

  void note_damage(const cache_key& key);
  void settle();

  using named_scopes = std::map<digest, const cache_scope*>;
  struct progress {
    std::size_t looked_at = 0, changed = 0; // entries
  };
  progress put_some(std::span<cache_entry> entries, const named_scopes& scopes, std::uint64_t unix_ms,
                    std::optional<cause> counts_as = {});
  batch admit(std::span<cache_entry> entries, const named_scopes& scopes, std::uint64_t unix_ms);
  bool is_acceptable(cache_entry& entry, const std::string& project, std::uint64_t room);
  void refuse(const std::string& project, const std::string& why);
  void tell_refused(std::uint64_t unix_ms);
  void put_one(lmdb_transaction& txn, const cache_entry& entry, batch& into, std::uint64_t unix_ms);
  void apply(const batch& done, std::optional<cause> counts_as);

  void make_room(const std::map<std::string, std::uint64_t>& coming);
  std::uint64_t lack() const;
  void evict(cache_index::among which, const std::string& project, const std::function<std::uint64_t()>& excess);
  void remember_evicted(const entry_name& name) noexcept;
  void forget_evicted(const entry_name& name) noexcept;
  void remove(const std::vector<leaving>& which, cause why);
  void write(std::uint64_t bytes, const std::function<void(lmdb_transaction&)>& work);

  struct finding;
  finding look_at(std::uint32_t bucket, cache_bounds& bounds) const;
  scopes_by_name scopes_matching(const cache_filter& filter) const;
  std::vector<candidate> matching(const cache_filter& filter, const scopes_by_name& scopes) const;
  void compare(std::vector<candidate>& those, const cache_row& near, const scopes_by_name& scopes) const;

  const cache_store_config config_;
  cache_index index_;
  std::optional<cache_values> values_;
  mutable std::optional<lmdb_env> env_;             // reading it begins transactions
  std::optional<lmdb_transaction> reader_;          // of `find`; ends before the environment does
  std::vector<std::atomic<std::uint64_t>> evicted_; // hashes of names, each at its own place
  std::uint64_t refused_ = 0;                       // and not told yet
  std::string refusal_;                             // why, the last of them
  std::uint64_t refusal_told_unix_ms_ = 0;
  std::string failure_; // that was said last
  std::mutex mutex_;    // of the notes
  notes notes_;
};

} // namespace hearth::node
