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

/// Which entries are good, as the control log has it: from which generation on, and how long. Remembers what it found for a
/// scope. Pure; one thread.
class cache_bounds {
public:
  using generations = std::map<std::string, cluster::log_index>;
  using limits = std::map<std::string, cluster::cache_limit>; // by project

  void learn(std::shared_ptr<const generations> now);
  void learn(std::shared_ptr<const limits> now);

  /// Whether the entry may be served at this time: nobody has invalidated it, and it is not too old for its project.
  bool allows(const cache_scope& scope, const cache_entry& entry, std::uint64_t unix_ms);

  /// When it is too old, for its task or its project, whichever is sooner; 0: never.
  std::uint64_t expiry_of(const cache_scope& scope, const cache_entry& entry) const;

  /// To be written into entries whose execution begins now.
  cluster::log_index newest() const noexcept { return newest_; }

private:
  cluster::log_index bound_of(const std::string& path) const;

  bool is_current(const cache_scope& scope, const cache_entry& entry);

  std::shared_ptr<const generations> now_ = std::make_shared<generations>();
  std::shared_ptr<const limits> limits_ = std::make_shared<limits>();
  cluster::log_index newest_ = 0;
  bool has_entries_ = false; // some scope is a single entry
  std::unordered_map<digest, cluster::log_index> known_;
};

} // namespace hearth
