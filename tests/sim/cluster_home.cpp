#include "tests/sim/cluster_site.hpp"

#include <utility>
#include <vector>

/// The home of runs: executes those whose home this node is, and keeps what their finished children returned.
namespace hearth::sim {

using namespace cluster;

namespace {

constexpr instant retry = from_ms(150);
constexpr instant owner_pause = from_ms(50);
constexpr instant record_delay = from_ms(6); // until a record is durable

} // namespace

// -- what the log says ----

run_sight cluster_site::sight_of(std::uint64_t run) const {
  const auto* record = world_.state(node_).find_run(std::string_view(cluster_oracle::name_of(run)));
  if (record == nullptr)
    return {true, false, false, 0};
  return {!record->open(), record->home && record->home == world_.plane(node_).seat(), record->abort_wanted,
          record->attempt};
}

void cluster_site::look_at(std::uint64_t run) {
  const auto found = executions_.find(run);
  std::optional<run_hold> here;
  if (found != executions_.end())
    here = {found->second.attempt, found->second.is_to_end};
  const auto turn = turn_of(sight_of(run), here);
  if (turn.drops)
    executions_.erase(run);
  if (turn.begins) {
    const auto& record = *world_.state(node_).find_run(std::string_view(cluster_oracle::name_of(run)));
    auto& x = executions_[run];
    x.attempt = record.attempt;
    x.lost = record.order.lost;
    x.key = record.order.key;
    x.is_claimed = record.phase == run_phase::claimed;
    x.is_to_end = record.abort_wanted;
    again(run, instant(0));
  } else if (turn.aborts) {
    found->second.is_to_end = true;
    if (found->second.at != stage::ending)
      end(run, ec::aborted, "aborted");
  }
}

void cluster_site::look_at_runs() {
  std::vector<std::uint64_t> runs;
  for (const auto& [run, x] : executions_)
    runs.push_back(run);
  for (const auto* run : world_.state(node_).runs_at(world_.plane(node_).seat()))
    runs.push_back(cluster_oracle::run_of(run->order.name));
  for (const auto run : runs)
    look_at(run);
}

cluster_site::execution* cluster_site::executed(std::uint64_t run, std::uint32_t attempt) {
  const auto found = executions_.find(run);
  return found != executions_.end() && found->second.attempt == attempt ? &found->second : nullptr;
}

// -- one attempt ----

/// Nobody hears the answer when this process has ended.
void cluster_site::submit(command order, cluster_world::answer then) {
  world_.submit(
    node_, std::move(order),
    [&world = world_, node = node_, life = world_.life(node_), then = std::move(then)](const outcome& result) {
      if (world.life(node) == life)
        then(result);
    });
}

void cluster_site::again(std::uint64_t run, instant after) {
  world_.later(node_, after, [this, run, attempt = executions_.at(run).attempt] {
    if (const auto* x = executed(run, attempt); x != nullptr && x->at == stage::preparing)
      prepare(run);
    else if (x != nullptr && x->at == stage::ending)
      complete(run);
  });
}

void cluster_site::prepare(std::uint64_t run) {
  auto& x = executions_.at(run);
  if (x.is_to_end)
    return end(run, ec::aborted, "aborted");
  switch (need_of({true, x.has_environment, x.is_claimed, x.lost}, world_.how().faults.home)) {
    case run_need::arguments:
    case run_need::environment:
      return open_environment(run);
    case run_need::claim:
      return claim(run);
    case run_need::nothing:
      return make_call(run);
  }
}

void cluster_site::open_environment(std::uint64_t run) {
  auto& x = executions_.at(run);
  if (world_.state(node_).owner_of(x.key).first) {
    x.has_environment = true;
    return prepare(run);
  }
  submit(grant{x.key, {}}, [this, run, attempt = x.attempt](const outcome& got) {
    if (auto* still = executed(run, attempt)) {
      still->has_environment = got.code == ec::none;
      again(run, got.code == ec::none ? instant(0) : retry);
    }
  });
}

void cluster_site::claim(std::uint64_t run) {
  const auto& x = executions_.at(run);
  const claim_run order{cluster_oracle::name_of(run), x.attempt, world_.plane(node_).seat()};
  submit(order, [this, run, attempt = x.attempt](const outcome& got) {
    auto* still = executed(run, attempt);
    if (still == nullptr || still->at != stage::preparing)
      return;
    switch (verdict_of(got.code, world_.how().faults.home)) {
      case run_verdict::holds:
        still->is_claimed = true;
        return prepare(run);
      case run_verdict::later:
        return again(run, retry);
      case run_verdict::over:
        executions_.erase(run);
    }
  });
}

void cluster_site::make_call(std::uint64_t run) {
  auto& x = executions_.at(run);
  const auto [seat, epoch] = world_.state(node_).owner_of(x.key);
  const auto* owner = world_.state(node_).find_seat(seat);
  if (owner == nullptr) {
    x.has_environment = false;
    return again(run, owner_pause);
  }
  x.at = stage::running;
  x.call = next_call_++;
  x.made = world_.now();
  world_.truth().makes_call(run, x.call);
  x.owner = cluster_world::node_of(owner->node);
  x.replica.reset();
  auto what = about(word::kind::call, {run, x.call});
  what.attempt = x.attempt;
  what.key = x.key;
  what.epoch = epoch;
  what.replays = replays(x.attempt, x.was_made, false, world_.how().faults.home);
  world_.tell(node_, x.owner, what);
}

/// It may have begun somewhere.
void cluster_site::lose(std::uint64_t run) {
  auto& x = executions_.at(run);
  x.was_made = true;
  const auto code = after_loss(x.lost, ++x.losses, world_.how().faults.home);
  if (code != ec::none)
    return end(run, code, code == ec::node_lost ? "lost too often" : "nobody knows whether it ran");
  x.at = stage::preparing;
  again(run, owner_pause);
}

void cluster_site::end(std::uint64_t run, ec code, const std::string& value) {
  auto& x = executions_.at(run);
  x.at = stage::ending;
  x.code = code;
  x.value = value;
  complete(run);
}

void cluster_site::complete(std::uint64_t run) {
  const auto& x = executions_.at(run);
  complete_run order;
  order.name = cluster_oracle::name_of(run);
  order.attempt = x.attempt;
  order.code = x.code;
  order.value = {"d", x.value.size(), bytes::copy_of(x.value)};
  submit(order, [this, run, attempt = x.attempt](const outcome& got) {
    if (got.code == ec::bad_request)
      throw violation("I8: the end of " + cluster_oracle::name_of(run) + " was refused: " + got.message);
    if (executed(run, attempt) == nullptr)
      return;
    switch (verdict_of(got.code, world_.how().faults.home)) {
      case run_verdict::holds:
        return; // the log has said so
      case run_verdict::later:
        return again(run, retry);
      case run_verdict::over:
        executions_.erase(run);
    }
  });
}

// -- what others say of its calls ----

cluster_site::execution* cluster_site::waits_for(const word& what) {
  const auto found = executions_.find(what.run);
  return found != executions_.end() && found->second.at == stage::running && found->second.call == what.call
           ? &found->second
           : nullptr;
}

void cluster_site::hear(std::size_t from, const word& what) {
  const call_name which{what.run, what.call};
  switch (what.what) {
    case word::kind::call:
      return place(from, what);
    case word::kind::order:
      return admit(from, what);
    case word::kind::adopt:
      if (fence_.raise(what.key, what.epoch)) {
        world_.truth().admits(node_, world_.life(node_), what.key, what.epoch);
        if (warm_.contains(what.key))
          world_.say(called(from) + " takes over the warm replica of " + what.key + " at " + called(node_));
      }
      return;
    case word::kind::placed:
      if (auto* x = waits_for(what)) {
        x->replica = what.node;
        // Its answer may have been on a link that has ended since.
        if (const auto ended = link_ends_.find(what.node); ended != link_ends_.end() && ended->second >= x->made)
          lose(what.run);
      }
      return;
    case word::kind::not_begun:
      if (auto* x = waits_for(what)) {
        x->at = stage::preparing;
        again(what.run, owner_pause);
      }
      return;
    case word::kind::lost:
      if (waits_for(what) != nullptr)
        lose(what.run);
      return;
    case word::kind::reply:
      if (waits_for(what) != nullptr)
        end(what.run, ec::none, what.value);
      return;
    case word::kind::ended:
      placed_.erase({what.node, which});
      return;
    case word::kind::seek:
      return answer_seek(from, what);
    case word::kind::record:
      return keep_record(what);
    case word::kind::found:
      if (auto* call = called_here(which); call != nullptr && call->is_sought && call->child == what.child) {
        call->is_sought = false;
        call->excused = call->excused || !what.is_home;
        if (!what.known)
          return run_child(which, call->excused);
        ++world_.truth().children_replayed;
        world_.say("child " + cluster_oracle::child_value({what.run, what.child}) + " is answered from the record");
        call->value += " " + what.value;
        ++call->child;
        go_on(which);
      }
      return;
  }
}

// -- records ----

child_name cluster_site::kept_as(child_name child) const {
  return {mutated(site_mutation::records_by_place) ? 0 : child.first, child.second};
}

void cluster_site::answer_seek(std::size_t from, const word& what) {
  auto answer = about(word::kind::found, {what.run, what.call});
  answer.child = what.child;
  const auto& records = world_.records(node_);
  answer.is_home = sight_of(what.run).is_ours;
  if (const auto kept = records.find(kept_as({what.run, what.child})); kept != records.end() && answer.is_home) {
    answer.known = true;
    answer.value = kept->second;
  }
  world_.tell(node_, from, answer);
}

void cluster_site::keep_record(const word& what) {
  if (!sight_of(what.run).is_ours)
    return;
  const child_name child{what.run, what.child};
  world_.later(node_, record_delay, [this, child, value = what.value] {
    world_.records(node_).emplace(kept_as(child), value);
    world_.truth().recorded(node_, child, world_.now());
  });
}

} // namespace hearth::sim
