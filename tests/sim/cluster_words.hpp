#pragma once

#include "core/ids.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace hearth::sim {

/// A child of a run by its name: the number of the run, and its place there.
using child_name = std::pair<std::uint64_t, std::uint32_t>;

/// What nodes say to each other about calls, replicas and records, beside the control log.
struct word {
  enum class kind : std::uint8_t {
    call,      // home -> owner: run this root call
    placed,    // owner -> home: it goes to the replica of `node`
    order,     // owner -> the replica's node
    not_begun, // -> home: it was refused, and has certainly not begun
    lost,      // owner -> home: it may have begun
    reply,     // replica -> home
    ended,     // replica -> owner
    seek,      // replica -> home: what did this child return before?
    found,     // home -> replica
    record,    // replica -> home: what it returned
    adopt,     // a new owner -> all: your replicas are mine
  };

  kind what{};
  std::uint64_t run = 0;
  std::uint32_t attempt = 0, call = 0; // the call: counted by the home
  std::uint32_t child = 0;
  std::size_t node = 0; // of `order`: the home; of `placed`: the replica's
  std::string key;
  hearth::epoch epoch;
  bool replays = false;
  bool is_home = false, known = false; // of `found`
  std::string value;
};

} // namespace hearth::sim
