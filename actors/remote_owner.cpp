#include "actors/batch.hpp"
#include "actors/error.hpp"
#include "actors/remote_supervisor.hpp"

/// How a gate finds the owner of its environment, and what it does when that one changes or is gone.
namespace hearth {

// -- who owns it ----

bool gate_state::has_work() const {
  return waiting_ > 0
         || std::any_of(versions_.begin(), versions_.end(), [](const auto& v) { return !v.second.waiting.empty(); });
}

void gate_state::look_for_owner() {
  if (owner_.node || is_asking_ || retry_at_ || !has_work())
    return;
  is_asking_ = true;
  self_->request(config_.control, defaults::owner_wait, atom::own::value, config_.key)
    .then(
      [this](const ownership& found) {
        is_asking_ = false;
        if (found.node)
          owned(found);
        if (!owner_.node)
          retry_later();
        settle();
      },
      [this](const caf::error& error) {
        is_asking_ = false;
        why_not_ = failure_of(error).message;
        retry_later();
        settle();
      });
}

void gate_state::owned(const ownership& found) {
  if (!found.node) // it was somebody's
    return leave_owner();
  if (found.epoch < newest_ || (found.node == owner_.node && found.epoch == owner_.epoch))
    return; // no news
  leave_owner();
  newest_ = found.epoch;
  owner_ = found;
  why_not_.clear();
  retry_at_.reset();
  if (!is_reachable(owner_.node))
    unreachable_since_ = now();
}

/// What has begun at an owner that is there may still end there, and is asked after; what was at one that is gone is lost.
void gate_state::leave_owner() {
  if (!owner_.node)
    return;
  const auto last = std::exchange(owner_, ownership{});
  unreachable_since_.reset();
  if (here_)
    formers_.push_back({std::exchange(here_, supervisor_actor{}), last.epoch});
  for (auto& [name, v] : versions_) {
    v.is_open = v.is_asked = false;
    v.is_news = !v.waiting.empty();
  }
  const auto there = sent([&](const place& at, const held&) { return at.epoch == last.epoch; });
  for (auto id : there) {
    if (!is_reachable(last.node))
      lose(id, "node " + to_string(last.node) + ", which owned its environment, is gone");
    else
      suspect(calls_.at(id));
  }
  if (!there.empty() && !probe_at_)
    probe_at_ = now() + defaults::probe_interval;
}

/// It may have run calls that were handed to others, and could not send their answers here.
void gate_state::node_up(node_uuid node) {
  up_.insert(node);
  if (node == owner_.node)
    unreachable_since_.reset();
  const auto there = sent([](const place&, const held&) { return true; });
  for (auto id : there)
    suspect(calls_.at(id));
  if (!there.empty())
    probe_at_ = now();
}

/// Answers come from the node where a call ran, so the end of any link may have taken some with it.
void gate_state::node_down(node_uuid node, const std::string& why) {
  if (up_.erase(node) == 0)
    return;
  if (node == owner_.node) {
    unreachable_since_ = now();
    why_not_ = why;
    for (auto& [name, v] : versions_)
      v.is_asked = false; // its failure is on the way
  }
  for (auto id : sent([](const place&, const held&) { return true; })) {
    auto& h = calls_.at(id);
    if (h.at->node == node && node != owner_.node)
      lose(id, "node " + to_string(node) + ", which ran it, is gone");
    else
      suspect(h);
  }
  if (!calls_.empty() && !probe_at_)
    probe_at_ = now() + defaults::probe_interval;
}

void gate_state::down(const caf::down_msg& which) {
  if (which.source == config_.agent.address()) {
    abort_all();
    self_->quit();
    return;
  }
  std::optional<hearth::epoch> ended;
  if (here_ && here_.address() == which.source) {
    ended = owner_.epoch;
    here_ = supervisor_actor{};
    for (auto& [name, v] : versions_)
      v.is_open = v.is_asked = false;
    retry_later();
  }
  for (auto f = formers_.begin(); f != formers_.end();) {
    if (f->supervisor.address() != which.source) {
      ++f;
      continue;
    }
    ended = f->epoch;
    f = formers_.erase(f);
  }
  if (ended)
    missing(*ended, {}, "the supervisor of its environment ended on this node");
}

supervisor_actor gate_state::supervisor_of(hearth::epoch epoch) const {
  if (here_ && owner_.epoch == epoch)
    return here_;
  const auto found = std::find_if(formers_.begin(), formers_.end(), [&](auto& f) { return f.epoch == epoch; });
  return found == formers_.end() ? supervisor_actor{} : found->supervisor;
}

// -- opening ----

void gate_state::open_versions() {
  if (!has_owner())
    return;
  for (auto& [name, v] : versions_)
    if (v.is_news)
      open_at_owner(v);
}

void gate_state::open_at_owner(version& v) {
  v.is_asked = true;
  v.is_news = false;
  const auto at = owner_.epoch;
  const auto name = v.spec->version;
  const auto failed = [this, name, at](const caf::error& error) {
    not_opened(name, at, failure_of(error));
    settle();
  };
  if (owner_.node != config_.node) {
    self_
      ->request(config_.switchboard, caf::infinite, atom::open::value, owner_.node,
                link::open_environment{0, v.spec, v.deploy, at})
      .then(
        [this, name, at](bool is_new) {
          opened(name, at, is_new);
          settle();
        },
        failed);
    return;
  }
  self_->request(config_.agent, defaults::inner_request_timeout, atom::own::value, v.spec, v.deploy, at)
    .then(
      [this, name, at](const opened_environment& found) {
        if (owner_.epoch == at && here_ != found.supervisor) {
          if (here_)
            formers_.push_back({here_, at});
          here_ = found.supervisor;
          self_->monitor(here_);
        }
        opened(name, at, found.is_new);
        settle();
      },
      failed);
}

void gate_state::opened(const std::string& version_name, hearth::epoch at, bool is_new) {
  const auto v = versions_.find(version_name);
  if (v == versions_.end() || owner_.epoch != at)
    return;
  v->second.is_open = true;
  v->second.is_asked = false;
  if (v->second.is_news)
    return; // somebody else opened it meanwhile, and its owner is to hear of that
  for (auto& promise : std::exchange(v->second.waiting, {}))
    promise.deliver(is_new);
}

void gate_state::not_opened(const std::string& version_name, hearth::epoch at, failure why) {
  const auto v = versions_.find(version_name);
  if (v == versions_.end() || owner_.epoch != at)
    return;
  v->second.is_asked = false;
  if (why.code == ec::stale_epoch || why.code == ec::node_lost || why.code == ec::overloaded) {
    v->second.is_news = !v->second.waiting.empty();
    why_not_ = why.message;
    return retry_later();
  }
  for (auto& promise : std::exchange(v->second.waiting, {}))
    promise.deliver(error_of(why));
  std::vector<call_id> waiting;
  for (const auto& [id, h] : calls_)
    if (!h.at && h.what.spec->version == version_name)
      waiting.push_back(id);
  std::sort(waiting.begin(), waiting.end());
  for (auto id : waiting)
    answer(id, why.code, why.message);
}

void gate_state::retry_later() {
  if (!retry_at_)
    retry_at_ = now() + defaults::owner_retry;
}

} // namespace hearth
