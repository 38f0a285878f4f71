#include "node/store/cache_values.hpp"

#include "core/defaults.hpp"
#include "node/store/cache_record.hpp"
#include "node/store/durable.hpp"
#include "node/store/store_error.hpp"

#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace hearth::node {

namespace fs = std::filesystem;

cache_values::cache_values(fs::path directory) : directory_(std::move(directory)) {
  make_private_directory(directory_);
}

fs::path cache_values::file_of(const digest& name) const { return directory_ / to_string(name); }

void cache_values::put(const digest& name, const payload& value) {
  // One that lies there is read: it may be broken, and this is the moment at which it can be had again.
  if (holders_.count(name) > 0 && get(name))
    return;
  std::vector<bytes> parts{value.head};
  parts.insert(parts.end(), value.rest.begin(), value.rest.end());
  const auto file = file_of(name);
  auto fresh = file;
  fresh += ".new";
  write_durably(fresh, parts);
  move_durably(fresh, file);
}

std::optional<payload> cache_values::get(const digest& name) const {
  auto parts = read_parts(file_of(name), defaults::frame_body_bytes_max, defaults::value_bytes_max);
  if (!parts || parts->empty())
    return {};
  payload value{std::move(parts->front()), {parts->begin() + 1, parts->end()}};
  return digest_of(value) == name ? std::optional(std::move(value)) : std::nullopt;
}

bool cache_values::has(const digest& name, std::uint64_t size) const {
  std::error_code none;
  return fs::file_size(file_of(name), none) == size && !none;
}

void cache_values::hold(const digest& name) { ++holders_[name]; }

void cache_values::release(const digest& name) {
  const auto found = holders_.find(name);
  if (found == holders_.end() || --found->second > 0)
    return;
  holders_.erase(found);
  discard(name);
}

void cache_values::discard(const digest& name) const {
  std::error_code ignored; // what stays is removed at the next start
  if (holders_.count(name) == 0)
    fs::remove(file_of(name), ignored);
}

void cache_values::sweep() const {
  std::error_code error;
  std::vector<fs::path> left;
  for (fs::directory_iterator i(directory_, error), end; !error && i != end; i.increment(error)) {
    const auto name = parse_digest(i->path().filename().string());
    if (!name || holders_.count(*name) == 0)
      left.push_back(i->path());
  }
  if (error)
    throw_storage_failed("read the directory " + directory_.string(), error.value());
  for (const auto& file : left)
    fs::remove(file, error); // what stays is tried again
}

} // namespace hearth::node
