#include "tests/support/foundry_fixture.hpp"

#include <string>

using namespace hearth;
using namespace hearth::test;

BOOST_AUTO_TEST_SUITE(hooks)

namespace {

constexpr auto code = R"(
import os

parent = os.getpid()

def load(): print("loaded", "above" if os.getpid() == parent else "here", flush=True)

def fail(): raise ValueError("no weights")

def close(): print("closed", flush=True)

def f(): return 1
)";

/// Interpreters as the SDK makes them.
struct with_sdk : foundry_fixture {
  with_sdk() : foundry_fixture(HEARTH_SOURCE_DIR "/python/src/hearth/_worker/boot.py") {
    write_file(bundle / "m.py", code);
  }

  static std::shared_ptr<environment_spec> spec_with(const std::vector<hook_spec>& hooks) {
    auto made = spec("hooks");
    task_spec task;
    task.name = "digits.f";
    task.module = "m";
    task.function = "f";
    made->tasks = {task};
    made->hooks = hooks;
    return made;
  }

  static void end_politely(const made& replica) {
    caf::anon_send(*replica.heard->door, atom::halt::value, false, ec::none, std::string("enough"));
  }
};

const hook_spec loads{"m", "load", "", false, false};
const hook_spec fails{"m", "fail", "", false, false};
const hook_spec closes{"m", "close", "", false, true};

} // namespace

BOOST_FIXTURE_TEST_CASE(they_run_in_the_replica_and_what_they_print_is_its_output, with_sdk) {
  const auto replica = ready(spec_with({loads, closes}));
  end_politely(replica);
  BOOST_CHECK_EQUAL(gone(replica).message, "enough");
  BOOST_CHECK_EQUAL(replica.heard->output, "loaded here\nclosed\n");
}

BOOST_FIXTURE_TEST_CASE(they_have_their_time_when_the_node_stops, with_sdk) {
  const auto replica = ready(spec_with({closes}));
  stop();
  BOOST_CHECK_EQUAL(replica.heard->output, "closed\n");
}

BOOST_FIXTURE_TEST_CASE(one_that_fails_is_the_reason_of_the_replicas_end, with_sdk) {
  const auto replica = order(spec_with({fails, closes}));
  const auto end = gone(replica);
  BOOST_CHECK(end.code == ec::module_load);
  BOOST_CHECK_EQUAL(replica.heard->count<interpreter::hello>(), 0);
  BOOST_CHECK_NE(end.message.find("@digits.on_start 'fail' failed"), std::string::npos);
  BOOST_CHECK_NE(end.message.find("ValueError: no weights"), std::string::npos);
  BOOST_CHECK_NE(end.message.find("m.py\", line 8"), std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(with_a_fork_for_each_call_they_run_before_the_first_fork, with_sdk) {
  auto fine = spec_with({loads});
  fine->reuse.hygiene = "fork";
  end_politely(ready(fine, 4, true));
  auto broken = spec_with({fails});
  broken->version = "another";
  broken->reuse.hygiene = "fork";
  BOOST_CHECK(unmade(order(broken)).code == ec::module_load);
}

BOOST_FIXTURE_TEST_CASE(only_the_first_replica_waits_for_the_imports, with_sdk) {
  const auto first = ready(spec_with({}));
  const auto second = ready(spec_with({}));
  BOOST_CHECK(first.heard->how.import > nanoseconds(0) && first.heard->how.fork > nanoseconds(0));
  BOOST_CHECK(second.heard->how.import == nanoseconds(0) && second.heard->how.fork > nanoseconds(0));
}

BOOST_AUTO_TEST_SUITE_END()
