#pragma once

#include "actors/log_lines.hpp"
#include "core/defaults.hpp"
#include "tests/support/actor_fixture.hpp"
#include "tests/support/run_records.hpp"
#include "tests/support/scripted_control.hpp"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

/// Doors that a test plays: interpreters, records and what a disk holds.
namespace hearth::test {

/// What a scripted interpreter saw and was asked. The test decides what it says.
struct scripted_interpreter {
  replica_order order;
  replica_actor replica;
  interpreter_actor door;
  std::vector<sent_call> calls;         // in the order in which they came, never removed
  std::set<std::uint32_t> held;         // slots without an outcome
  std::vector<std::uint32_t> cancelled; // slots
  std::vector<std::vector<std::uint32_t>> recalls;
  std::vector<std::pair<std::uint32_t, std::uint64_t>> granted; // slot, bytes
  std::vector<std::pair<std::uint32_t, input_part>> inputs;
  std::vector<call_reply> child_replies;
  std::vector<opened_handle> opened;
  bool halted = false;
  bool halted_at_once = false;
  std::string halt_reason;
};

struct scripted_doors {
  std::vector<std::shared_ptr<scripted_interpreter>> interpreters; // by start order
  bool attach_at_once = true;                                      // and say hello
  bool can_hold_ahead = true;
  failure unmade; // code set: every start fails with it
  std::set<std::string> bundles{"b"};
  std::map<std::string, std::vector<log_text>> logs;
  bool disk_is_slow = false; // what is read waits for `disk_goes_on`
  std::vector<std::pair<caf::typed_response_promise<std::vector<log_text>>, std::vector<log_text>>> reads;
  std::vector<std::string> forgotten; // versions
  run_records records;
  std::size_t finds = 0;
  bool records_are_silent = false; // who asks gets no answer
  std::vector<caf::typed_response_promise<std::vector<found_child>>> lost_finds;
  bool foundry_stopped = false;
};

inline interpreter_actor::behavior_type scripted_interpreter_behavior(interpreter_actor::pointer self,
                                                                      std::shared_ptr<scripted_interpreter> me) {
  return {
    [me](atom::dispatch, std::vector<sent_call>& calls) {
      for (auto& c : calls) {
        me->held.insert(c.slot);
        me->calls.push_back(std::move(c));
      }
    },
    [me](atom::recall, const std::vector<std::uint32_t>& slots) { me->recalls.push_back(slots); },
    [me](atom::cancel, std::uint32_t slot, call_id) { me->cancelled.push_back(slot); },
    [me](atom::more, std::uint32_t slot, call_id, std::uint64_t size) { me->granted.emplace_back(slot, size); },
    [me](atom::input, std::uint32_t slot, input_part& part) { me->inputs.emplace_back(slot, std::move(part)); },
    [me](atom::replies, std::vector<call_reply>& replies) {
      for (auto& r : replies)
        me->child_replies.push_back(std::move(r));
    },
    [me](atom::open, const opened_handle& handle) { me->opened.push_back(handle); },
    [self, me](atom::halt, bool at_once, ec code, const std::string& reason) {
      if (me->halted)
        return;
      me->halted = true;
      me->halted_at_once = at_once;
      me->halt_reason = reason;
      std::vector<std::uint32_t> begun(me->held.begin(), me->held.end());
      self->send(me->replica, atom::events::value, interpreter::events{interpreter::gone{code, reason, begun}});
      self->quit();
    },
  };
}

inline records_actor::behavior_type scripted_records_behavior(records_actor::pointer self,
                                                              std::shared_ptr<scripted_doors> d) {
  return {
    [d](atom::append, std::vector<finished_child>& children) {
      for (auto& child : children)
        d->records.put(std::move(child));
    },
    [self, d](atom::find, call_id root, call_id other,
              const std::vector<call_id>& names) -> caf::result<std::vector<found_child>> {
      ++d->finds;
      if (d->records_are_silent) {
        d->lost_finds.push_back(self->make_response_promise<std::vector<found_child>>());
        return d->lost_finds.back();
      }
      std::vector<found_child> answer;
      for (auto name : names) {
        auto reply = d->records.find(root, name);
        answer.push_back({name, reply ? reply : d->records.find(other, name)});
      }
      return answer;
    },
    [d](atom::forget, call_id root) { d->records.forget(root); },
  };
}

} // namespace hearth::test
