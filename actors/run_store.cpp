#include "actors/run_store.hpp"

namespace hearth {

namespace {

class memory_run_store final : public run_store {
public:
  explicit memory_run_store(std::size_t ended_max) : ended_max_(ended_max) {}

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

  void ended(run_record&) override {
    if (++ended_ <= ended_max_)
      return;
    for (auto run = order_.begin(); run != order_.end(); ++run)
      if ((*run)->ended()) {
        by_root_.erase((*run)->row.call);
        by_name_.erase(std::string((*run)->row.name));
        order_.erase(run);
        --ended_;
        return;
      }
  }

  std::size_t open_count() const override { return order_.size() - ended_; }

private:
  std::size_t ended_max_;
  std::size_t ended_ = 0;
  std::unordered_map<std::string, std::unique_ptr<run_record>> by_name_;
  std::unordered_map<call_id, run_record*> by_root_;
  std::deque<run_record*> order_;
};

} // namespace

std::unique_ptr<run_store> make_memory_run_store(std::size_t ended_max) {
  return std::make_unique<memory_run_store>(ended_max);
}

} // namespace hearth
