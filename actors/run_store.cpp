#include "actors/run_store.hpp"

#include <algorithm>
#include <utility>

namespace hearth {

namespace {

/// What is left of a result: a failure stays one, in a sentence.
call_reply remains_of(const run_row& row, const call_reply& result) {
  auto answer = result;
  answer.is_text = true;
  if (result.code == ec::none) {
    answer.code = ec::unknown_run;
    answer.value = payload::text("The result of run `" + row.name
                                 + "` is no longer kept: newer results took its place, or it "
                                   "is too old. Run it again, or let the task store what has to last.");
  } else {
    answer.value = payload::text(row.error + " (Nothing more of this failure is kept.)");
  }
  return answer;
}

class memory_run_store final : public run_store {
public:
  explicit memory_run_store(run_limits limits) : limits_(limits) {}

  run_record* insert(run_row row) override {
    auto [at, is_new] = by_name_.try_emplace(row.name);
    if (!is_new)
      return nullptr;
    at->second = std::make_unique<run_record>();
    at->second->row = std::move(row);
    by_root_[at->second->row.call] = at->second.get();
    order_.push_back(at->second.get());
    return at->second.get();
  }

  run_record* find(const std::string& name) override {
    auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second.get();
  }

  run_record* find(call_id root) override {
    auto found = by_root_.find(root);
    return found == by_root_.end() ? nullptr : found->second;
  }

  std::vector<run_record*> newest(std::size_t limit) override {
    std::vector<run_record*> result;
    for (auto run = order_.rbegin(); run != order_.rend() && result.size() < limit; ++run)
      result.push_back(*run);
    return result;
  }

  void ended(run_record& run, instant now) override {
    ended_.push_back({&run, now});
    results_bytes_ += bytes_of(run);
    while (results_bytes_ > limits_.results_bytes)
      forget_oldest_result();
    forget_old_results(now);
    if (ended_.size() > limits_.ended_max)
      forget_oldest_run();
  }

  std::optional<instant> forget_old_results(instant now) override {
    while (forgotten_ < ended_.size() && ended_[forgotten_].since + limits_.result_age <= now)
      forget_oldest_result();
    if (forgotten_ == ended_.size())
      return std::nullopt;
    return ended_[forgotten_].since + limits_.result_age;
  }

  std::size_t open_count() const override { return order_.size() - ended_.size(); }

  std::vector<call_id> take_forgotten() override { return std::exchange(forgotten_roots_, {}); }

private:
  struct ended_run {
    run_record* run = nullptr;
    instant since;
  };

  static std::uint64_t bytes_of(const run_record& run) { return run.result->value.size() + run.arguments.size(); }

  void forget_oldest_result() {
    auto& run = *ended_[forgotten_++].run;
    results_bytes_ -= bytes_of(run);
    run.result = remains_of(run.row, *run.result);
    run.spec.reset();
    run.arguments = payload{};
    if (run.row.error.empty())
      run.row.error = "The result is no longer kept.";
  }

  void forget_oldest_run() {
    auto* run = ended_.front().run;
    ended_.pop_front();
    if (forgotten_ > 0)
      --forgotten_;
    else
      results_bytes_ -= bytes_of(*run);
    forgotten_roots_.push_back(run->row.call);
    order_.erase(std::find(order_.begin(), order_.end(), run));
    by_root_.erase(run->row.call);
    by_name_.erase(std::string(run->row.name));
  }

  const run_limits limits_;
  std::deque<ended_run> ended_;     // in the order in which they ended
  std::size_t forgotten_ = 0;       // so many of the first have no result any more
  std::uint64_t results_bytes_ = 0; // of the others
  std::unordered_map<std::string, std::unique_ptr<run_record>> by_name_;
  std::unordered_map<call_id, run_record*> by_root_;
  std::deque<run_record*> order_; // in the order in which they began
  std::vector<call_id> forgotten_roots_;
};

} // namespace

std::unique_ptr<run_store> make_memory_run_store(run_limits limits) {
  return std::make_unique<memory_run_store>(limits);
}

} // namespace hearth
