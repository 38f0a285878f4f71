#include "tools/replay/simulation.hpp"

#include "tools/replay/replica_table.hpp"

#include <algorithm>
#include <queue>

namespace hearth::replay {

namespace {

constexpr std::uint32_t nobody = ~0u;

/// A vector that is read from its front; what was read is dropped now and then.
template <class T>
class line {
public:
  bool empty() const noexcept { return head_ == items_.size(); }
  std::size_t size() const noexcept { return items_.size() - head_; }
  const T& front() const noexcept { return items_[head_]; }
  void push(const T& item) { items_.push_back(item); }
  void pop() {
    if (++head_ == items_.size() || head_ >= 65'536) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(head_));
      head_ = 0;
    }
  }

private:
  std::vector<T> items_;
  std::size_t head_ = 0;
};

struct waiting_call {
  seconds arrival;
  float service;
  std::uint32_t by;
};

struct running_call {
  seconds end;
  float service;
  std::uint32_t by;
  std::uint32_t on; // id of the replica
  bool operator>(const running_call& other) const noexcept { return end > other.end; }
};

struct start_up {
  seconds ready_at;
  std::uint32_t id;
};

struct user_turn {
  seconds at;
  std::uint32_t by;
  std::uint32_t step;
  bool operator>(const user_turn& other) const noexcept {
    return at != other.at ? at > other.at : by > other.by; // equal times in a fixed order
  }
};

template <class T>
using earliest = std::priority_queue<T, std::vector<T>, std::greater<T>>;

class simulation {
public:
  simulation(const trace& what, policy& how, const machine& where)
    : trace_(what), policy_(how), machine_(where), table_(pool_.replicas, what.concurrency), steps_(what.users.size()) {
    pool_.max = what.max;
    pool_.concurrency = what.concurrency;
    waits_.reserve(what.calls.size());
    for (std::uint32_t i = 0; i < what.users.size(); ++i)
      turns_.push({what.users[i].begin, i, 0});
    for (auto i = where.is_warm ? std::min(what.max, what.room) : what.initial; i > 0; --i)
      begin_warm();
  }

  outcome run();

private:
  // What is next, in this order at equal times: slots are free before they are asked for.
  enum class kind : std::uint8_t { end, ready, call, turn, tick, nothing };
  std::pair<seconds, kind> next();

  void advance(seconds to);
  void call_ends();
  void replica_ready();
  void arrive(float service, std::uint32_t by);
  void user_arrives();
  void begin(const waiting_call& what, replica& on);
  void serve_queue();
  void ask(event what);
  void start();
  void begin_warm();
  void place();
  void end(std::uint32_t id);
  void leave(replica& one);
  bool is_over(seconds at) const;
  void settle();

  const trace& trace_;
  policy& policy_;
  const machine& machine_;
  pool_view pool_;
  replica_table table_;
  std::size_t next_call_ = 0;
  line<waiting_call> queue_;
  earliest<running_call> running_;
  earliest<user_turn> turns_;
  std::vector<std::uint32_t> steps_; // where each user is in its round
  line<start_up> starting_;          // in the order in which they will be ready; some may have ended
  line<std::uint32_t> unplaced_;     // ids; some may have ended
  std::uint32_t placed_ = 0;         // replicas that exist, draining ones too
  std::vector<float> waits_;
  double waited_ = 0;
  answer answer_;
  outcome result_;
};

// -- replicas ----

void simulation::begin_warm() {
  auto& one = table_.add(pool_.now);
  one.placed = pool_.now;
  one.ready = true;
  table_.open(one);
  ++placed_;
  ++pool_.ready;
  result_.peak = std::max(result_.peak, placed_);
}

void simulation::start() {
  unplaced_.push(table_.add(pool_.now).id);
  ++pool_.starting;
  ++result_.starts;
  place();
}

void simulation::place() {
  while (placed_ < trace_.room && !unplaced_.empty()) {
    if (auto* one = table_.find(unplaced_.front())) {
      one->placed = pool_.now;
      starting_.push({pool_.now + machine_.start_up, one->id});
      result_.peak = std::max(result_.peak, ++placed_);
    }
    unplaced_.pop();
  }
}

void simulation::replica_ready() {
  auto* one = table_.find(starting_.front().id);
  starting_.pop();
  one->ready = true;
  one->idle_since = pool_.now;
  table_.open(*one);
  --pool_.starting;
  ++pool_.ready;
  pool_.last_start_up = pool_.now - one->requested;
  serve_queue();
  ask(event::ready);
}

void simulation::end(std::uint32_t id) {
  auto* one = table_.find(id);
  if (one == nullptr || one->draining)
    return;
  if (one->ready) {
    table_.close(*one);
    --pool_.ready;
  } else {
    --pool_.starting;
  }
  one->draining = true;
  if (one->in_use == 0)
    leave(*one);
}

void simulation::leave(replica& one) {
  const bool was_placed = one.placed != never;
  if (was_placed) {
    result_.replica_seconds += pool_.now - one.placed;
    --placed_;
  }
  table_.remove(one.id);
  if (was_placed)
    place();
}

// -- calls ----

void simulation::begin(const waiting_call& what, replica& on) {
  const auto wait = pool_.now - what.arrival;
  waits_.push_back(static_cast<float>(wait));
  waited_ += wait;
  running_.push({pool_.now + static_cast<double>(what.service), what.service, what.by, on.id});
  ++pool_.running;
}

void simulation::arrive(float service, std::uint32_t by) {
  ++result_.calls;
  result_.service_seconds += static_cast<double>(service);
  const waiting_call one{pool_.now, service, by};
  if (auto* on = queue_.empty() ? table_.take() : nullptr) {
    begin(one, *on);
  } else {
    result_.cold += pool_.ready < std::min(trace_.max, trace_.room);
    queue_.push(one);
    ++pool_.queued;
    pool_.oldest_arrival = queue_.front().arrival;
  }
  ask(event::arrived);
}

void simulation::user_arrives() {
  const auto turn = turns_.top();
  turns_.pop();
  steps_[turn.by] = turn.step;
  arrive(trace_.users[turn.by].steps[turn.step].service, turn.by);
}

void simulation::serve_queue() {
  while (!queue_.empty()) {
    auto* on = table_.take();
    if (on == nullptr)
      break;
    begin(queue_.front(), *on);
    queue_.pop();
    --pool_.queued;
  }
  if (!queue_.empty())
    pool_.oldest_arrival = queue_.front().arrival;
}

void simulation::call_ends() {
  const auto done = running_.top();
  running_.pop();
  --pool_.running;
  pool_.last_service = static_cast<double>(done.service);
  result_.last_end = pool_.now;
  auto& on = *table_.find(done.on);
  table_.give_back(on);
  if (on.in_use == 0) {
    on.idle_since = pool_.now;
    if (on.draining)
      leave(on);
  }
  serve_queue();
  if (done.by != nobody) {
    const auto& who = trace_.users[done.by];
    const auto at = pool_.now + static_cast<double>(who.steps[steps_[done.by]].think);
    const auto step = (steps_[done.by] + 1) % static_cast<std::uint32_t>(who.steps.size());
    if (step != 0 || at < who.until)
      turns_.push({at, done.by, step});
  }
  ask(event::ended);
}

// -- time ----

void simulation::ask(event what) {
  answer_.clear();
  policy_.on(what, pool_, answer_);
  if (machine_.is_warm || answer_.empty())
    return;
  const auto starts_before = result_.starts;
  for (const auto id : answer_.end)
    end(id);
  for (auto left = answer_.start; left > 0 && pool_.alive() < trace_.max; --left)
    start();
  result_.decisions += !answer_.end.empty() || result_.starts != starts_before;
}

std::pair<seconds, simulation::kind> simulation::next() {
  while (!starting_.empty() && table_.find(starting_.front().id) == nullptr)
    starting_.pop();
  std::pair<seconds, kind> best{never, kind::nothing};
  auto consider = [&best](seconds at, kind what) {
    if (at < best.first)
      best = {at, what};
  };
  if (!running_.empty())
    consider(running_.top().end, kind::end);
  if (!starting_.empty())
    consider(starting_.front().ready_at, kind::ready);
  if (next_call_ < trace_.calls.size())
    consider(trace_.calls[next_call_].arrival, kind::call);
  if (!turns_.empty())
    consider(turns_.top().at, kind::turn);
  consider(policy_.next_tick(), kind::tick);
  return best;
}

void simulation::advance(seconds to) {
  pool_.concurrency_area += static_cast<double>(pool_.open()) * (to - pool_.now);
  pool_.now = to;
}

bool simulation::is_over(seconds at) const {
  const bool is_served = pool_.open() == 0 && next_call_ == trace_.calls.size() && turns_.empty();
  if (is_served)
    return at == never || at > trace_.end + machine_.tail || (at > trace_.end && pool_.replicas.empty());
  return at == never || at > trace_.end + machine_.limit;
}

outcome simulation::run() {
  for (;;) {
    const auto [at, what] = next();
    if (is_over(at))
      break;
    advance(at);
    switch (what) {
      case kind::end:
        call_ends();
        break;
      case kind::ready:
        replica_ready();
        break;
      case kind::call: {
        const auto& one = trace_.calls[next_call_++];
        arrive(one.service, nobody);
        break;
      }
      case kind::turn:
        user_arrives();
        break;
      case kind::tick:
        ask(event::tick);
        break;
      case kind::nothing:
        break;
    }
  }
  settle();
  return result_;
}

void simulation::settle() {
  for (const auto& one : pool_.replicas) // still there when counting ends
    if (one.placed != never)
      result_.replica_seconds += std::max(pool_.now, trace_.end + machine_.tail) - one.placed;
  result_.lost = pool_.open();
  if (waits_.empty())
    return;
  result_.wait_mean = waited_ / static_cast<double>(waits_.size());
  auto quantile = [this](double share) {
    const auto at = waits_.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(waits_.size() - 1) + 0.5);
    std::nth_element(waits_.begin(), at, waits_.end());
    return static_cast<double>(*at);
  };
  result_.wait_p50 = quantile(0.5);
  result_.wait_p99 = quantile(0.99);
}

} // namespace

outcome simulate(const trace& what, policy& how, const machine& where) { return simulation(what, how, where).run(); }

} // namespace hearth::replay
