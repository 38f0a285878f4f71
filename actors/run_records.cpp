#include "actors/run_keeper.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
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
  std::erase_if(children, [this](const auto& child) {
    const auto* run = book_->find(child.root);
    return run == nullptr || !is_at_home(*run->durable);
  });
  if (children.empty())
    return;
  for (auto& child : children) {
    succeeded(child);
    child.id = across(child.id, child.root);
    child.reply.id = child.id;
  }
  keep(std::move(children));
}

/// The event that says the same may have been lost; when it comes still, it is no news.
void run_keeper_state::succeeded(const finished_child& child) {
  auto& run = *book_->find(child.root);
  if (!run.open_actions.contains(child.id))
    return;
  const auto& reply = child.reply;
  action_event e;
  e.root = child.root;
  e.id = child.id;
  e.phase = action_event::phase_t::succeeded;
  e.attempt = reply.attempt;
  e.cold = reply.cold;
  e.queued = reply.queued;
  e.start = reply.start;
  e.fork = reply.fork;
  e.import = reply.import;
  e.run = reply.run;
  run_book::count(run, e);
}

std::vector<call_id> run_keeper_state::search::missing() const {
  std::set<call_id> there;
  for (const auto& child : kept)
    there.insert(child.id);
  std::vector<call_id> result;
  std::copy_if(names.begin(), names.end(), std::back_inserter(result),
               [&](auto name) { return !there.contains(name); });
  return result;
}

void run_keeper_state::seek(call_id root, const std::vector<call_id>& ids, const seeker_actor& seeker) {
  const auto s = std::make_shared<search>();
  s->root = root;
  s->seeker = seeker;
  for (auto id : ids)
    s->names.push_back(across(id, root));
  const auto* run = book_->find(root);
  if (run == nullptr || !is_at_home(*run->durable))
    return found(*s);
  s->other = record_before(*run);
  self_->request(config_->records, defaults::record_patience, atom::find::value, root, s->other, s->names)
    .then(
      [this, s](std::vector<found_child>& here) {
        for (auto& child : here)
          if (child.reply)
            s->kept.push_back({s->root, child.id, std::move(*child.reply)});
        seek_elsewhere(s);
      },
      [this, s](const caf::error&) { seek_elsewhere(s); });
}

/// A run that had another home, or goes by the record of one that had, left its record there and on the node beside it.
void run_keeper_state::seek_elsewhere(const search_ptr& s) {
  const auto* run = book_->find(s->root);
  const auto missing = s->missing();
  if (missing.empty() || !config_->switchboard || run == nullptr || (run->durable->attempt == 1 && !s->other))
    return found(*s);
  link::ask question;
  question.what = "recorded";
  question.calls = {s->root, s->other};
  question.calls.insert(question.calls.end(), missing.begin(), missing.end());
  self_
    ->request(config_->switchboard, caf::infinite, atom::ask::value, std::move(question),
              defaults::record_elsewhere_patience)
    .then(
      [this, s](link::member_answers& all) {
        std::map<call_id, finished_child> there; // several nodes may have it
        for (auto& item : all.items)
          if (auto* children = std::get_if<std::vector<finished_child>>(&item.what.content))
            for (auto& child : *children)
              there.try_emplace(child.id, std::move(child));
        for (auto name : s->missing())
          if (auto child = there.find(name); child != there.end())
            s->kept.push_back(std::move(child->second));
        found(*s);
      },
      [this, s](const caf::error&) { found(*s); });
}

/// Answers who asked; what is not kept runs again. What is, becomes this home's to keep: it may have been another's, and
/// what another node keeps of it may have gone with a home.
void run_keeper_state::found(const search& s) {
  std::vector<found_child> answer;
  for (const auto& child : s.kept) {
    auto reply = child.reply;
    reply.id = across(child.id, s.root);
    answer.push_back({reply.id, std::move(reply)});
  }
  for (auto name : s.missing())
    answer.push_back({across(name, s.root), std::nullopt});
  self_->send(s.seeker, atom::found::value, std::move(answer));
  const auto* run = book_->find(s.root);
  if (!s.kept.empty() && run != nullptr && (run->durable->attempt > 1 || s.other))
    keep(s.kept);
}

} // namespace hearth
