#include "actors/error.hpp"
#include "actors/run_keeper.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <utility>

/// What a run needs and only its home has is on a second node too: large values before the control log names them, results
/// of finished children soon after. So the loss of the home costs the last few of those.
namespace hearth {

/// Nodes that are there: the next one after this by its id first, and those that are being drained last.
std::vector<node_uuid> run_keeper_state::others() const {
  std::vector<node_uuid> found;
  for (const bool is_draining : {false, true})
    for (const bool is_after : {true, false})
      for (const auto& [node, member] : members_)
        if (member.seat && node != config_->self && member.draining == is_draining
            && (config_->self < node) == is_after)
          found.push_back(node);
  return found;
}

/// On the first of these that takes it. Where nobody else is, all nodes that are there have it; but one that is there and
/// cannot keep it is a reason not to go on.
void run_keeper_state::copy_value(const payload& value, std::vector<node_uuid> to, std::optional<caf::error> refusal,
                                  std::function<void()> then, std::function<void(const caf::error&)> failed) {
  if (to.empty())
    return refusal ? failed(*refusal) : then();
  const auto next = to.front();
  to.erase(to.begin());
  link::ask question;
  question.what = "keep";
  question.value = value;
  self_
    ->request(config_->switchboard, caf::infinite, atom::ask::value, next, std::move(question),
              milliseconds(defaults::copy_patience))
    .then([then](const link::answer&) { then(); },
          [=, this](const caf::error& why) mutable {
            const auto code = failure_of(why).code;
            if (code != ec::node_lost && code != ec::bad_request) // the latter of a node of a version before
              refusal = why;
            copy_value(value, std::move(to), std::move(refusal), std::move(then), std::move(failed));
          });
}

/// Keeps these here and, soon, on another node. They go by their names.
void run_keeper_state::keep(std::vector<finished_child> children) {
  if (config_->switchboard)
    for (const auto& child : children) {
      const auto size = child.reply.value.size() + defaults::record_overhead_bytes;
      if (!copies_.empty() && copies_bytes_ + size > defaults::record_copies_bytes_max)
        continue;
      copies_.push_back(child);
      copies_bytes_ += size;
    }
  self_->send(config_->records, atom::append::value, std::move(children));
  copy_records();
}

/// One message at a time, so that a slow node makes the queue here long and nothing else.
void run_keeper_state::copy_records() {
  if (copies_.empty() || is_copying_)
    return;
  const auto to = others();
  link::ask question;
  question.what = "record";
  std::uint64_t size = 0;
  for (const auto& child : copies_) {
    question.children.push_back(child);
    size += child.reply.value.size() + defaults::record_overhead_bytes;
    if (size >= defaults::record_copies_batch_bytes || question.children.size() == defaults::link_items_max)
      break;
  }
  const auto copied = [this, size, count = question.children.size()] {
    copies_.erase(copies_.begin(), copies_.begin() + static_cast<std::ptrdiff_t>(count));
    copies_bytes_ -= size;
    copies_tried_ = 0;
  };
  if (copies_tried_ >= to.size()) {
    copied(); // nobody takes them
    return copy_records();
  }
  is_copying_ = true;
  self_
    ->request(config_->switchboard, caf::infinite, atom::ask::value, to[copies_tried_], std::move(question),
              milliseconds(defaults::record_patience))
    .then(
      [this, copied](const link::answer&) {
        is_copying_ = false;
        copied();
        copy_records();
      },
      [this](const caf::error&) {
        is_copying_ = false;
        ++copies_tried_;
        copy_records();
      });
}

} // namespace hearth
