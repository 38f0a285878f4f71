#include "node/store/bundle_store.hpp"

#include "core/defaults.hpp"
#include "node/store/digest.hpp"
#include "node/store/durable.hpp"
#include "node/store/store_error.hpp"
#include "node/store/unpack.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <string_view>
#include <system_error>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  file >> id;
  return id.empty() ? "unknown" : id;
}

void check_write(std::ofstream& file, const fs::path& path) {
  if (!file.flush())
    throw_storage_failed("write " + path.string(), errno);
}

/// Empty when the file cannot be read to its end.
std::string digest_of_file(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  sha256 sum;
  std::vector<char> block(defaults::mib);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0)
    sum.add({block.data(), static_cast<std::size_t>(file.gcount())});
  return file.eof() ? sum.hex() : std::string{};
}

void write_archive(const fs::path& path, const std::vector<bytes>& parts) {
  std::ofstream file(path, std::ios::binary);
  for (const auto& part : parts)
    file.write(part.data(), static_cast<std::streamsize>(part.size()));
  check_write(file, path);
}

/// A tree that cannot be removed is in the way of nothing but the disk's space; the next start tries again.
void remove_tree(const fs::path& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

void rename_or_throw(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error)
    throw_storage_failed("rename " + from.string() + " to " + to.filename().string(), error.value());
}

} // namespace

bundle_store::bundle_store(fs::path directory, bundle_limits limits)
  : directory_(std::move(directory)), limits_(limits), boot_(boot_id()) {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error)
    throw_storage_failed("make the directory " + directory_.string(), error.value());
  fs::permissions(directory_, fs::perms::owner_all, error);
  load();
  evict();
}

void bundle_store::load() {
  std::error_code error;
  for (fs::directory_iterator i(directory_, error), end; !error && i != end; i.increment(error)) {
    const auto name = i->path().filename().string();
    if (name.starts_with(unfinished)) {
      remove_tree(i->path());
      continue;
    }
    std::ifstream mark(i->path() / "complete");
    std::string boot;
    entry e;
    if (!is_sha256(name) || !(mark >> boot >> e.bytes))
      continue;
    e.is_checked = boot == boot_;
    e.used = fs::last_write_time(i->path() / "complete", error);
    entries_.emplace(name, e);
  }
  if (error)
    throw_storage_failed("read the directory " + directory_.string(), error.value());
}

void bundle_store::touch(const std::string& digest, entry& e) {
  e.used = clock::now();
  std::error_code ignored; // only the order in which bundles are removed hangs on it
  fs::last_write_time(directory_ / digest / "complete", e.used, ignored);
}

/// Whether the bundle can be used; makes its tree anew when the machine may have lost some of it.
bool bundle_store::check(const std::string& digest, entry& e) {
  const auto home = directory_ / digest;
  std::error_code error;
  if (e.is_checked && fs::is_directory(home / "tree", error))
    return true;
  if (e.open > 0 || digest_of_file(home / "bundle.tar") != digest)
    return false;
  remove_tree(home / "tree");
  e.bytes = make_tree(home);
  e.is_checked = true;
  return true;
}

bool bundle_store::has(const std::string& digest) {
  auto found = entries_.find(digest);
  if (found == entries_.end())
    return false;
  if (!check(digest, found->second)) {
    if (found->second.open == 0)
      remove(digest);
    return false;
  }
  touch(digest, found->second);
  return true;
}

/// Unpacks `home`/bundle.tar beside itself and marks `home` complete; the bytes of both.
std::uint64_t bundle_store::make_tree(const fs::path& home) const {
  const auto tree = home / "tree";
  std::error_code error;
  fs::create_directory(tree, error);
  if (error)
    throw_storage_failed("make the directory " + tree.string(), error.value());
  const auto archive = home / "bundle.tar";
  auto bytes = unpack(archive, tree, {defaults::bundle_unpacked_bytes_max, defaults::bundle_files_max});
  bytes += fs::file_size(archive);
  write_mark(home, bytes);
  return bytes;
}

void bundle_store::write_mark(const fs::path& home, std::uint64_t bytes) const {
  const auto path = home / "complete";
  std::ofstream file(path);
  file << boot_ << ' ' << bytes << '\n';
  check_write(file, path);
}

void bundle_store::put(const std::string& digest, const std::vector<bytes>& parts) {
  if (!is_sha256(digest))
    throw store_error(ec::bad_request,
                      "A code bundle is named by its SHA-256 in 64 hex digits, not by \"" + digest + "\".");
  if (sha256_of_parts(parts) != digest)
    throw store_error(ec::bad_request, "The bytes of the code bundle do not have the digest " + digest
                                         + " that they were sent with; send it again.");
  if (has(digest))
    return;
  const auto fresh = directory_ / (std::string(unfinished) + digest);
  remove_tree(fresh);
  entry e;
  try {
    fs::create_directories(fresh); // somebody may have removed the whole state
    write_archive(fresh / "bundle.tar", parts);
    e.bytes = make_tree(fresh);
    remove_tree(directory_ / digest); // of an entry without its mark
    rename_or_throw(fresh, directory_ / digest);
  } catch (const fs::filesystem_error& error) {
    remove_tree(fresh);
    throw_storage_failed("store the code bundle in " + directory_.string(), error.code().value());
  } catch (const store_error&) {
    remove_tree(fresh);
    throw;
  }
  e.used = clock::now();
  e.is_checked = true;
  if (auto broken = entries_.find(digest); broken != entries_.end())
    e.open = broken->second.open;
  ++e.open; // not this one, however large it is
  entries_.insert_or_assign(digest, e);
  evict();
  close(digest);
}

std::vector<bytes> bundle_store::read(const std::string& digest) {
  const auto path = directory_ / digest / "bundle.tar";
  if (!has(digest))
    throw store_error(ec::unknown_bundle, "The node does not have code bundle " + digest + ".");
  std::ifstream file(path, std::ios::binary);
  std::vector<bytes> parts;
  std::string block(defaults::mib, '\0');
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0)
    parts.push_back(bytes::copy_of({block.data(), static_cast<std::size_t>(file.gcount())}));
  if (!file.eof())
    throw_storage_failed("read " + path.string(), errno);
  return parts;
}

fs::path bundle_store::open(const std::string& digest) {
  if (!has(digest))
    throw store_error(ec::unknown_bundle,
                      "The node does not have code bundle " + digest + "; run the program again to send it.");
  ++entries_[digest].open;
  return directory_ / digest / "tree";
}

void bundle_store::close(const std::string& digest) {
  if (auto found = entries_.find(digest); found != entries_.end() && found->second.open > 0)
    --found->second.open;
}

void bundle_store::remove(const std::string& digest) {
  const auto gone = directory_
                    / (std::string(unfinished) + digest); // a crash meanwhile leaves nothing that looks whole
  std::error_code error;
  fs::rename(directory_ / digest, gone, error);
  remove_tree(error ? directory_ / digest : gone);
  entries_.erase(digest);
}

void bundle_store::evict() {
  std::uint64_t total = 0;
  std::vector<std::pair<clock::time_point, std::string>> unused;
  for (const auto& [digest, e] : entries_) {
    total += e.bytes;
    if (e.open == 0)
      unused.emplace_back(e.used, digest);
  }
  std::sort(unused.begin(), unused.end());
  const auto oldest = clock::now() - limits_.age;
  for (const auto& [used, digest] : unused) {
    if (used >= oldest && total <= limits_.bytes)
      break;
    total -= entries_[digest].bytes;
    remove(digest);
  }
}

} // namespace hearth::node
