#pragma once

#include "actors/cache_entry.hpp"
#include "cluster/records.hpp"

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

namespace hearth {

/// "project/domain/task/version" as scopes of the control log are named: a "/" or "%" within a part is written "%2F", "%25".
std::string path_of(const cache_scope& scope);

/// The same for one entry: "/" and the digest of its inputs in hex behind it.
std::string path_of(const cache_scope& scope, const digest& inputs);

/// A path of as many of these parts as are given, up to the first empty one.
std::string path_of(const std::vector<std::string>& parts);

/// From when on entries are good, as the control log has it: remembers what it found for a scope. Pure; one thread.
class cache_bounds {
public:
  using generations = std::map<std::string, cluster::log_index>;

  void learn(std::shared_ptr<const generations> now);

  /// Whether the entry may be served.
  bool allows(const cache_scope& scope, const cache_entry& entry);

  /// To be written into entries whose execution begins now.
  cluster::log_index newest() const noexcept { return newest_; }

private:
  cluster::log_index bound_of(const std::string& path) const;

  std::shared_ptr<const generations> now_ = std::make_shared<generations>();
  cluster::log_index newest_ = 0;
  bool has_entries_ = false; // some scope is a single entry
  std::unordered_map<digest, cluster::log_index> known_;
};

} // namespace hearth
