#include "tests/sim/cluster_clients.hpp"

#include "tests/sim/cluster_site.hpp"

#include <algorithm>
#include <utility>

namespace hearth::sim {

using namespace cluster;

namespace {

constexpr std::uint64_t chosen_at_ms = 1'700'000'000'000;
constexpr std::size_t environments = 3;

std::string key_of(std::uint64_t number) { return "p/d/e" + std::to_string(number % environments + 1); }

} // namespace

cluster_clients::cluster_clients(cluster_world& where, bool whims) : world_(where), whims_(whims) {
  for (std::size_t i = 0; i < where.size(); ++i)
    nodes_.push_back(i);
}

void cluster_clients::start(instant pause) {
  pause_ = pause;
  resting_ = false;
  world_.at(world_.now() + world_.random().time(instant(0), 2 * pause_), [this] { next(); });
}

void cluster_clients::next() {
  if (resting_)
    return;
  auto& random = world_.random();
  const auto dice = random.below(10);
  submit(++runs_, dice < 4 ? 0 : dice < 8 ? 3 : 8);
  world_.read(any_node());
  something_else(any_node());
  start(pause_);
}

/// An answer that does not tell is counted, when the request did not begin long ago.
cluster_world::answer cluster_clients::noted(cluster_world::answer then) {
  return [this, period = period_, then = std::move(then)](const outcome& result) {
    if ((result.code == ec::no_quorum || result.code == ec::undecided) && period == period_) {
      ++undecided_;
      world_.say("a client is told: " + result.message);
    }
    then(result);
  };
}

std::size_t cluster_clients::take_undecided() {
  ++period_;
  return std::exchange(undecided_, 0);
}

// -- runs ----

void cluster_clients::submit(std::uint64_t run, std::uint32_t lost) {
  runs_ = std::max(runs_, run);
  world_.truth().submitted(run, lost);
  put(run, lost);
}

void cluster_clients::again(std::uint64_t run, std::uint32_t lost) {
  world_.at(world_.now() + from_ms(150), [this, run, lost] { put(run, lost); });
}

void cluster_clients::put(std::uint64_t run, std::uint32_t lost) {
  const auto node = any_node();
  if (!world_.up(node))
    return again(run, lost);
  world_.submit(node, put_spec{key_of(run), "v1", {}, false}, noted([this, node, run, lost](const outcome& result) {
                  const bool stays = std::find(nodes_.begin(), nodes_.end(), node) != nodes_.end();
                  if (result.code == ec::none && stays && world_.up(node))
                    accept(node, run, lost);
                  else
                    again(run, lost);
                }));
}

void cluster_clients::accept(std::size_t node, std::uint64_t run, std::uint32_t lost) {
  accept_run order;
  order.root = {chosen_at_ms << 16 | 0x7000, run};
  order.name = cluster_oracle::name_of(run);
  order.request_digest = order.name;
  order.key = key_of(run);
  order.version = "v1";
  order.lost = lost;
  order.home = world_.plane(node).seat();
  world_.submit(node, order, noted([this, run, lost](const outcome& result) { accepted(run, lost, result); }));
}

void cluster_clients::accepted(std::uint64_t run, std::uint32_t lost, const outcome& result) {
  const auto name = cluster_oracle::name_of(run);
  if (result.code == ec::name_taken || result.code == ec::conflict)
    throw violation("I7: " + name + " was submitted again under its id, and refused: " + result.message);
  if (result.code != ec::none) {
    return again(run, lost);
  }
  world_.truth().accepted(run);
  auto& random = world_.random();
  if (!whims_)
    return;
  if (random.happens(0.2)) // its client asks again although it knows
    again(run, lost);
  if (random.happens(0.05))
    world_.submit(any_node(), abort_run{name, "aborted", 0}, [](const outcome&) {});
}

// -- operators, and what else there is ----

void cluster_clients::something_else(std::size_t node) {
  auto& random = world_.random();
  const auto ignored = noted([](const outcome&) {});
  switch (random.below(12)) {
    case 0:
      return world_.submit(node, put_token{"t" + std::to_string(++tokens_), std::to_string(tokens_), {}, 0}, ignored);
    case 1:
      return world_.submit(node, revoke_token{"t" + std::to_string(random.between(1, tokens_ + 1))}, ignored);
    case 2:
      return world_.submit(node, raise_generation{"p/d/" + std::to_string(random.below(4))}, ignored);
    case 3:
      return world_.submit(node, grant{key_of(random.below(environments)), {}}, ignored);
    case 4:
      if (world_.up(node))
        world_.site(node).release(key_of(random.below(environments)), random.time(instant(0), from_ms(3000)));
      return;
    case 5:
      return world_.submit(node, limit_cache{"p" + std::to_string(random.below(3)), random.below(2), random.below(3)},
                           ignored);
    default:
      return;
  }
}

} // namespace hearth::sim
