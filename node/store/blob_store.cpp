#include "node/store/blob_store.hpp"

#include "core/defaults.hpp"
#include "node/store/digest.hpp"
#include "node/store/durable.hpp"
#include "node/store/store_error.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>

namespace hearth::node {

namespace fs = std::filesystem;

blob_store::blob_store(fs::path directory, blob_limits limits, report damaged)
  : directory_(std::move(directory)), limits_(limits), damaged_(std::move(damaged)) {
  make_private_directory(directory_);
  load();
}

void blob_store::load() {
  std::error_code error;
  for (fs::directory_iterator i(directory_, error), end; !error && i != end; i.increment(error)) {
    const auto name = i->path().filename().string();
    std::error_code ignored; // a file that cannot be looked at counts nothing, and is found broken when it is read
    if (name.starts_with(unfinished))
      fs::remove(i->path(), ignored);
    if (!is_sha256(name))
      continue;
    const auto size = i->file_size(ignored);
    const entry e{ignored ? 0 : size, i->last_write_time(ignored)};
    bytes_ += e.bytes;
    entries_.emplace(name, e);
  }
  if (error)
    throw_storage_failed("read the directory " + directory_.string(), error.value());
}

void blob_store::touch(const std::string& digest, entry& e) {
  e.used = clock::now();
  std::error_code ignored; // only the order in which blobs are removed hangs on it
  fs::last_write_time(directory_ / digest, e.used, ignored);
}

std::string blob_store::put(const std::vector<bytes>& parts) {
  auto digest = sha256_of_parts(parts);
  // One that lies there is read: it may be broken, and this is the moment at which it can be had again.
  if (entries_.count(digest) > 0 && get(digest))
    return digest;
  entry e;
  for (const auto& part : parts)
    e.bytes += part.size();
  make_room(e.bytes);
  if (bytes_ + e.bytes > limits_.bytes)
    throw store_error(ec::storage_failed, "The node keeps " + std::to_string(limits_.bytes / defaults::mib)
                                            + " MiB of large values in " + directory_.string()
                                            + " and needs all of them; wait until runs have ended, or abort some.");
  const auto fresh = directory_ / (std::string(unfinished) + digest);
  write_durably(fresh, parts);
  move_durably(fresh, directory_ / digest);
  e.used = clock::now();
  bytes_ += e.bytes;
  entries_.insert_or_assign(digest, e);
  return digest;
}

std::optional<std::vector<bytes>> blob_store::get(const std::string& digest) {
  const auto found = entries_.find(digest);
  if (found == entries_.end())
    return {};
  const auto file = directory_ / digest;
  auto parts = read_parts(file, defaults::frame_body_bytes_max, defaults::value_bytes_max);
  if (parts && sha256_of_parts(*parts) == digest) {
    touch(digest, found->second);
    return parts;
  }
  remove(digest);
  if (damaged_)
    damaged_("The value in " + file.string()
             + " was missing or not what was stored, and is removed; whoever needs it makes it again. Check the disk.");
  return {};
}

bool blob_store::has(const std::string& digest) {
  const auto found = entries_.find(digest);
  std::error_code error;
  if (found == entries_.end() || !fs::exists(directory_ / digest, error))
    return false;
  touch(digest, found->second);
  return true;
}

void blob_store::remove(const std::string& digest) {
  const auto found = entries_.find(digest);
  if (found == entries_.end())
    return;
  std::error_code error;
  fs::remove(directory_ / digest, error);
  if (error)
    throw_storage_failed("remove " + (directory_ / digest).string(), error.value());
  bytes_ -= found->second.bytes;
  entries_.erase(found);
}

void blob_store::pin(std::set<std::string> digests) {
  pinned_ = std::move(digests);
  make_room(0);
}

void blob_store::make_room(std::uint64_t bytes) {
  if (!pinned_)
    return;
  const auto now = clock::now();
  std::vector<std::pair<clock::time_point, std::string>> unused;
  for (const auto& [digest, e] : entries_)
    if (pinned_->count(digest) == 0 && e.used < now - limits_.grace)
      unused.emplace_back(e.used, digest);
  std::sort(unused.begin(), unused.end());
  for (const auto& [used, digest] : unused) {
    if (used >= now - limits_.age && bytes_ + bytes <= limits_.bytes)
      break;
    remove(digest);
  }
}

} // namespace hearth::node
