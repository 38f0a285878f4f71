#include "actors/absent_owner.hpp"

#include "actors/text_reply.hpp"
#include "core/defaults.hpp"

#include <utility>

namespace hearth {

void absent_owner_state::say(link::message message) {
  if (is_gone_)
    return;
  link::messages batch;
  batch.push_back(std::move(message));
  self_->send(config_.switchboard, atom::send::value, config_.node, std::move(batch));
}

void absent_owner_state::tell(replica::events& events) {
  for (auto& event : events)
    if (auto* ready = std::get_if<replica::ready>(&event))
      ready->self = nullptr; // the owner's node has its own actor for it
  say(link::replica_event{config_.key, config_.owner_epoch, std::move(events)});
}

void absent_owner_state::hand_over(std::vector<adoptable>& found, bool are_all) {
  for (auto& each : found)
    gathered_.push_back(
      {each.id, std::move(each.version), each.concurrency, std::move(each.how), each.pid, each.start});
  gathers_ = gathers_ && !are_all;
  if (gathers_ || (gathered_.empty() && !are_all))
    return;
  say(link::adopted{config_.key, config_.owner_epoch, std::exchange(gathered_, {})});
}

/// Nobody has it for a supervisor that runs calls; who did would wait for ever.
void absent_owner_state::refuse(const std::vector<call>& calls) {
  for (const auto& c : calls)
    self_->send(c.caller, atom::replies::value,
                std::vector{text_reply(c.header.id, ec::stale_epoch, sentence(ec::stale_epoch))});
}

absent_owner_actor::behavior_type absent_owner_state::make_behavior(absent_owner_actor::pointer self,
                                                                    absent_owner_config config) {
  self_ = self;
  config_ = std::move(config);
  return {
    [this](atom::invoke, const std::vector<call>& calls) { refuse(calls); },
    [](atom::cancel, const std::vector<cancellation>&) { /* it has no calls */ },
    [](atom::has, const caller_actor&, const std::vector<call_id>&) { return std::vector<call_id>{}; },
    [](atom::open, const spec_ptr&, bool) { return false; },
    [this](atom::events, replica::events& events) { tell(events); },
    [](atom::yield) { /* the owner's node asks its own supervisors */ },
    [](atom::list) -> caf::result<std::vector<environment_row>, std::vector<replica_row>> {
      return {std::vector<environment_row>{}, std::vector<replica_row>{}}; // the owner lists them
    },
    [](atom::stop, milliseconds) { /* its calls are the owner's to finish */ },
    [this](atom::halt) { self_->quit(); },
    [](atom::disown) { /* a new owner adopts what is here */ },
    [this](atom::adopt, std::vector<adoptable>& found, bool are_all) { hand_over(found, are_all); },
    [](atom::drain, const std::vector<replica_id>&) { /* the owner hears it from the control log */ },
    [this](atom::tick) { self_->quit(); },
    [this](atom::down) {
      if (!std::exchange(is_gone_, true))
        self_->delayed_send(self_, defaults::orphan_time, atom::tick::value);
    },
  };
}

} // namespace hearth
