#include "actors/cache_bounds.hpp"

#include "core/defaults.hpp"

#include <algorithm>
#include <utility>

namespace hearth {

namespace {

constexpr auto parts_of_an_entry = 5;

void add_part(std::string& path, const std::string& part) {
  for (const char c : part)
    if (c == '/')
      path += "%2F";
    else if (c == '%')
      path += "%25";
    else
      path += c;
}

} // namespace

std::string path_of(const std::vector<std::string>& parts) {
  std::string path;
  for (const auto& part : parts) {
    if (part.empty())
      break;
    if (!path.empty())
      path += '/';
    add_part(path, part);
  }
  return path;
}

std::string path_of(const cache_scope& scope) {
  return path_of(std::vector{scope.project, scope.domain, scope.task, scope.version});
}

std::string path_of(const cache_scope& scope, const digest& inputs) { return path_of(scope) + '/' + to_string(inputs); }

void cache_bounds::learn(std::shared_ptr<const generations> now) {
  now_ = std::move(now);
  known_.clear();
  has_entries_ = false;
  for (const auto& [path, index] : *now_) {
    newest_ = std::max(newest_, index);
    has_entries_ = has_entries_ || std::count(path.begin(), path.end(), '/') == parts_of_an_entry - 1;
  }
}

cluster::log_index cache_bounds::bound_of(const std::string& path) const {
  cluster::log_index bound = 0;
  for (auto part = path;;) {
    if (const auto found = now_->find(part); found != now_->end())
      bound = std::max(bound, found->second);
    if (part.empty())
      return bound;
    const auto slash = part.rfind('/');
    part.resize(slash == std::string::npos ? 0 : slash);
  }
}

void cache_bounds::learn(std::shared_ptr<const limits> now) { limits_ = std::move(now); }

std::uint64_t cache_bounds::expiry_of(const cache_scope& scope, const cache_entry& entry) const {
  const auto limit = limits_->empty() ? limits_->end() : limits_->find(scope.project);
  return hearth::expiry_of(entry.created_unix_ms, entry.expires_unix_ms,
                           limit == limits_->end() ? 0 : limit->second.ttl_ms);
}

bool cache_bounds::allows(const cache_scope& scope, const cache_entry& entry, std::uint64_t unix_ms) {
  return !is_over(expiry_of(scope, entry), unix_ms) && is_current(scope, entry);
}

bool cache_bounds::is_current(const cache_scope& scope, const cache_entry& entry) {
  if (now_->empty())
    return true;
  const auto known = known_.find(entry.key.scope);
  if (known == known_.end() && known_.size() >= defaults::cache_bounds_known_max)
    known_.clear();
  const auto bound = known != known_.end()
                       ? known->second
                       : known_.insert_or_assign(entry.key.scope, bound_of(path_of(scope))).first->second;
  if (entry.generation < bound)
    return false;
  if (!has_entries_)
    return true;
  const auto own = now_->find(path_of(scope, entry.key.inputs));
  return own == now_->end() || entry.generation >= own->second;
}

} // namespace hearth
