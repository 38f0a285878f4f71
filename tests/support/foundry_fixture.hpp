#pragma once

#include "actors/error.hpp"
#include "node/interpreter/foundry.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>
#include <caf/all.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace hearth::test {

/// What a replica in a test has heard, in order.
struct heard {
  std::optional<interpreter_actor> door;
  attachment how;
  std::optional<failure> unmade;
  interpreter::events events;
  std::string output; // of calls and outside of them

  template <class Event>
  const Event* last() const {
    for (auto at = events.rbegin(); at != events.rend(); ++at)
      if (const auto* event = std::get_if<Event>(&*at))
        return event;
    return nullptr;
  }

  template <class Event>
  std::size_t count() const {
    return static_cast<std::size_t>(
      std::count_if(events.begin(), events.end(), [](const auto& e) { return std::holds_alternative<Event>(e); }));
  }
};

using heard_ptr = std::shared_ptr<heard>;

inline replica_actor spawn_listener(caf::actor_system& system, const heard_ptr& into) {
  return system.spawn([into](replica_actor::pointer) -> replica_actor::behavior_type {
    return {
      [](atom::replies, const std::vector<call_reply>&) {},
      [](atom::logged, const std::vector<log_text>&) {},
      [into](atom::attach, const interpreter_actor& door, const attachment& how) {
        into->door = door;
        into->how = how;
      },
      [into](atom::unmade, const failure& why) { into->unmade = why; },
      [into](atom::events, interpreter::events& events) {
        for (auto& event : events) {
          const auto* output = std::get_if<interpreter::output>(&event);
          if (output != nullptr)
            into->output.append(output->text.text.view().substr(0, 1000)); // floods are not kept here either
          if (output == nullptr || output->text.call)
            into->events.push_back(std::move(event));
        }
      },
      [](atom::dispatch, const std::vector<dispatched_call>&) {},
      [](atom::recall, const std::vector<ticket>&) {},
      [](atom::cancel, ticket) {},
      [](atom::retire, bool, const std::string&) {},
      [](atom::more, call_id, std::uint64_t) {},
      [](atom::input, const input_part&) {},
      [](atom::found, const std::vector<found_child>&) {},
      [](atom::adopt, const supervisor_actor&) { return false; },
      [](atom::tick, ticket) {},
      [](atom::retry, const std::vector<call_id>&) {},
    };
  });
}

/// A foundry on a loop, with real processes.
struct foundry_fixture : loop_fixture {
  scratch bundle;
  foundry_actor foundry;
  std::uint64_t replicas = 0;
  std::uint64_t calls = 0;
  bool stopped = false;

  explicit foundry_fixture(std::string boot = HEARTH_SOURCE_DIR "/tests/support/scripted_zygote.py",
                           std::uint64_t memory_limit = 0) {
    auto bundles = loop.system().spawn(
      [path = bundle.path().string()](bundles_actor::pointer) -> bundles_actor::behavior_type {
        return {
          [](atom::has, const std::string&) { return true; },
          [](atom::store, const std::string&, const std::vector<bytes>&) { return true; },
          [path](atom::open, const std::string& digest) -> caf::result<std::string> {
            if (digest == "missing")
              return error_of({ec::unknown_bundle, "no such bundle"});
            return path;
          },
          [](atom::read, const std::string&) { return std::vector<bytes>{}; },
        };
      });
    node::foundry_config config{loop, std::move(boot), bundles, {}, "/usr/bin/python3", memory_limit};
    foundry = node::spawn_foundry(config);
  }

  ~foundry_fixture() {
    stop();
    BOOST_CHECK_EQUAL(node::children().size(), 0);
  }

  /// Ends everything; returns when the foundry says that nothing is left.
  void stop() {
    if (std::exchange(stopped, true))
      return;
    bool done = false;
    loop.system().spawn([this, &done](caf::event_based_actor* self) {
      self->request(foundry, caf::infinite, atom::stop::value).then([&done](bool) { done = true; });
    });
    BOOST_CHECK_MESSAGE(run_until([&] { return done; }), "the foundry does not stop");
    foundry = foundry_actor{};
  }

  static std::shared_ptr<environment_spec> spec(const std::string& how = "fork") {
    auto made = std::make_shared<environment_spec>();
    made->project = "p";
    made->domain = "d";
    made->name = "digits";
    made->version = how;
    made->python = "/usr/bin/python3";
    made->variables = {{"ZYGOTE", how}};
    return made;
  }

  struct made {
    replica_actor replica;
    heard_ptr heard;
    replica_id id;
  };

  made order(const spec_ptr& from, std::uint32_t slots = 4, bool fresh = false, bool rehearses = false) {
    made result;
    result.heard = std::make_shared<test::heard>();
    result.id = replica_id{++replicas};
    result.replica = spawn_listener(loop.system(), result.heard);
    caf::anon_send(foundry, atom::start::value,
                   replica_order{from, result.id, 1, slots, fresh, false, rehearses, {}, result.replica});
    return result;
  }

  /// A replica that has said hello.
  made ready(const spec_ptr& from, std::uint32_t slots = 4, bool fresh = false) {
    auto result = order(from, slots, fresh);
    await([&] { return result.heard->count<interpreter::hello>() == 1; }, result);
    return result;
  }

  /// One that only imports the code.
  made rehearsal(const spec_ptr& from) { return order(from, 1, false, true); }

  void await(const std::function<bool()>& condition, const made& one) {
    const bool came = run_until(condition);
    BOOST_REQUIRE_MESSAGE(
      came, "it did not come; unmade: " + (one.heard->unmade ? one.heard->unmade->message : "no") + "; gone: "
              + (one.heard->last<interpreter::gone>() ? one.heard->last<interpreter::gone>()->message : "no"));
  }

  call_id send(const made& to, std::string_view command, std::uint32_t slot = 0) {
    sent_call call;
    call.header.id = {1, ++calls};
    call.slot = slot;
    call.arguments = payload::text(command);
    caf::anon_send(*to.heard->door, atom::dispatch::value, std::vector<sent_call>{call});
    return call.header.id;
  }

  /// Runs a command and returns its value.
  std::string ask(const made& to, std::string_view command, std::uint32_t slot = 0) {
    const auto before = to.heard->count<interpreter::outcome>();
    send(to, command, slot);
    await([&] { return to.heard->count<interpreter::outcome>() > before; }, to);
    const auto& value = to.heard->last<interpreter::outcome>()->reply.value;
    std::string text(value.head.view());
    for (const auto& part : value.rest)
      text.append(part.view());
    return text;
  }

  /// Waits until the replica is gone, and returns what it was told.
  interpreter::gone gone(const made& from) {
    await([&] { return from.heard->count<interpreter::gone>() > 0; }, from);
    // Not a second time, and nothing after it.
    pass_time();
    BOOST_CHECK_EQUAL(from.heard->count<interpreter::gone>(), 1);
    BOOST_CHECK(std::holds_alternative<interpreter::gone>(from.heard->events.back()));
    return *from.heard->last<interpreter::gone>();
  }

  failure unmade(const made& from) {
    await([&] { return from.heard->unmade.has_value(); }, from);
    return *from.heard->unmade;
  }

  static bool lives(pid_t pid) { return ::kill(pid, 0) == 0 || errno == EPERM; }

  bool await_end(pid_t pid) {
    return run_until([pid] { return !lives(pid); });
  }
};

} // namespace hearth::test
