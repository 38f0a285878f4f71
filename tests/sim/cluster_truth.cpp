#include "tests/sim/cluster_world.hpp"

#include <algorithm>

/// Homes, clients, and what may never happen.
namespace hearth::sim {

using namespace cluster;

namespace {

bool may_try_again(ec code) { return code == ec::no_quorum || code == ec::undecided || code == ec::overloaded; }

} // namespace

void cluster_world::on(std::size_t node, const effects::applied& what) {
  const auto& state = plane(node).state();
  check(node, what);
  for (const auto& fact : what.facts) {
    const std::string* name = nullptr;
    if (const auto* accepted = std::get_if<facts::run_accepted>(&fact))
      name = &accepted->name;
    else if (const auto* rehomed = std::get_if<facts::run_rehomed>(&fact))
      name = &rehomed->name;
    if (name != nullptr)
      if (const auto* run = state.find_run(std::string_view(*name)); run != nullptr)
        execute(node, *run);
  }
}

// Each entry is looked at when the first node applies it.
void cluster_world::check(std::size_t node, const effects::applied& what) {
  if (what.index <= seen_)
    return;
  seen_ = what.index;
  if (std::holds_alternative<renew>(what.order))
    ++renewals_;
  for (const auto& fact : what.facts) {
    if (const auto* ended = std::get_if<facts::seat_ended>(&fact))
      check_seat_end(*ended);
    if (const auto* owner = std::get_if<facts::owner_changed>(&fact)) {
      auto& before = owners_[owner->key];
      if (owner->owner && before.first)
        violated("I5: " + owner->key + " has two owners");
      if (owner->owner && owner->epoch <= before.second)
        violated("I4: the epoch of " + owner->key + " does not rise");
      before = {owner->owner, std::max(before.second, owner->epoch)};
    }
    if (const auto* ended = std::get_if<facts::run_ended>(&fact)) {
      const auto* run = plane(node).state().find_run(std::string_view(ended->name));
      if (run != nullptr && !ends_.emplace(ended->name, std::string(run->end.value.content.view())).second)
        violated("I7: " + ended->name + " ended twice");
    }
  }
}

void cluster_world::check_seat_end(const facts::seat_ended& what) {
  if (what.how != departure::expired)
    return;
  const auto node = static_cast<std::size_t>(what.node.lo - 1);
  if (!up(node) || plane(node).seat() != what.seat)
    return;
  const auto until = plane(node).lease_until();
  if (until > nodes_[node].clock.local(now()))
    violated("I6: the seat of node " + std::to_string(node) + " expired while its lease ran");
}

// -- homes ----

void cluster_world::execute_all(std::size_t node) {
  const auto& state = plane(node).state();
  for (const auto* run : state.runs_at(plane(node).seat()))
    execute(node, *run);
}

void cluster_world::execute(std::size_t node, const run_record& run) {
  auto& it = nodes_[node];
  const auto name = run.order.name;
  const auto attempt = run.attempt;
  if (!run.open() || !run.home || run.home != plane(node).seat() || !it.executing.emplace(name, attempt).second)
    return;
  if (run.order.lost != 0 || how_.start_before_claim) {
    plan(node, now(), [this, node, name, attempt] { start(node, name, attempt); });
    return;
  }
  const auto life = it.life;
  plan(node, now(), [this, node, name, attempt, home = run.home, life] {
    submit(node, claim_run{name, attempt, home}, [this, node, name, attempt, life](const outcome& result) {
      if (nodes_[node].life != life)
        return;
      if (result.code == ec::none)
        start(node, name, attempt);
      else if may_try_again (result.code) {
        nodes_[node].executing.erase({name, attempt});
        plan(node, now() + from_ms(200), [this, node] { execute_all(node); });
      }
    });
  });
}

void cluster_world::start(std::size_t node, const std::string& run, std::uint32_t attempt) {
  if (++starts_[run] > 1 && at_most_once_.contains(run))
    violated("I9: " + run + " started twice although lost=0");
  plan(node, now() + random_.time(from_ms(50), from_ms(800)),
       [this, node, run, attempt] { finish(node, run, attempt); });
}

void cluster_world::finish(std::size_t node, const std::string& run, std::uint32_t attempt) {
  complete_run end;
  end.name = run;
  end.attempt = attempt;
  const auto value = "result of " + run + " by " + std::to_string(attempt) + " at " + std::to_string(node);
  end.value = {"d", value.size(), bytes::copy_of(value)};
  const auto life = nodes_[node].life;
  submit(node, end, [this, node, run, attempt, life](const outcome& result) {
    if (nodes_[node].life == life && may_try_again(result.code))
      plan(node, now() + from_ms(100), [this, node, run, attempt] { finish(node, run, attempt); });
    if (result.code == ec::bad_request)
      violated("the completion of " + run + " was refused: " + result.message);
  });
}

// -- clients ----

void cluster_world::submit(std::size_t node, command order, answer done) {
  if (!up(node))
    return done(refused(ec::no_quorum, "the node is gone"));
  const auto request = next_request_++;
  nodes_[node].open.emplace(request, std::move(done));
  step(node, events::submit{request, std::move(order)});
}

void cluster_world::on(std::size_t node, const effects::answer& what) {
  auto& it = nodes_[node];
  if (it.reads.erase(what.request) > 0)
    return;
  const auto found = it.open.find(what.request);
  if (found == it.open.end())
    return violated("I10: a request was answered twice");
  const auto done = std::move(found->second);
  it.open.erase(found);
  answered_ = std::max(answered_, what.result.code == ec::none ? what.result.index : 0);
  // Not within the step that answered.
  timeline_.plan(now(), event{node, 0, [done, result = what.result] { done(result); }});
}

void cluster_world::read(std::size_t node) {
  if (!up(node))
    return;
  const auto request = next_request_++;
  nodes_[node].reads.emplace(request, answered_);
  step(node, events::read{request});
}

void cluster_world::on(std::size_t node, const effects::readable& what) {
  auto& it = nodes_[node];
  const auto found = it.reads.find(what.request);
  if (found == it.reads.end())
    return violated("I10: a read was answered twice");
  if (plane(node).state().applied() < found->second)
    violated("a read at node " + std::to_string(node) + " misses what was answered before it");
  it.reads.erase(found);
}

void cluster_world::stop(std::size_t node) { step(node, events::stop{}); }

void cluster_world::client(std::uint64_t number, std::uint32_t lost) {
  const auto name = "r" + std::to_string(number);
  if (lost == 0)
    at_most_once_.insert(name);
  const auto key = "p/d/e" + std::to_string(number % 3);
  const auto node = random_.below(nodes_.size());
  const auto again = [this, number, lost] {
    timeline_.plan(now() + from_ms(150), event{0, 0, [this, number, lost] { client(number, lost); }});
  };
  submit(node, put_spec{key, "v1", {}, false}, [this, node, number, lost, name, key, again](const outcome& put) {
    if (put.code != ec::none)
      return again();
    accept_run run;
    run.root = {std::uint64_t{1'700'000'000'000} << 16 | 0x7000, number};
    run.name = name;
    run.request_digest = name;
    run.key = key;
    run.version = "v1";
    run.lost = lost;
    run.home = up(node) ? plane(node).seat() : seat_id{};
    submit(node, run, [this, name, again](const outcome& result) {
      if (result.code == ec::none)
        accepted_.insert(name);
      else if (result.code == ec::name_taken || result.code == ec::conflict)
        violated("I7: " + name + " was submitted again and refused: " + result.message);
      else
        again();
      // One in four repeats although it has its answer.
      if (result.code == ec::none && random_.happens(0.25))
        again();
    });
  });
}

std::string cluster_world::unfinished() const {
  const auto who = leader();
  if (!who)
    return "I19: there is no leader";
  const auto& state = plane(*who).state();
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (up(i) && plane(i).state().applied() == state.applied() && plane(i).state().digest() != state.digest())
      return "I1: states differ at the same index";
  for (const auto& name : accepted_) {
    const auto* run = state.find_run(std::string_view(name));
    if (run == nullptr)
      return "I7: " + name + " was accepted and is not known";
    if (run->open())
      return "I7: " + name + " has not ended";
    if (const auto end = ends_.find(name); end == ends_.end() || end->second != run->end.value.content.view())
      return "I8: the end of " + name + " has changed";
    if (run->end.code == ec::none && run->end.attempt > run->attempt)
      return "I8: " + name + " ended by an attempt that it did not have";
    if (run->end.code == ec::none && run->attempt <= run->losses)
      return "I8: " + name + " has lost more homes than it had attempts";
  }
  return misplaced(state);
}

std::string cluster_world::misplaced(const control_state& state) const {
  for (const auto& [key, environment] : state.image().environments)
    if (environment.owner && state.find_seat(environment.owner) == nullptr)
      return "I19: " + key + " stays with a seat that ended";
  return state.orphaned_environments().empty() ? std::string() : "I19: an environment has no owner";
}

namespace {

void faults(cluster_world& world, std::size_t nodes) {
  auto& random = world.random();
  const auto one = random.below(nodes), other = (one + 1 + random.below(nodes - 1)) % nodes;
  switch (random.below(8)) {
    case 0:
      world.crash(one);
      if (random.happens(0.5))
        world.report_death(one);
      break;
    case 1:
    case 2:
      world.restart(one);
      break;
    case 3:
      world.freeze(one, world.now() + random.time(from_ms(100), from_ms(4000)));
      break;
    case 4:
      world.links().set_cut(one, other, true);
      break;
    case 5:
      for (std::size_t i = 0; i < nodes; ++i)
        if (i != one) {
          world.links().set_cut(one, i, true);
          world.links().set_cut(i, one, random.happens(0.7));
        }
      break;
    case 6:
      world.links().heal();
      break;
    default:
      world.block_work(one, world.now() + random.time(from_ms(500), from_ms(3000)));
  }
}

} // namespace

cluster_result run_cluster(const cluster_options& how) {
  cluster_world world(how);
  auto& random = world.random();
  world.links().loss = random.happens(0.5) ? 0.05 : 0;
  world.links().duplication = random.happens(0.3) ? 0.1 : 0;
  world.links().straggling = random.happens(0.3) ? 0.05 : 0;
  std::uint64_t number = 0;
  while (world.now() < from_ms(20'000) && world.broken().empty()) {
    world.run_until(world.now() + random.time(from_ms(20), from_ms(250)));
    world.client(++number, random.happens(0.4) ? 0 : 8);
    world.read(random.below(how.nodes));
    if (random.happens(0.2))
      world.submit(random.below(how.nodes), grant{"p/d/e" + std::to_string(random.below(3)), {}},
                   [](const outcome&) {});
    if (random.happens(0.25))
      faults(world, how.nodes);
  }
  world.links().heal();
  world.links().loss = world.links().duplication = world.links().straggling = 0;
  for (std::size_t i = 0; i < how.nodes; ++i) {
    world.freeze(i, instant(0));
    world.restart(i);
  }
  std::string left;
  world.run_until(from_ms(30'000));
  world.run_until(from_ms(60'000), [&] { return (left = world.unfinished()).empty(); });
  return {world.broken().empty() ? left : world.broken(), world.accepted(), world.renewals()};
}

} // namespace hearth::sim
