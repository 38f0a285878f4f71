#pragma once

#include "core/ids.hpp"

#include <map>
#include <string>

namespace hearth::cluster {

/// Where the acts of an environment's owner meet the node on which they happen: whoever has heard of a higher epoch refuses
/// a lower one (I4). It forgets with its process, which is right: so do the replicas behind it.
class fence {
public:
  /// `lets_all_pass`: a deliberate fault, for tests of the tests.
  explicit fence(bool lets_all_pass = false) : lets_all_pass_(lets_all_pass) {}

  /// Whether a higher epoch of this environment was heard of.
  bool refuses(const std::string& key, hearth::epoch of) const {
    const auto known = highest_.find(key);
    return known != highest_.end() && of < known->second && !lets_all_pass_;
  }

  /// From now on lower ones are refused. False: it is no epoch, or is refused itself.
  bool raise(const std::string& key, hearth::epoch to) {
    if (!to || refuses(key, to))
      return false;
    highest_[key] = to;
    return true;
  }

  /// None: nothing was heard.
  hearth::epoch highest(const std::string& key) const {
    const auto known = highest_.find(key);
    return known == highest_.end() ? hearth::epoch{} : known->second;
  }

private:
  bool lets_all_pass_ = false;
  std::map<std::string, hearth::epoch> highest_;
};

} // namespace hearth::cluster
