#include "actors/run_keeper.hpp"

#include <algorithm>
#include <utility>

/// The record of runs: what their finished children returned.
namespace hearth {

namespace {

/// The name of a call below this root, and its id from its name: the same both ways.
call_id across(call_id id, call_id root) { return {id.hi ^ root.hi, id.lo ^ root.lo}; }

} // namespace

/// The root of the run whose record counts for this one too; none: there is none, or it is forgotten.
call_id run_keeper_state::record_before(const run_entry& run) {
  const auto& name = run.durable->submitted.rerun_of;
  const auto* before = name.empty() ? nullptr : book_->find(name);
  return before ? before->root() : call_id{};
}

void run_keeper_state::record(std::vector<finished_child>& children) {
  std::erase_if(children, [this](const auto& child) { return book_->find(child.root) == nullptr; });
  if (children.empty())
    return;
  for (auto& child : children) {
    child.id = across(child.id, child.root);
    child.reply.id = child.id;
  }
  self_->send(config_->records, atom::append::value, std::move(children));
}

void run_keeper_state::seek(call_id root, std::vector<call_id>& ids, const seeker_actor& seeker) {
  const auto* run = book_->find(root);
  if (run == nullptr)
    return found(root, {}, ids, seeker);
  const auto other = record_before(*run);
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
  const auto* run = book_->find(root);
  for (auto& child : kept) {
    if (run != nullptr && record_before(*run) && child.reply)
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
