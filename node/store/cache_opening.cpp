#include "node/store/cache_store.hpp"

#include "core/defaults_cache.hpp"
#include "node/store/disk_error.hpp"
#include "node/store/record_frame.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

/// A record as it lies in the file: views into it.
struct record {
  std::string_view name;
  std::optional<stored_entry> entry; // nothing: damaged
  std::size_t bytes = 0;
};

/// Batches of records on their way from one thread to another, few at a time.
class hand_over {
public:
  using batch = std::vector<record>;

  static constexpr std::size_t batch_records = 64; // 20 KB: larger ones would be fresh memory of the system each time

  static batch empty() {
    batch made;
    made.reserve(batch_records);
    return made;
  }

  /// Waits for room. False: nobody takes any more.
  bool put(batch&& what, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait(lock, stop, [this] { return batches_.size() < batches_max; }))
      return false;
    batches_.push_back(std::move(what));
    changed_.notify_all();
    return true;
  }

  /// No further ones come; `why`: because of this.
  void end(std::exception_ptr why) {
    const std::lock_guard lock(mutex_);
    failed_ = std::move(why);
    is_over_ = true;
    changed_.notify_all();
  }

  /// Waits for the next. Nothing after the last; throws that for which there are no more.
  std::optional<batch> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_over_ || !batches_.empty(); });
    if (batches_.empty()) {
      if (failed_)
        std::rethrow_exception(failed_);
      return {};
    }
    std::optional<batch> next(std::move(batches_.front()));
    batches_.pop_front();
    changed_.notify_all();
    return next;
  }

private:
  static constexpr std::size_t batches_max = 64;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<batch> batches_;
  std::exception_ptr failed_;
  bool is_over_ = false;
};

/// Takes the records of entries out of the file, and understands them. On a thread of its own, which alone uses `txn`.
void read_entries(const lmdb_transaction& txn, hand_over& to, const std::stop_token& stop) {
  try {
    auto next = hand_over::empty();
    txn.scan({}, [&](std::string_view name, std::string_view content) {
      if (name >= scope_name({}))
        return false;
      next.push_back({name, stored_in(name, content), content.size()});
      return next.size() < hand_over::batch_records || to.put(std::exchange(next, hand_over::empty()), stop);
    });
    to.put(std::move(next), stop);
    to.end(nullptr);
  } catch (...) {
    to.end(std::current_exception());
  }
}

} // namespace

cache_store::cache_store(cache_store_config config)
  : config_(std::move(config)), index_(config_.limits), evicted_(defaults::cache_evicted_kept) {
  as_store_error([&] {
    try {
      open();
    } catch (const damaged_store& e) {
      set_aside(e);
      open();
      index_.count({}, cause::damaged); // once: nobody can tell how many entries it had
    }
  });
}

void cache_store::say(const std::string& what) const {
  if (config_.report)
    config_.report(what);
}

fs::path cache_store::aside() const { return config_.directory.string() + ".aside"; }

/// The last one that was set aside goes: a disk that spoils stores is not to be filled with them.
void cache_store::set_aside(const damaged_store& why) {
  reader_.reset();
  env_.reset();
  values_.reset();
  index_ = cache_index(config_.limits);
  std::error_code error;
  fs::remove_all(aside(), error);
  if (!error)
    fs::rename(config_.directory, aside(), error);
  if (error)
    throw_storage_failed("move " + config_.directory.string() + " to " + aside().string(), error.value());
  say(why.what());
}

void cache_store::open() {
  const auto file = config_.directory / "data.mdb";
  std::error_code error;
  if (fs::exists(config_.directory, error) && !fs::is_directory(config_.directory, error))
    throw damaged_store(config_.directory.string() + " is no directory. The cache begins anew; what was there is "
                        + aside().string() + " and may be removed.");
  values_.emplace(config_.directory / "values");
  fs::permissions(config_.directory, fs::perms::owner_all, error);
  if (error)
    throw_storage_failed("close the directory " + config_.directory.string() + " to others", error.value());
  std::uint64_t size = 0;
  if (fs::exists(file, error)) {
    check_lmdb_file(file, "The cache begins anew; the old one is in " + aside().string() + " and may be removed.");
    size = fs::file_size(file, error);
  }
  const auto map = defaults::cache_map_factor * config_.limits.bytes_max + size + defaults::cache_map_bytes_min;
  env_.emplace(config_.directory, map, lmdb_env::durability::last_lost);
  load();
  reader_.emplace(*env_, lmdb_transaction::kind::read);
  reader_->rest();
}

void cache_store::load() {
  std::vector<std::string> wrong;
  {
    const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
    load_scopes(txn, wrong);
    load_entries(txn, wrong);
  }
  for (std::size_t i = 0; i < wrong.size(); ++i)
    index_.count({}, cause::damaged);
  if (!wrong.empty())
    say(std::to_string(wrong.size()) + " records of the cache in " + config_.directory.string()
        + " are damaged and removed; those calls are executed again. Check the disk.");
  for (const auto& scope : index_.drop_unused_scopes())
    wrong.push_back(scope_name(scope));
  for (std::size_t first = 0; first < wrong.size(); first += defaults::cache_removed_at_once)
    write(0, [&](lmdb_transaction& txn) {
      const auto end = std::min(wrong.size(), first + defaults::cache_removed_at_once);
      for (auto i = first; i < end; ++i)
        txn.remove(wrong[i]);
    });
  values_->sweep();
}

void cache_store::load_scopes(const lmdb_transaction& txn, std::vector<std::string>& wrong) {
  const auto first = scope_name({});
  txn.scan(first, [&](std::string_view name, std::string_view record) {
    if (format_of(name, record) > record_format)
      throw damaged_store("The cache in " + config_.directory.string()
                          + " was written by a newer Hearth. It begins anew; the " + "old one is in " + aside().string()
                          + " and may be removed.");
    if (const auto scope = scope_in(name, record))
      index_.add_scope(digest::at(name.data() + name.size() - sizeof(digest)), scope->project);
    else
      wrong.emplace_back(name);
    return true;
  });
}

/// Reading and remembering go on side by side, each of them half of the time that a large cache takes to open.
void cache_store::load_entries(const lmdb_transaction& txn, std::vector<std::string>& wrong) {
  index_.expect(txn.count());
  hand_over found;
  const std::jthread reader([&](const std::stop_token& stop) { read_entries(txn, found, stop); });
  while (const auto batch = found.take())
    for (const auto& [name, entry, bytes] : *batch)
      if (entry && index_.knows(entry->key.scope)) {
        index_.add(*entry, bytes);
        if (entry->is_elsewhere)
          values_->hold(entry->value);
      } else {
        wrong.emplace_back(name);
      }
}

} // namespace hearth::node
