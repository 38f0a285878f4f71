#pragma once

#include "actors/pool.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace hearth::test {

/// A pool with a clock in hand: events go in, effects are written down as short lines ("dispatch r1 t1"), and what replicas
/// hold is tracked so that invariants can be asked for.
class pool_driver {
public:
  using ms = std::chrono::milliseconds;

  pool_driver(std::shared_ptr<const environment_spec> spec, pool_limits limits)
    : pool_(std::move(spec), limits, [this] { return replica_id{++replicas_}; }) {}

  /// Admits a call; 0 when it was refused (then `refused` says why).
  std::uint64_t admit(pool::request what = {}) {
    auto verdict = pool_.admit(what, now);
    if (auto* no = std::get_if<pool::refusal>(&verdict)) {
      refused = no->why;
      note();
      return 0;
    }
    auto t = std::get<ticket>(verdict);
    names_[t] = ++calls_;
    tickets_[calls_] = t;
    pool_.serve(now, effects_);
    note();
    return calls_;
  }

  std::uint64_t admit_root(std::uint64_t root, std::uint16_t depth = 0, std::uint32_t task = 0) {
    pool::request r;
    r.root = {1, root};
    r.depth = depth;
    r.task = task;
    return admit(r);
  }

  void ready(std::uint64_t r, bool ahead = true) { pool_.replica_ready({r}, ahead, now, effects_), note(); }
  void unmade(std::uint64_t r, failure why) { pool_.replica_unmade({r}, why, now, effects_), note(); }
  void lost(std::uint64_t r, std::vector<std::uint64_t> begun, ec code = ec::interpreter_lost) {
    std::vector<ticket> tickets;
    for (auto c : begun)
      tickets.push_back(tickets_.at(c));
    held_.erase(r);
    pool_.replica_lost({r}, {code, "ended by signal 9"}, tickets, now, effects_), note();
  }
  void done(std::uint64_t r, std::uint64_t c, ec code = ec::none, std::chrono::nanoseconds run = ms(50),
            bool unstarted = false) {
    held_[r].erase(c);
    pool_.done({r}, tickets_.at(c), code, unstarted, run, now, effects_), note();
  }
  void parked(std::uint64_t r, std::uint64_t c) { pool_.parked({r}, tickets_.at(c), now, effects_), note(); }
  void resumed(std::uint64_t r, std::uint64_t c) { pool_.resumed({r}, tickets_.at(c), now, effects_), note(); }
  void recalled(std::uint64_t r, std::vector<std::uint64_t> calls) {
    std::vector<ticket> tickets;
    for (auto c : calls) {
      tickets.push_back(tickets_.at(c));
      held_[r].erase(c);
    }
    pool_.recalled({r}, tickets, now, effects_), note();
  }
  void cancel(std::uint64_t c, ec code = ec::aborted) {
    pool_.cancel(tickets_.at(c), {code, "asked for"}, now, effects_), note();
  }
  void waits(std::uint64_t r, const std::string& what) { pool_.replica_waits({r}, what, now, effects_), note(); }
  void memory(std::uint64_t r, std::uint64_t bytes) { pool_.replica_memory({r}, bytes, now, effects_), note(); }
  void yield() { pool_.yield_idle(now, effects_), note(); }
  void opened() { pool_.opened(now); }
  void deploy() { pool_.deploy(now, effects_), note(); }
  void outdate() { pool_.outdate(now, effects_), note(); }
  void supersede() { pool_.supersede(now, effects_), note(); }
  void set_limits(pool_limits limits) { pool_.set_limits(limits, now, effects_), note(); }
  void advance(std::chrono::nanoseconds by) {
    now += by;
    pool_.tick(now, effects_), note();
  }

  /// The lines since the last call of this.
  std::vector<std::string> lines() { return std::exchange(lines_, {}); }

  const std::set<std::uint64_t>& held(std::uint64_t r) { return held_[r]; }
  pool& subject() { return pool_; }

  pool::instant now{std::chrono::hours(1)};
  failure refused;
  std::vector<pool_effect::decided> decided; // all decisions that were told

private:
  std::uint64_t name(ticket t) const { return names_.at(t); }

  void note() {
    for (auto& effect : effects_)
      std::visit([this](auto& e) { write(e); }, effect);
    effects_.clear();
  }
  void write(const pool_effect::start& e) {
    lines_.push_back("start r" + std::to_string(e.replica.value) + (e.for_nested ? " for nested" : "")
                     + (e.rehearses ? " to rehearse" : ""));
  }
  void write(const pool_effect::promote& e) { lines_.push_back("promote r" + std::to_string(e.replica.value)); }
  void write(const pool_effect::withdraw& e) { lines_.push_back("withdraw r" + std::to_string(e.replica.value)); }
  void write(const pool_effect::decided& e) { decided.push_back(e); }
  void write(const pool_effect::cool&) { lines_.emplace_back("cool"); }
  void write(const pool_effect::dispatch& e) {
    held_[e.replica.value].insert(name(e.call));
    lines_.push_back("dispatch r" + std::to_string(e.replica.value) + " c" + std::to_string(name(e.call)) + " #"
                     + std::to_string(e.attempt));
  }
  void write(const pool_effect::recall& e) {
    std::string line = "recall r" + std::to_string(e.replica.value);
    for (auto t : e.calls)
      line += " c" + std::to_string(name(t));
    lines_.push_back(line);
  }
  void write(const pool_effect::stop& e) {
    lines_.push_back("stop r" + std::to_string(e.replica.value) + " c" + std::to_string(name(e.call)));
  }
  void write(const pool_effect::retire& e) {
    lines_.push_back("retire r" + std::to_string(e.replica.value) + (e.at_once.empty() ? "" : " at once"));
  }
  void write(const pool_effect::fail& e) {
    lines_.push_back("fail c" + std::to_string(name(e.call)) + " " + std::string(hearth::name(e.why.code)));
  }
  void write(const pool_effect::release& e) { lines_.push_back("release c" + std::to_string(name(e.call))); }

  std::uint64_t replicas_ = 0;
  std::uint64_t calls_ = 0;
  pool pool_;
  pool_effects effects_;
  std::map<ticket, std::uint64_t> names_;
  std::map<std::uint64_t, ticket> tickets_;
  std::map<std::uint64_t, std::set<std::uint64_t>> held_;
  std::vector<std::string> lines_;
};

} // namespace hearth::test
