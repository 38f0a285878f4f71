#include "core/defaults_cache.hpp"
#include "node/store/cache_store.hpp"
#include "node/store/disk_error.hpp"
#include "node/store/durable.hpp"
#include "node/store/record_frame.hpp"

#include <kj/io.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <utility>

/// Moves entries of a store to and from archives. An archive is a line that says so, then items: the
/// length of each in 8 bytes, and name and record of an entry with its content, and of its scope, as they lie in a store. An
/// item of no length ends it.
namespace hearth::node {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view heading = "Hearth cache archive 1\n";
constexpr std::size_t number_bytes = 8;

fs::path part_file(const fs::path& archive) { return archive.string() + ".part"; }

void append(const fs::path& archive, bool is_first, std::string_view text) {
  const auto file = part_file(archive);
  const int how = O_WRONLY | O_APPEND | O_CLOEXEC | (is_first ? O_CREAT | O_EXCL : 0);
  const kj::AutoCloseFd fd(::open(file.c_str(), how, 0600));
  if (fd.get() < 0 && is_first && errno == EEXIST)
    throw store_error(ec::bad_request, "There is a file " + file.string()
                                         + ": another export writes it, or one broke off; remove it if none does.");
  if (fd.get() < 0)
    throw_storage_failed("make the file " + file.string(), errno);
  while (!text.empty()) {
    const auto n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      const int error = errno;
      ::unlink(file.c_str());
      throw_storage_failed("write " + file.string(), error);
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd) != 0)
    throw_storage_failed("write " + file.string(), errno);
}

/// An archive takes the place of a file that is there, and of nothing else: not of a device, a pipe or a directory.
void check_place(const fs::path& archive) {
  std::error_code error;
  const auto there = fs::symlink_status(archive, error);
  if (fs::exists(there) && !fs::is_regular_file(there))
    throw store_error(ec::bad_request,
                      archive.string() + " is no file, so no archive takes its place; name another path.");
}

std::string number_text(std::uint64_t value) { return record_writer().u64(value).bytes(); }

/// What an item holds; nothing unless all of it is as it was written.
std::optional<cache_row> row_in(std::string_view item) {
  record_reader in(item);
  const auto name = in.text(), record = in.text(), scope_key = in.text(), scope_record = in.text();
  if (!in.complete())
    return {};
  const auto stored = stored_in(name, record);
  auto scope = scope_in(scope_key, scope_record);
  if (!stored || stored->is_elsewhere || !is_whole(*stored) || !scope || digest_of(*scope) != stored->key.scope)
    return {};
  cache_row row{std::move(*scope), entry_of(*stored), 0};
  row.entry.content = {bytes::copy_of(stored->content), {}};
  return row;
}

/// The item of an entry and its scope; empty when it is not whole.
std::string item_of(std::string_view name, std::string_view record, const stored_entry& stored,
                    std::string_view scope_record, const cache_values& values) {
  if (!is_whole(stored))
    return {};
  std::string with_content;
  if (stored.is_elsewhere) {
    auto value = values.get(stored.value);
    if (!value)
      return {};
    auto entry = entry_of(stored);
    entry.content = std::move(*value);
    with_content = record_of(entry, false);
  }
  record_writer out;
  out.text(name).text(stored.is_elsewhere ? std::string_view(with_content) : record);
  out.text(scope_name(stored.key.scope)).text(scope_record);
  return row_in(out.bytes()) ? out.bytes() : std::string();
}

store_error broken(const fs::path& archive, std::uint64_t at) {
  return {ec::bad_request, "The archive " + archive.string() + " is not whole from byte " + std::to_string(at)
                             + " on; what stands before that was kept."};
}

/// Of an archive that is being read.
class archive_reader {
public:
  explicit archive_reader(const fs::path& archive) : archive_(archive) {
    std::error_code error;
    if (fs::is_regular_file(archive, error)) // else opening it may wait for ever
      in_.open(archive, std::ios::binary);
    if (!in_.is_open())
      throw store_error(ec::bad_request, "There is no archive " + archive.string() + " that this node can read.");
    size_ = fs::file_size(archive);
    std::string begins(heading.size(), '\0');
    if (!in_.read(begins.data(), static_cast<std::streamsize>(begins.size())) || begins != heading)
      throw store_error(ec::bad_request, archive.string() + " is no archive of kept results.");
  }

  void go_to(std::uint64_t at) {
    in_.seekg(static_cast<std::streamoff>(at));
    at_ = at;
  }
  std::uint64_t at() const noexcept { return at_; }
  bool is_at_end() const noexcept { return at_ == size_; }

  /// Empty at the end of the items.
  std::string next() {
    const auto begin = at_;
    const auto length = number(begin);
    return length == 0 ? std::string() : text(length, begin);
  }
  std::uint64_t number(std::uint64_t begin) { return record_reader(text(number_bytes, begin)).u64(); }

private:
  std::string text(std::uint64_t length, std::uint64_t begin) {
    if (at_ > size_ || length > size_ - at_)
      throw broken(archive_, begin);
    std::string found(length, '\0');
    if (!in_.read(found.data(), static_cast<std::streamsize>(length)))
      throw broken(archive_, begin);
    at_ += length;
    return found;
  }

  fs::path archive_;
  std::ifstream in_;
  std::uint64_t size_ = 0, at_ = 0;
};

} // namespace

cache_moved cache_store::save(const fs::path& archive, std::size_t bucket, cache_bounds bounds,
                              std::uint64_t unix_ms) const {
  return as_store_error([&] {
    cache_moved done;
    std::string text;
    const bool is_first = bucket == 0;
    if (is_first) {
      check_place(archive);
      append(archive, true, heading);
    }
    {
      const lmdb_transaction txn(*env_, lmdb_transaction::kind::read);
      each_of_bucket(txn, bucket, [&](std::string_view name, std::string_view record) {
        const auto stored = stored_in(name, record);
        const auto scope_key = stored ? scope_name(stored->key.scope) : std::string();
        const auto scope_record = stored ? txn.get(scope_key).value_or(std::string_view()) : std::string_view();
        const auto scope = scope_in(scope_key, scope_record);
        if (scope && !bounds.allows(*scope, entry_of(*stored), unix_ms))
          return; // an archive must not bring back what somebody took away
        const auto item = stored ? item_of(name, record, *stored, scope_record, *values_) : std::string();
        ++(item.empty() ? done.refused : done.entries);
        if (!item.empty())
          text += number_text(item.size()) + item;
        if (text.size() > defaults::cache_archive_part_bytes)
          append(archive, false, std::exchange(text, {}));
      });
    }
    done.next = bucket + 1;
    done.is_last = done.next >= defaults::cache_buckets;
    if (done.is_last)
      text += number_text(0);
    if (!text.empty())
      append(archive, false, text);
    if (done.is_last)
      move_durably(part_file(archive), archive);
    return done;
  });
}

cache_moved cache_store::load(const fs::path& archive, std::uint64_t at, std::uint64_t generation,
                              std::uint64_t unix_ms) {
  archive_reader from(archive);
  from.go_to(std::max<std::uint64_t>(at, heading.size()));
  cache_moved done;
  std::vector<cache_entry> entries;
  std::vector<cache_scope> scopes;
  const auto keep = [&] {
    const auto before = figures().front().refused;
    put(entries, scopes, unix_ms);
    const auto refused = figures().front().refused - before;
    done.refused += refused;
    done.entries += entries.size() - std::min<std::uint64_t>(refused, entries.size());
  };
  std::uint64_t bytes = 0;
  try {
    while (bytes < defaults::cache_archive_part_bytes && !done.is_last) {
      const auto item = from.next();
      bytes += item.size();
      done.is_last = item.empty();
      if (done.is_last)
        break;
      auto row = row_in(item);
      if (!row) {
        ++done.refused;
        continue;
      }
      if (row->entry.expires_unix_ms != 0 && row->entry.expires_unix_ms <= unix_ms)
        continue;
      row->entry.generation = generation;
      if (std::find(scopes.begin(), scopes.end(), row->scope) == scopes.end())
        scopes.push_back(row->scope);
      entries.push_back(std::move(row->entry));
    }
  } catch (const store_error&) {
    keep();
    throw;
  }
  keep();
  done.next = from.at();
  if (done.is_last && !from.is_at_end())
    throw broken(archive, from.at());
  return done;
}

} // namespace hearth::node
