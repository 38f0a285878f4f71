#include "actors/run_records.hpp"

#include "actors/run_keeper.hpp"

#include <algorithm>
#include <utility>

/// The record of runs: what their finished children returned.
namespace hearth {

namespace {

/// The name of a call below this root, and its id from its name: the same both ways.
call_id across(call_id id, call_id root) { return {id.hi ^ root.hi, id.lo ^ root.lo}; }

} // namespace

payload lasting(payload value) {
  if (value.size() <= defaults::read_arena_bytes && value.rest.empty())
    value.head = bytes::copy_of(value.head.view());
  return value;
}

// -- in memory ----

void run_records::put(finished_child child) {
  const auto size = child.reply.value.size() + defaults::record_bytes_charged;
  auto [at, is_new] = runs_.try_emplace(child.root);
  if (is_new)
    order_.push_back(child.root);
  if (at->second.children.contains(child.id))
    return;
  while (bytes_ + size > bytes_max_ && order_.front() != child.root)
    forget(order_.front());
  if (bytes_ + size > bytes_max_) {
    ++dropped_;
    return;
  }
  child.reply.value = lasting(std::move(child.reply.value));
  auto& kept = runs_.at(child.root);
  kept.children.emplace(child.id, std::move(child.reply));
  kept.bytes += size;
  bytes_ += size;
}

std::optional<call_reply> run_records::find(call_id root, call_id name) const {
  const auto run = runs_.find(root);
  if (run == runs_.end())
    return std::nullopt;
  const auto child = run->second.children.find(name);
  return child == run->second.children.end() ? std::nullopt : std::optional(child->second);
}

void run_records::forget(call_id root) {
  const auto run = runs_.find(root);
  if (run == runs_.end())
    return;
  bytes_ -= run->second.bytes;
  runs_.erase(run);
  order_.erase(std::find(order_.begin(), order_.end(), root));
}

records_actor::behavior_type memory_records_state::make_behavior(std::uint64_t bytes_max) {
  kept_.emplace(bytes_max);
  return {
    [this](atom::append, std::vector<finished_child>& children) {
      for (auto& child : children)
        kept_->put(std::move(child));
    },
    [this](atom::find, call_id root, call_id other, const std::vector<call_id>& names) {
      std::vector<found_child> answer;
      answer.reserve(names.size());
      for (auto name : names) {
        auto reply = kept_->find(root, name);
        if (!reply && other)
          reply = kept_->find(other, name);
        answer.push_back({name, std::move(reply)});
      }
      return answer;
    },
    [this](atom::forget, call_id root) { kept_->forget(root); },
  };
}

// -- of the run keeper ----

void run_keeper_state::record(std::vector<finished_child>& children) {
  std::erase_if(children, [this](const auto& child) { return config_->store->find(child.root) == nullptr; });
  if (children.empty() || !config_->records)
    return;
  for (auto& child : children) {
    child.id = across(child.id, child.root);
    child.reply.id = child.id;
  }
  self_->send(config_->records, atom::append::value, std::move(children));
}

void run_keeper_state::seek(call_id root, std::vector<call_id>& ids, const seeker_actor& seeker) {
  const auto* run = config_->store->find(root);
  if (run == nullptr || !config_->records)
    return found(root, {}, ids, seeker);
  const auto other = run->record;
  auto names = ids;
  for (auto& id : names)
    id = across(id, root);
  self_->request(config_->records, defaults::record_patience, atom::find::value, root, other, std::move(names))
    .then([this, root, ids, seeker](std::vector<found_child>& kept) { found(root, std::move(kept), ids, seeker); },
          [this, root, ids, seeker](const caf::error&) { found(root, {}, ids, seeker); });
}

/// Answers who asked for `ids`; what is not among `kept` runs again. What is, is recorded for this root too: it may have
/// been the record of another.
void run_keeper_state::found(call_id root, std::vector<found_child> kept, const std::vector<call_id>& ids,
                             const seeker_actor& seeker) {
  std::vector<finished_child> taken_over;
  const auto* run = config_->store->find(root);
  for (auto& child : kept) {
    if (run != nullptr && run->record && child.reply)
      taken_over.push_back({root, child.id, *child.reply});
    child.id = across(child.id, root);
    if (child.reply)
      child.reply->id = child.id;
  }
  if (!taken_over.empty())
    self_->send(config_->records, atom::append::value, std::move(taken_over));
  if (kept.empty())
    for (auto id : ids)
      kept.push_back({id, std::nullopt});
  self_->send(seeker, atom::found::value, std::move(kept));
}

} // namespace hearth
