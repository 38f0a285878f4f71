#pragma once

#include "actors/environment.hpp"
#include "core/bytes.hpp"
#include "core/defaults_cache.hpp"
#include "core/digest.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// What the cache keeps, as plain values.
namespace hearth {

/// Where a result belongs: what is called, and with what. `scope` is the digest of a `cache_scope`, `inputs` of all inputs
/// that count (schema/environment.capnp).
struct cache_key {
  digest scope;
  digest inputs;

  friend auto operator<=>(const cache_key&, const cache_key&) = default;
};

/// Which of defaults::cache_buckets it falls into: by the first bits of its inputs' digest.
inline std::size_t bucket_of(const cache_key& key) noexcept {
  static_assert(defaults::cache_buckets == 1 << 12);
  return std::size_t{key.inputs.value[0]} << 4 | key.inputs.value[1] >> 4;
}

/// What people call an entry: 16 hex digits, of the exclusive or of the first 8 bytes of both digests.
std::string id_of(const cache_key& key);

/// What a scope is the digest of; kept once for all of its entries, for people and for `explain`.
struct cache_scope {
  std::string project, domain, task, version;
  std::string signature;           // names and types of inputs and outputs
  std::string trust;               // domain of trust of whoever calls
  std::vector<std::string> inputs; // names of those that count, in the order of `cache_entry::inputs`

  friend bool operator==(const cache_scope&, const cache_scope&) = default;
};

/// Of a task whose results are kept.
inline cache_scope scope_of(const environment_spec& spec, const task_spec& task) {
  return {spec.project,           spec.domain, task.name,          task.caching.version,
          task.caching.signature, "default",   task.caching.inputs};
}

/// A result that is kept. Immutable: another result of the same key is another entry, and one of the two goes. Everywhere the
/// same one stays, in whatever order they come: that of the higher generation, then that of the higher `overwrite`, then the
/// one whose digest is smaller. One that has expired counts as none.
struct cache_entry {
  cache_key key;
  std::uint64_t generation = 0; // index of the control log that its node had applied when the execution began
  // Of a result that was made to replace what was kept, although that was good: a number above that of what it replaces,
  // such as the calendar's milliseconds. 0 of all others.
  std::uint64_t overwrite = 0;
  std::uint64_t created_unix_ms = 0;
  std::uint64_t expires_unix_ms = 0; // 0: never
  std::chrono::nanoseconds run{0};   // what a hit saves
  std::string producer;              // the run, or the call, that made it
  std::string holder;                // name of the node on which it was made
  std::vector<digest> inputs;        // of each input that counts
  digest value;                      // of the result's bytes; zeros until the store has it: no loop has time for that
  std::uint64_t size = 0;            // of the result, in bytes
  payload content;                   // the result; empty where only the rest is asked for
};

/// Which of two results of one key stays, by that rule: less is better.
template <class A, class B>
std::strong_ordering precedence(const A& a, const B& b) noexcept {
  if (const auto newer = b.generation <=> a.generation; newer != 0)
    return newer;
  if (const auto newer = b.overwrite <=> a.overwrite; newer != 0)
    return newer;
  return a.value <=> b.value;
}

/// When a result that was made then is too old: what is said of itself (0: nothing), and of its age in milliseconds (0: any),
/// whichever is sooner. 0: never.
constexpr std::uint64_t expiry_of(std::uint64_t created_unix_ms, std::uint64_t expires_unix_ms,
                                  std::uint64_t age_max_ms) noexcept {
  if (age_max_ms == 0)
    return expires_unix_ms;
  const auto by_age = created_unix_ms + age_max_ms;
  return expires_unix_ms == 0 || by_age < expires_unix_ms ? by_age : expires_unix_ms;
}

constexpr bool is_over(std::uint64_t expiry_unix_ms, std::uint64_t now_unix_ms) noexcept {
  return expiry_unix_ms != 0 && expiry_unix_ms <= now_unix_ms;
}

} // namespace hearth

template <>
struct std::hash<hearth::cache_key> {
  std::size_t operator()(const hearth::cache_key& k) const noexcept {
    const std::hash<hearth::digest> of;
    return of(k.inputs) ^ (of(k.scope) * 0x9e3779b97f4a7c15ULL);
  }
};
