#pragma once

#include "actors/cache_rows.hpp"
#include "actors/cache_wire.hpp"
#include "actors/messages.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

namespace hearth {

using audited_place = std::tuple<std::string, std::string, std::string, std::string>; // down to the version

/// Which hits execute once more, and what came of those that did: whoever keeps results of a task that is not deterministic
/// finds out. Pure; of one node.
class cache_audit {
public:
  /// From now on this share of the hits that match, until defaults::cache_audit_lease later. What was counted counts on while
  /// orders follow each other, and begins anew after a pause. A share of 0 changes nothing.
  void order(const cache_audit_order& what, instant now);

  /// Whether any may.
  bool lasts(instant now) const { return now < ends_; }

  /// Whether a hit with a value of so many bytes is to execute once more. Of many equal calls it chooses evenly.
  bool wants(const cache_scope& scope, std::uint64_t size, instant now);

  /// What came of one.
  void note(const cache_scope& scope, repetition outcome, const std::string& producer);

  /// Of each version of a task.
  std::vector<cache_audit_row> rows() const;

private:
  cache_audit_order order_;
  instant ends_{};
  std::uint64_t due_ = 0; // millionths of a repetition
  std::map<audited_place, cache_audit_row> rows_;
};

/// What several nodes counted, as one.
std::vector<cache_audit_row> summed(const std::vector<cache_audit_row>& all);

/// Whether two values are the same bytes, in whatever parts they come.
bool is_same(const payload& a, const payload& b);

void write(cache_writer& out, const cache_audit_order& order);
cache_audit_order read_audit_order(cache_reader& from);
void write(cache_writer& out, const cache_audit_row& row);
cache_audit_row read_audit_row(cache_reader& from);

} // namespace hearth
