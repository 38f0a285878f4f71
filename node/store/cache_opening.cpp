#include "node/store/cache_store.hpp"

#include "core/defaults_cache.hpp"
#include "node/store/disk_error.hpp"
#include "node/store/record_frame.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace hearth::node {

namespace fs = std::filesystem;

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

void cache_store::load_entries(const lmdb_transaction& txn, std::vector<std::string>& wrong) {
  txn.scan({}, [&](std::string_view name, std::string_view record) {
    if (name >= scope_name({}))
      return false;
    const auto stored = stored_in(name, record);
    if (stored && index_.knows(stored->key.scope)) {
      index_.add(*stored, record.size());
      if (stored->is_elsewhere)
        values_->hold(stored->value);
    } else {
      wrong.emplace_back(name);
    }
    return true;
  });
}

} // namespace hearth::node
