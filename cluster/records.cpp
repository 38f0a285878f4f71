#include "cluster/records.hpp"

#include "cluster/hash.hpp"

namespace hearth::cluster {

namespace {

// Nodes of the indexes that a run is in.
constexpr std::uint64_t index_bytes = 256;

void add(hash_of_sequence& hash, const stored_value& value) {
  hash.add(value.digest).add(value.size).add(value.content.view());
}

void add(hash_of_sequence& hash, const accept_run& run) {
  hash.add(run.root.hi).add(run.root.lo).add(run.name).add(run.request_digest).add(run.principal);
  hash.add(run.project).add(run.domain).add(run.key).add(run.version).add(run.task).add(run.task_name).add(run.inputs);
  hash.add(run.rerun_of).add(run.lost).add(run.detached).add(run.deadline_ms).add(run.unix_ms);
  hash.add(run.trace_hi).add(run.trace_lo).add(run.trace_span).add(run.home.value);
  add(hash, run.arguments);
}

void add(hash_of_sequence& hash, const complete_run& end) {
  hash.add(end.name).add(end.attempt).add(static_cast<std::uint64_t>(end.code)).add(end.is_text).add(end.error);
  hash.add(end.unix_ms).add(end.run_ns).add(end.queued_ns).add(end.start_ns).add(end.actions).add(end.actions_failed);
  add(hash, end.value);
}

void add(hash_of_sequence& hash, const run_record& run) {
  add(hash, run.order);
  hash.add(run.accepted).add(static_cast<std::uint64_t>(run.phase)).add(run.attempt).add(run.losses);
  hash.add(run.home.value).add(run.placed).add(run.abort_wanted).add(run.abort_reason).add(run.ended);
  add(hash, run.end);
}

void add_members(hash_of_sequence& hash, const control_image& image) {
  hash.add(image.members.size());
  for (const auto& [id, node] : image.members) {
    hash.add(id.hi).add(id.lo).add(node.name).add(node.draining).add(node.removed).add(node.incarnation);
    hash.add(node.nonce).add(node.seat.value).add(node.address);
  }
  hash.add(image.seats.size());
  for (const auto& [id, seat] : image.seats) {
    hash.add(id.value).add(seat.node.hi).add(seat.node.lo).add(seat.address).add(seat.level).add(seat.incarnation);
    hash.add(seat.capacity.memory_bytes).add(seat.capacity.cpu_millis).add(seat.capacity.gpus);
  }
}

} // namespace

bool same(const stored_value& a, const stored_value& b) noexcept {
  return a.digest == b.digest && a.size == b.size && a.content.view() == b.content.view();
}

std::uint64_t charge(const run_record& run) noexcept {
  const auto& o = run.order;
  std::uint64_t total = sizeof(run_record) + index_bytes;
  for (const auto* text : {&o.name, &o.request_digest, &o.principal, &o.project, &o.domain, &o.key, &o.version,
                           &o.task_name, &o.inputs, &o.rerun_of, &o.arguments.digest, &run.abort_reason, &run.end.name,
                           &run.end.error, &run.end.value.digest})
    total += text->size();
  return total + o.name.size() + o.arguments.content.size() + run.end.value.content.size();
}

std::uint64_t chosen_ms(call_id root) noexcept { return root.hi >> 16; }

std::uint64_t digest_of(const control_image& image) {
  hash_of_sequence hash;
  hash.add(image.applied).add(image.generation).add(image.level).add(image.cluster_time_ms).add(image.horizon_ms);
  hash.add(image.voters.size());
  for (const auto& voter : image.voters)
    hash.add(voter.hi).add(voter.lo);
  add_members(hash, image);
  hash.add(image.environments.size());
  for (const auto& [key, environment] : image.environments) {
    hash.add(key).add(environment.owner.value).add(environment.epoch.value).add(environment.lost);
    hash.add(environment.deployed).add(environment.specs.size());
    for (const auto& [version, spec] : environment.specs)
      hash.add(version).add(spec.spec.view()).add(spec.put);
  }
  hash.add(image.runs.size());
  for (const auto& [name, run] : image.runs)
    add(hash, run);
  hash.add(image.cache_generations.size());
  for (const auto& [scope, generation] : image.cache_generations)
    hash.add(scope).add(generation);
  hash.add(image.tokens.size());
  for (const auto& [name, token] : image.tokens) {
    hash.add(name).add(token.digest).add(token.expires_unix_ms).add(token.scopes.size());
    for (const auto& scope : token.scopes)
      hash.add(scope);
  }
  hash.add(image.cache_limits.size());
  for (const auto& [project, limit] : image.cache_limits)
    hash.add(project).add(limit.bytes_max).add(limit.ttl_ms);
  return hash.value();
}

} // namespace hearth::cluster
