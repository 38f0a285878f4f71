#include "actors/batch.hpp"
#include "actors/log_lines.hpp"
#include "actors/run_keeper.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <limits>

/// Where the output of runs goes: to their logs, and to who watches.
namespace hearth {

namespace {

constexpr std::uint16_t stream_system = 3; // schema/frame.capnp

} // namespace

/// What is kept is on its way to this watcher; newer output waits until that has come.
void run_keeper_state::hold(watcher& w, const std::vector<log_text>& texts) {
  for (const auto& text : texts) {
    const auto size = text.text.size() + defaults::part_bytes_charged_min;
    if (w.held_bytes + size > defaults::held_output_bytes_max) {
      w.held_dropped += text.text.size() + text.dropped;
      continue;
    }
    w.held_bytes += size;
    w.held.push_back(text);
  }
}

void run_keeper_state::release(watcher& w) {
  w.is_fetching = false;
  if (w.held_dropped > 0) {
    log_text gap;
    gap.stream = stream_system;
    gap.dropped = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(w.held_dropped, std::numeric_limits<std::uint32_t>::max()));
    w.held.push_back(std::move(gap));
  }
  if (!w.held.empty())
    self_->send(w.session, atom::logged::value, std::move(w.held));
  w.held.clear();
}

void run_keeper_state::logged(std::vector<log_text>& texts) {
  std::vector<std::pair<call_id, std::vector<log_text>>> by_run;
  for (auto& text : texts)
    batch_for(by_run, text.root).push_back(std::move(text));
  for (auto& [root, batch] : by_run) {
    auto* run = book_->find(root);
    if (!run)
      continue;
    if (auto a = audiences_.find(root); a != audiences_.end())
      for (const auto& w : a->second.watchers)
        show(*w, batch);
    self_->send(config_->logs, atom::append::value, log_of(run->row), std::move(batch));
  }
}

void run_keeper_state::show(watcher& w, std::vector<log_text> texts) {
  keep_action(texts, w.action);
  if (w.is_fetching)
    hold(w, texts);
  else if (!texts.empty())
    self_->send(w.session, atom::logged::value, std::move(texts));
}

caf::result<bool> run_keeper_state::watch(const std::string& name_or_root, const session_actor& session,
                                          const std::string& action, std::uint32_t lines, bool follow) {
  auto* run = book_->find_either(name_or_root);
  if (!run)
    return unknown(name_or_root);
  auto root = run->root();
  auto w = std::make_shared<watcher>(session);
  w->action = action;
  w->is_fetching = true;
  w->end = self_->make_response_promise<bool>();
  w->goes_on = follow && !run->ended();
  if (w->goes_on) {
    audiences_[root].watchers.push_back(w);
    heed(session.address());
  }
  // Lines are counted among those of the action.
  self_
    ->request(config_->logs, defaults::inner_request_timeout, atom::read::value, log_of(run->row),
              action.empty() ? lines : 0)
    .then(
      [this, w, lines](std::vector<log_text>& kept) {
        keep_action(kept, w->action);
        self_->send(w->session, atom::logged::value, last_lines(std::move(kept), lines));
        release(*w);
        if (!w->goes_on)
          w->end.deliver(false);
      },
      [this, w, root](caf::error& error) {
        if (auto still = audiences_.find(root); still != audiences_.end())
          still->second.watchers.remove(w);
        w->end.deliver(std::move(error));
      });
  return w->end;
}

} // namespace hearth
