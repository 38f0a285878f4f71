#pragma once

#include "tests/support/actor_fixture.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// Who executes calls and who waits for them, as a test plays both.
namespace hearth::test {

/// A supervisor that a test plays.
struct scripted_supervisor {
  supervisor_actor handle;
  std::vector<call> calls;
  std::vector<cancellation> cancels;
  std::vector<std::pair<std::string, bool>> opened; // version, deployed
  std::vector<call_id> open;                        // what it says when it is asked
  bool was_disowned = false;
};

inline supervisor_actor::behavior_type scripted_supervisor_behavior(supervisor_actor::pointer self,
                                                                    std::shared_ptr<scripted_supervisor> me) {
  return {
    [me](atom::invoke, std::vector<call>& calls) {
      for (auto& c : calls) {
        me->open.push_back(c.header.id);
        me->calls.push_back(std::move(c));
      }
    },
    [me](atom::cancel, std::vector<cancellation>& what) {
      for (auto& c : what)
        me->cancels.push_back(std::move(c));
    },
    [me](atom::has, const caller_actor&, const std::vector<call_id>& asked) {
      std::vector<call_id> found;
      for (auto id : asked)
        if (std::find(me->open.begin(), me->open.end(), id) != me->open.end())
          found.push_back(id);
      return found;
    },
    [me](atom::open, const spec_ptr& spec, bool deploy) {
      me->opened.emplace_back(spec->version, deploy);
      return me->opened.size() == 1;
    },
    [](atom::events, const replica::events&) {},
    [](atom::yield) {},
    [](atom::list) -> caf::result<std::vector<environment_row>, std::vector<replica_row>> {
      return {std::vector<environment_row>{}, std::vector<replica_row>{}};
    },
    [](atom::stop, milliseconds) {},
    [self](atom::halt) { self->quit(); },
    [me](atom::disown) { me->was_disowned = true; },
    [](atom::adopt, const std::vector<adoptable>&, bool) {},
    [](atom::drain, const std::vector<replica_id>&) {},
    [](atom::tick) {},
  };
}

/// Who waits for calls.
struct scripted_caller {
  caller_actor handle;
  std::vector<call_reply> replies;
  std::vector<log_text> output;
};

inline std::shared_ptr<scripted_caller> spawn_caller(caf::actor_system& system) {
  auto c = std::make_shared<scripted_caller>();
  c->handle = system.spawn([c](caller_actor::pointer) -> caller_actor::behavior_type {
    return {
      [c](atom::replies, std::vector<call_reply>& replies) {
        for (auto& r : replies)
          c->replies.push_back(std::move(r));
      },
      [c](atom::logged, std::vector<log_text>& texts) {
        for (auto& t : texts)
          c->output.push_back(std::move(t));
      },
    };
  });
  return c;
}

} // namespace hearth::test
