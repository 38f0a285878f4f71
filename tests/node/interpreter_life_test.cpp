#include "tests/support/foundry_fixture.hpp"

#include <string>

using namespace hearth;
using namespace hearth::test;

BOOST_AUTO_TEST_SUITE(interpreter_life)

namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

struct one_replica : foundry_fixture {
  made replica;

  one_replica() { replica = ready(spec()); }

  void halt(bool at_once, ec code = ec::interpreter_lost, const std::string& why = "because") {
    caf::anon_send(*replica.heard->door, atom::halt::value, at_once, code, why);
  }

  void await_output() {
    await([&] { return replica.heard->count<interpreter::output>() >= 1; }, replica);
  }

  pid_t pid() const { return static_cast<pid_t>(replica.heard->last<interpreter::hello>()->pid); }
};

/// With a memory limit of 64 MiB.
struct limited : foundry_fixture {
  limited() : foundry_fixture(HEARTH_SOURCE_DIR "/tests/support/scripted_zygote.py", 64 << 20) {}
};

} // namespace

BOOST_FIXTURE_TEST_CASE(large_values_go_there_and_back, one_replica) {
  const std::string large(5 << 20, 'v');
  BOOST_CHECK(ask(replica, "echo " + large) == large);
  BOOST_CHECK_EQUAL(ask(replica, "large " + std::to_string(3 << 20)).size(), 3 << 20);
}

BOOST_FIXTURE_TEST_CASE(a_call_that_began_is_stopped_by_its_signal, one_replica) {
  const auto id = send(replica, "wait", 1);
  await_output();
  caf::anon_send(*replica.heard->door, atom::cancel::value, std::uint32_t{1}, id);
  await([&] { return replica.heard->count<interpreter::outcome>() == 1; }, replica);
  BOOST_CHECK_EQUAL(replica.heard->last<interpreter::outcome>()->reply.value.head.view(), "cancelled");
  BOOST_CHECK_EQUAL(ask(replica, "echo next", 1), "next");
}

BOOST_FIXTURE_TEST_CASE(a_call_behind_another_is_cancelled_and_recalled_without_the_interpreters_help, one_replica) {
  const auto first = send(replica, "wait", 0);
  await_output();
  const auto second = send(replica, "echo second", 1);
  send(replica, "echo third", 2);
  caf::anon_send(*replica.heard->door, atom::cancel::value, std::uint32_t{1}, second);
  caf::anon_send(*replica.heard->door, atom::recall::value, std::vector<std::uint32_t>{0, 2});
  await([&] { return replica.heard->count<interpreter::recalled>() == 1; }, replica);
  const auto* aborted = replica.heard->last<interpreter::outcome>();
  BOOST_REQUIRE(aborted != nullptr);
  BOOST_CHECK_EQUAL(aborted->slot, 1);
  BOOST_CHECK(aborted->unstarted);
  BOOST_CHECK(aborted->reply.code == ec::aborted);
  BOOST_CHECK((replica.heard->last<interpreter::recalled>()->slots == std::vector<std::uint32_t>{2}));
  caf::anon_send(*replica.heard->door, atom::cancel::value, std::uint32_t{0}, first);
  await([&] { return replica.heard->count<interpreter::outcome>() == 2; }, replica);
  BOOST_CHECK_EQUAL(ask(replica, "echo fourth", 3), "fourth");
  // Neither of the two ran.
  BOOST_CHECK_EQUAL(replica.heard->count<interpreter::outcome>(), 3);
}

BOOST_FIXTURE_TEST_CASE(a_crash_names_its_signal_and_what_had_begun, one_replica) {
  send(replica, "kill 9", 2);
  send(replica, "echo never", 3);
  const auto end = gone(replica);
  BOOST_CHECK(end.code == ec::interpreter_lost);
  BOOST_CHECK(contains(end.message, "was ended by signal 9 (SIGKILL)"));
  BOOST_CHECK((end.begun == std::vector<std::uint32_t>{2}));
}

BOOST_FIXTURE_TEST_CASE(an_exit_names_its_status_and_the_last_line_it_wrote, one_replica) {
  send(replica, "say_and_die the reason");
  const auto end = gone(replica);
  BOOST_CHECK(contains(end.message, "exited with status 7"));
  BOOST_CHECK(contains(end.message, "the reason"));
  BOOST_CHECK(!contains(end.message, "Traceback"));
}

BOOST_FIXTURE_TEST_CASE(hostile_frames_end_the_interpreter, foundry_fixture) {
  for (const char* command : {"garbage", "oversize", "wrong_slot", "reply_twice"}) {
    const auto replica = ready(spec());
    send(replica, command);
    const auto end = gone(replica);
    BOOST_CHECK_MESSAGE(end.code == ec::protocol_broken, command << ": " << end.message);
    BOOST_CHECK_MESSAGE(contains(end.message, "and was ended"), end.message);
    BOOST_CHECK(await_end(static_cast<pid_t>(replica.heard->last<interpreter::hello>()->pid)));
  }
}

BOOST_FIXTURE_TEST_CASE(a_crash_in_the_middle_of_a_frame_is_a_crash, one_replica) {
  send(replica, "half_a_frame_and_die");
  const auto end = gone(replica);
  BOOST_CHECK(end.code == ec::interpreter_lost);
  BOOST_CHECK(contains(end.message, "signal 9"));
}

BOOST_FIXTURE_TEST_CASE(a_socket_that_a_grandchild_holds_does_not_hold_up_the_end, one_replica) {
  send(replica, "hold_socket_and_die");
  BOOST_CHECK(contains(gone(replica).message, "signal 9"));
}

BOOST_FIXTURE_TEST_CASE(a_polite_end_lets_the_interpreter_go, one_replica) {
  halt(false, ec::none, "not needed any more");
  const auto end = gone(replica);
  BOOST_CHECK(end.code == ec::none);
  BOOST_CHECK_EQUAL(end.message, "not needed any more");
  BOOST_CHECK(await_end(pid()));
}

BOOST_FIXTURE_TEST_CASE(who_ignores_the_polite_end_is_killed, one_replica) {
  BOOST_CHECK_EQUAL(ask(replica, "ignore_end"), "");
  halt(false, ec::none, "not needed any more");
  gone(replica);
  BOOST_CHECK(await_end(pid()));
}

BOOST_FIXTURE_TEST_CASE(an_end_at_once_ends_what_hangs, one_replica) {
  send(replica, "hang");
  await_output();
  halt(true, ec::aborted, "it did not stop");
  const auto end = gone(replica);
  BOOST_CHECK(end.code == ec::aborted);
  BOOST_CHECK_EQUAL(end.message, "it did not stop");
  BOOST_CHECK((end.begun == std::vector<std::uint32_t>{0}));
}

BOOST_FIXTURE_TEST_CASE(a_reply_that_was_written_before_the_end_arrives_before_it, one_replica) {
  for (std::uint32_t slot = 0; slot < 3; ++slot)
    send(replica, "echo value", slot);
  send(replica, "kill 9", 3);
  const auto end = gone(replica);
  BOOST_CHECK_EQUAL(replica.heard->count<interpreter::outcome>(), 3);
  BOOST_CHECK((end.begun == std::vector<std::uint32_t>{3}));
}

BOOST_FIXTURE_TEST_CASE(a_process_left_behind_is_found_although_it_left_session_and_parent, one_replica) {
  const auto orphan = static_cast<pid_t>(std::stol(ask(replica, "grandchild")));
  // Another replica's end is no reason to touch it.
  const auto other = ready(spec());
  send(other, "kill 9");
  gone(other);
  BOOST_CHECK_EQUAL(ask(replica, "echo x"), "x");
  BOOST_CHECK(lives(orphan));
  halt(true);
  gone(replica);
  BOOST_CHECK(await_end(orphan));
}

BOOST_FIXTURE_TEST_CASE(raw_output_is_its_own_replicas, one_replica) {
  const auto other = ready(spec());
  BOOST_CHECK_EQUAL(ask(replica, "raw from the first"), "");
  BOOST_CHECK_EQUAL(ask(other, "raw from the second"), "");
  BOOST_CHECK(run_until([&] { return replica.heard->output == "from the first\n"; }));
  BOOST_CHECK(run_until([&] { return other.heard->output == "from the second\n"; }));
}

BOOST_FIXTURE_TEST_CASE(what_a_process_writes_past_python_is_output_of_its_only_running_call, one_replica) {
  const auto call = send(replica, "raw_and_wait from below");
  await([&] { return replica.heard->count<interpreter::output>() == 1; }, replica);
  BOOST_CHECK(replica.heard->last<interpreter::output>()->text.call == call);
}

BOOST_FIXTURE_TEST_CASE(a_flood_of_output_neither_blocks_the_task_nor_the_loop, one_replica) {
  const auto other = ready(spec());
  send(replica, "flood 9600"); // 600 MiB
  const auto before = node::resident_bytes_of(::getpid());
  std::size_t answered = 0;
  while (replica.heard->count<interpreter::outcome>() == 0) {
    BOOST_REQUIRE_EQUAL(ask(other, "echo x"), "x");
    ++answered;
  }
  BOOST_CHECK_GT(answered, 0);
  // A sanitizer keeps up to 256 MiB of freed memory.
  BOOST_CHECK_LT(node::resident_bytes_of(::getpid()), before + (400 << 20));
}

BOOST_FIXTURE_TEST_CASE(memory_over_the_limit_ends_the_replica_and_nobody_else, limited) {
  const auto hungry = ready(spec());
  const auto modest = ready(spec());
  send(hungry, "eat");
  const auto end = gone(hungry);
  BOOST_CHECK(end.code == ec::out_of_memory);
  BOOST_CHECK(contains(end.message, "its limit is 64 MiB"));
  BOOST_CHECK((end.begun == std::vector<std::uint32_t>{0}));
  BOOST_CHECK_EQUAL(ask(modest, "echo x"), "x");
}

BOOST_FIXTURE_TEST_CASE(what_a_replica_forked_counts_towards_its_memory_limit, limited) {
  const auto hungry = ready(spec());
  const auto modest = ready(spec());
  BOOST_CHECK_EQUAL(ask(modest, "child_eats 1"), "eaten");
  send(hungry, "child_eats 100"); // it may be ended before it can say that it has
  const auto end = gone(hungry);
  BOOST_CHECK(end.code == ec::out_of_memory);
  BOOST_CHECK(contains(end.message, "the processes that it started"));
  BOOST_CHECK_EQUAL(ask(modest, "echo x"), "x");
}

BOOST_FIXTURE_TEST_CASE(what_a_replica_uses_is_told_after_calls_where_growth_is_of_interest, foundry_fixture) {
  auto growing = spec();
  growing->reuse.recycle_growth_bytes = 1 << 20;
  const auto replica = ready(growing);
  const auto other = ready(spec("spawn"));
  ask(other, "echo x");
  BOOST_CHECK_EQUAL(ask(replica, "child_eats 50"), "eaten");
  await([&] { return replica.heard->count<interpreter::memory>() > 0; }, replica);
  BOOST_CHECK_GT(replica.heard->last<interpreter::memory>()->bytes, 50ULL << 20);
  BOOST_CHECK_EQUAL(other.heard->count<interpreter::memory>(), 0);
}

BOOST_FIXTURE_TEST_CASE(a_fresh_replica_ends_after_its_call, foundry_fixture) {
  const auto replica = ready(spec(), 1, true);
  BOOST_CHECK_EQUAL(ask(replica, "echo once"), "once");
  BOOST_CHECK(contains(gone(replica).message, "exited with status 0"));
}

BOOST_FIXTURE_TEST_CASE(a_replica_that_ends_takes_its_interpreter_along, one_replica) {
  caf::anon_send_exit(replica.replica, caf::exit_reason::kill);
  BOOST_CHECK(await_end(pid()));
}

BOOST_FIXTURE_TEST_CASE(tasks_call_tasks_and_open_environments, one_replica) {
  send(replica, "child arguments");
  await([&] { return replica.heard->count<interpreter::child_call>() == 1; }, replica);
  const auto& child = *replica.heard->last<interpreter::child_call>();
  BOOST_CHECK(child.parks);
  BOOST_CHECK_EQUAL(child.arguments.head.view(), "arguments");
  call_reply answer;
  answer.id = child.header.id;
  answer.value = payload::text("done");
  caf::anon_send(*replica.heard->door, atom::replies::value, std::vector<call_reply>{answer});
  await([&] { return replica.heard->count<interpreter::outcome>() == 1; }, replica);
  BOOST_CHECK_EQUAL(replica.heard->last<interpreter::outcome>()->reply.value.head.view(), "child said done");

  send(replica, "open other");
  await([&] { return replica.heard->count<interpreter::open_environment>() == 1; }, replica);
  const auto& open = *replica.heard->last<interpreter::open_environment>();
  BOOST_CHECK_EQUAL(open.spec->name, "other");
  caf::anon_send(*replica.heard->door, atom::open::value, opened_handle{open.request, 9, "v9", true, {}});
  await([&] { return replica.heard->count<interpreter::outcome>() == 2; }, replica);
  BOOST_CHECK(contains(std::string(replica.heard->last<interpreter::outcome>()->reply.value.head.view()), "v9"));
}

BOOST_FIXTURE_TEST_CASE(many_crashes_leave_no_descriptor_and_no_process, foundry_fixture) {
  const auto environment = spec();
  const auto keeper = ready(environment);
  const auto descriptors = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator{});
  };
  const auto before = descriptors();
  for (int n = 0; n < 20; ++n) {
    const auto replica = ready(environment);
    send(replica, n % 2 == 0 ? "kill 9" : "garbage");
    gone(replica);
  }
  BOOST_CHECK(run_until([&] { return descriptors() == before; }));
  BOOST_CHECK_EQUAL(node::children().size(), 1);
}

BOOST_AUTO_TEST_SUITE_END()
