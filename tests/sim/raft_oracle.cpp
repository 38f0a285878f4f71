#include "tests/sim/raft_oracle.hpp"

#include "tests/sim/world.hpp"

namespace hearth::sim {

namespace raft = cluster::raft;

namespace {

std::string text(std::uint64_t number) { return std::to_string(number); }

std::uint64_t key(std::uint32_t generation, std::uint64_t term, cluster::log_index index) {
  return (static_cast<std::uint64_t>(generation) << 52) ^ (term << 28) ^ index;
}

} // namespace

std::uint64_t chained(std::uint64_t before, const raft::entry& next) {
  digest sum;
  sum.mix(before);
  sum.mix(next.index);
  sum.mix(next.term);
  sum.mix(static_cast<std::uint64_t>(next.type));
  for (const auto letter : next.data)
    sum.mix(static_cast<unsigned char>(letter));
  for (const auto& voter : next.voters)
    sum.mix(voter.lo);
  return sum.value();
}

void oracle::appended(std::size_t node, std::uint32_t generation, const raft::entry& what, std::uint64_t hash) {
  const auto [it, added] = entries_.try_emplace(key(generation, what.term, what.index), hash);
  if (!added && it->second != hash)
    throw violation("I1, log matching: " + called(node) + " has another log up to entry " + text(what.index)
                    + " of term " + text(what.term) + " than the first node that had this entry.");
}

bool oracle::committed(std::size_t node, std::uint32_t generation, std::uint64_t term, const raft::entry& what,
                       std::uint64_t hash) {
  if (what.index <= last()) {
    if (at(what.index).hash != hash)
      throw violation("I1, state machine safety: " + called(node) + " applies another entry " + text(what.index)
                      + " than was committed first.");
    return false;
  }
  if (what.index != last() + 1)
    throw violation("I3: " + called(node) + " commits entry " + text(what.index) + " before entry " + text(last() + 1)
                    + " was committed.");
  facts_.push_back({what.term, hash, generation, term});
  return true;
}

void oracle::leads(std::size_t node, std::uint32_t generation, std::uint64_t term) {
  const auto [it, added] = leaders_.try_emplace({generation, term}, node);
  if (!added && it->second != node)
    throw violation("I1, one leader per term: " + called(node) + " and " + called(it->second) + " lead term "
                    + text(term) + " of generation " + text(generation) + ".");
}

void oracle::voted(std::size_t node, std::uint64_t term, const node_uuid& candidate) {
  const auto [it, added] = votes_.try_emplace({node, term}, candidate);
  if (!added && it->second != candidate)
    throw violation("I1, one vote per term: " + called(node) + " votes for two candidates in term " + text(term) + ".");
}

void oracle::answered(cluster::log_index index, std::uint64_t hash) {
  if (index > last() || at(index).hash != hash)
    throw violation("I2: a client is told of entry " + text(index) + ", which is not what was committed there.");
  answered_ = std::max(answered_, index);
}

} // namespace hearth::sim
