#pragma once

#include "cluster/commands.hpp"

#include <variant>
#include <vector>

/// What an applied command changed, for those who react to it.
namespace hearth::cluster::facts {

struct member_changed {
  node_uuid node;

  bool operator==(const member_changed&) const = default;
};

struct seat_began {
  seat_id seat;
  node_uuid node;

  bool operator==(const seat_began&) const = default;
};

struct seat_ended {
  seat_id seat;
  node_uuid node;
  departure how = departure::left;

  bool operator==(const seat_ended&) const = default;
};

struct voters_changed {
  std::uint64_t generation = 0;

  bool operator==(const voters_changed&) const = default;
};

struct level_raised {
  std::uint32_t level = 0;

  bool operator==(const level_raised&) const = default;
};

struct spec_put {
  std::string key, version;

  bool operator==(const spec_put&) const = default;
};

/// No version of it is deployed any more.
struct undeployed {
  std::string key;

  bool operator==(const undeployed&) const = default;
};

/// Also when the last owner has gone: then `owner` is none.
struct owner_changed {
  std::string key;
  seat_id owner;
  hearth::epoch epoch;

  bool operator==(const owner_changed&) const = default;
};

struct run_accepted {
  std::string name;

  bool operator==(const run_accepted&) const = default;
};

struct run_claimed {
  std::string name;

  bool operator==(const run_claimed&) const = default;
};

/// Its home is gone, and it waits for another one.
struct run_orphaned {
  std::string name;

  bool operator==(const run_orphaned&) const = default;
};

struct run_rehomed {
  std::string name;

  bool operator==(const run_rehomed&) const = default;
};

struct run_abort_wanted {
  std::string name;

  bool operator==(const run_abort_wanted&) const = default;
};

struct run_ended {
  std::string name;

  bool operator==(const run_ended&) const = default;
};

/// Its record is gone; what was kept for it elsewhere can go too.
struct run_forgotten {
  std::string name;
  call_id root;

  bool operator==(const run_forgotten&) const = default;
};

struct generation_raised {
  std::string scope;

  bool operator==(const generation_raised&) const = default;
};

struct cache_limited {
  std::string project;

  bool operator==(const cache_limited&) const = default;
};

struct token_changed {
  std::string name;

  bool operator==(const token_changed&) const = default;
};

} // namespace hearth::cluster::facts

namespace hearth::cluster {

using fact = std::variant<facts::member_changed, facts::seat_began, facts::seat_ended, facts::voters_changed,
                          facts::level_raised, facts::spec_put, facts::owner_changed, facts::run_accepted,
                          facts::run_claimed, facts::run_orphaned, facts::run_rehomed, facts::run_abort_wanted,
                          facts::run_ended, facts::run_forgotten, facts::generation_raised, facts::token_changed,
                          facts::cache_limited, facts::undeployed>;

} // namespace hearth::cluster
