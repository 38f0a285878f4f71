#pragma once

#include "actors/autoscaler.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace hearth {

/// Something that happened to an environment, with its reason.
struct journal_entry {
  enum class kind_t : std::uint8_t {
    pool_made,     // the first use of a version; `detail`: what makes it another one
    policy,        // replicas or times of a running pool have changed; `detail`: from what to what
    decided,       // about the number of replicas: `in` and `what`
    ready,         // a replica takes calls; `detail`: how it came to be and in what time
    unmade,        // a replica could not be started
    waiting,       // a start waits; `detail`: for which resource
    overcommitted, // a start does not wait although the resource is taken
    lost,          // a replica ended by itself
    ended,         // a replica ended as it was told
    cooled,        // the zygote is not kept any longer
    placed,        // a replica is to start on a node; `detail`: which, and why there
    adopted,       // a replica of a former owner is this one's
    owned,         // this node has heard who owns the environment; `detail`: the epoch and the node
    obeyed,        // the first command of an epoch was carried out here; `detail`: the epoch
    refused,       // a command of a lower epoch was not; `detail`: the epoch, and the one that is known
  };

  std::uint64_t unix_ms = 0; // filled by the journal
  std::string project, domain, environment, version;
  kind_t kind = kind_t::decided;
  std::uint64_t replica = 0; // 0: none in particular
  std::string detail;
  scaling::inputs in;
  scaling::decision what;
};

/// Stable lower-case name ("pool_made").
std::string_view name(journal_entry::kind_t kind) noexcept;

/// The entry as a sentence.
std::string in_words(const journal_entry& entry);

} // namespace hearth
