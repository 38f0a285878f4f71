#include "tests/support/foundry_fixture.hpp"

#include <algorithm>
#include <sstream>

using namespace hearth;
using namespace hearth::test;

BOOST_AUTO_TEST_SUITE(foundries)

namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

pid_t pid_in(const std::string& text) { return static_cast<pid_t>(std::stol(text)); }

} // namespace

BOOST_FIXTURE_TEST_CASE(a_replica_is_forked_and_answers, foundry_fixture) {
  const auto replica = ready(spec());
  BOOST_CHECK(replica.heard->how.forked);
  BOOST_CHECK(replica.heard->how.can_hold_ahead);
  BOOST_CHECK_EQUAL(replica.heard->how.slots, 4);
  BOOST_CHECK_EQUAL(ask(replica, "echo hello"), "hello");
  BOOST_CHECK_EQUAL(ask(replica, "echo again", 3), "again");
  BOOST_CHECK_EQUAL(pid_in(ask(replica, "pid")), static_cast<pid_t>(replica.heard->last<interpreter::hello>()->pid));
}

BOOST_FIXTURE_TEST_CASE(replicas_of_one_version_share_a_zygote_and_those_of_another_do_not, foundry_fixture) {
  const auto environment = spec();
  auto other = spec();
  other->version = "another";
  const auto first = ready(environment);
  const auto second = ready(environment);
  const auto third = ready(other);
  BOOST_CHECK_NE(ask(first, "pid"), ask(second, "pid"));
  // Two zygotes, no more; forks are children of theirs.
  BOOST_CHECK_EQUAL(node::children().size(), 2);
  BOOST_CHECK_EQUAL(ask(third, "echo x"), "x");
}

BOOST_FIXTURE_TEST_CASE(orders_that_come_while_the_zygote_starts_are_all_served, foundry_fixture) {
  std::vector<made> all;
  const auto environment = spec();
  for (int n = 0; n < 8; ++n)
    all.push_back(order(environment));
  for (const auto& one : all)
    await([&] { return one.heard->count<interpreter::hello>() == 1; }, one);
  BOOST_CHECK_EQUAL(node::children().size(), 1);
}

BOOST_FIXTURE_TEST_CASE(an_interpreter_has_a_clean_environment_and_no_descriptor_of_the_node, foundry_fixture) {
  auto environment = spec();
  environment->variables.push_back({"MODEL", "small"});
  environment->resources.cpu_millis = 2000;
  const auto replica = ready(environment);
  ::setenv("HEARTH_TEST_SECRET", "x", 1);
  const auto second = ready(environment);
  ::unsetenv("HEARTH_TEST_SECRET");
  const auto text = ask(second, "environment");
  BOOST_CHECK(contains(text, "MODEL=small"));
  BOOST_CHECK(contains(text, "OMP_NUM_THREADS=2"));
  BOOST_CHECK(!contains(text, "HEARTH_TEST_SECRET"));
  // stdio, its socket, its slot table (the descriptor stays with this script), and that of the listing.
  std::istringstream descriptors(ask(replica, "descriptors"));
  std::vector<int> open{std::istream_iterator<int>(descriptors), {}};
  BOOST_CHECK_LE(open.size(), 7);
}

BOOST_FIXTURE_TEST_CASE(where_forking_is_not_safe_each_replica_is_a_process_of_its_own, foundry_fixture) {
  const auto environment = spec("spawn");
  const auto first = order(environment);
  const auto second = order(environment);
  const auto third = order(environment);
  for (const auto& one : {first, second, third}) {
    await([&] { return one.heard->count<interpreter::hello>() == 1; }, one);
    BOOST_CHECK(!one.heard->how.forked);
    BOOST_CHECK_EQUAL(one.heard->how.spawn_reason, "a thread was started");
    BOOST_CHECK_EQUAL(ask(one, "echo x"), "x");
  }
  BOOST_CHECK_EQUAL(node::children().size(), 3);
  send(second, "exit 5");
  BOOST_CHECK(contains(gone(second).message, "exited with status 5"));
  const auto fourth = ready(environment);
  BOOST_CHECK_EQUAL(ask(fourth, "echo y"), "y");
  send(fourth, "say_and_die last words");
  BOOST_CHECK(contains(gone(fourth).message, "last words"));
}

BOOST_FIXTURE_TEST_CASE(a_fork_that_fails_costs_one_replica_and_not_the_zygote, foundry_fixture) {
  const auto environment = spec("forks_only_the_second");
  const auto first = order(environment);
  await([&] { return first.heard->unmade.has_value(); }, first);
  BOOST_CHECK(first.heard->unmade->code == ec::start_failed);
  BOOST_CHECK(contains(first.heard->unmade->message, "could not be forked: no more processes"));
  const auto second = ready(environment);
  BOOST_CHECK_EQUAL(ask(second, "echo x"), "x");
}

BOOST_FIXTURE_TEST_CASE(a_rehearsal_ends_when_the_code_is_imported_and_leaves_the_zygote, foundry_fixture) {
  const auto environment = spec();
  BOOST_CHECK(unmade(rehearsal(environment)).code == ec::none);
  BOOST_CHECK_EQUAL(node::children().size(), 1);
  BOOST_CHECK(unmade(rehearsal(environment)).code == ec::none); // at once
  const auto replica = ready(environment);
  BOOST_CHECK(replica.heard->how.forked);
  BOOST_CHECK_EQUAL(replica.heard->how.import.count(), 0);
  BOOST_CHECK_EQUAL(node::children().size(), 1);
}

BOOST_FIXTURE_TEST_CASE(a_rehearsal_tells_why_the_code_cannot_be_imported, foundry_fixture) {
  auto environment = spec("exit");
  BOOST_CHECK(unmade(rehearsal(environment)).code != ec::none);
}

BOOST_FIXTURE_TEST_CASE(where_forking_is_not_safe_a_rehearsal_leaves_no_process, foundry_fixture) {
  const auto environment = spec("spawn");
  const auto rehearsed = rehearsal(environment);
  const auto replica = order(environment); // which comes while the code is imported
  BOOST_CHECK(unmade(rehearsed).code == ec::none);
  await([&] { return replica.heard->count<interpreter::hello>() == 1; }, replica);
  BOOST_CHECK(unmade(rehearsal(environment)).code == ec::none);
  BOOST_CHECK(run_until([] { return node::children().size() == 1; }));
  BOOST_CHECK_EQUAL(ask(replica, "echo x"), "x");
}

BOOST_FIXTURE_TEST_CASE(an_interpreter_without_a_slot_table_holds_nothing_ahead, foundry_fixture) {
  const auto replica = ready(spec("no_table"));
  BOOST_CHECK(replica.heard->how.forked);
  BOOST_CHECK(!replica.heard->how.can_hold_ahead);
  send(replica, "wait");
  await([&] { return replica.heard->count<interpreter::output>() == 1; }, replica);
  caf::anon_send(*replica.heard->door, atom::recall::value, std::vector<std::uint32_t>{0});
  await([&] { return replica.heard->count<interpreter::recalled>() == 1; }, replica);
  BOOST_CHECK(replica.heard->last<interpreter::recalled>()->slots.empty());
}

BOOST_FIXTURE_TEST_CASE(an_environment_that_cannot_be_loaded_says_what_its_zygote_said, foundry_fixture) {
  const auto environment = spec("fail");
  const auto first = order(environment);
  const auto second = order(environment);
  for (const auto& one : {first, second}) {
    const auto why = unmade(one);
    BOOST_CHECK(why.code == ec::module_load);
    BOOST_CHECK_EQUAL(why.message, "Cannot import 'torch'.");
  }
  // It is tried again with the next order.
  BOOST_CHECK(unmade(order(environment)).code == ec::module_load);
}

BOOST_FIXTURE_TEST_CASE(a_zygote_that_ends_by_itself_is_told_of_with_its_last_words, foundry_fixture) {
  const auto why = unmade(order(spec("exit")));
  BOOST_CHECK(why.code == ec::start_failed);
  BOOST_CHECK(contains(why.message, "exited with status 3 before it was ready"));
  BOOST_CHECK(contains(why.message, "something went wrong"));
  BOOST_CHECK(contains(why.message, "/usr/bin/python3"));
}

BOOST_FIXTURE_TEST_CASE(broken_zygotes_are_ended_and_their_orders_refused, foundry_fixture) {
  for (const char* how : {"garbage", "fork_without_descriptor", "dies_instead_of_forking"}) {
    const auto why = unmade(order(spec(how)));
    const bool is_killed = how == std::string_view("dies_instead_of_forking"); // the next one may do better
    BOOST_CHECK_MESSAGE(why.code == (is_killed ? ec::interpreter_lost : ec::start_failed), how);
    BOOST_CHECK_MESSAGE(!why.message.empty(), how);
  }
  BOOST_CHECK(run_until([] { return node::children().empty(); }));
}

BOOST_FIXTURE_TEST_CASE(a_python_that_is_none_and_a_bundle_that_is_missing_are_refused, foundry_fixture) {
  auto environment = spec();
  environment->python = "/nonexistent/python3";
  BOOST_CHECK(contains(unmade(order(environment)).message, "/nonexistent/python3, does not exist"));
  environment = spec();
  environment->version = "true";
  environment->python = "/bin/true";
  BOOST_CHECK(contains(unmade(order(environment)).message, "exited with status 0 before it was ready"));
  environment = spec();
  environment->version = "script";
  write_file(bundle / "script", "no #! line");
  std::filesystem::permissions(bundle / "script", std::filesystem::perms::owner_all);
  environment->python = (bundle / "script").string();
  const auto why = unmade(order(environment));
  BOOST_CHECK(contains(why.message, "cannot be started"));
  BOOST_CHECK(contains(why.message, "HEARTH_PYTHON"));
  environment = spec();
  environment->version = "unbundled";
  environment->bundle = "missing";
  BOOST_CHECK(unmade(order(environment)).code == ec::unknown_bundle);
}

BOOST_FIXTURE_TEST_CASE(a_zygote_that_dies_takes_its_replicas_along_and_is_replaced, foundry_fixture) {
  const auto environment = spec();
  const auto first = ready(environment);
  const auto second = ready(environment);
  send(second, "wait");
  await([&] { return second.heard->count<interpreter::output>() == 1; }, second);
  const auto zygotes = node::children();
  BOOST_REQUIRE_EQUAL(zygotes.size(), 1);
  ::kill(zygotes.front(), SIGKILL);
  BOOST_CHECK(gone(first).begun.empty());
  BOOST_CHECK((gone(second).begun == std::vector<std::uint32_t>{0}));
  BOOST_CHECK_EQUAL(ask(ready(environment), "echo x"), "x");
}

BOOST_FIXTURE_TEST_CASE(a_forgotten_zygote_ends_with_its_last_replica, foundry_fixture) {
  const auto environment = spec();
  const auto replica = ready(environment);
  caf::anon_send(foundry, atom::forget::value, environment->key(), environment->version);
  pass_time();
  BOOST_CHECK_EQUAL(node::children().size(), 1);
  BOOST_CHECK_EQUAL(ask(replica, "echo still here"), "still here");
  caf::anon_send(*replica.heard->door, atom::halt::value, false, ec::none, std::string("not needed"));
  BOOST_CHECK_EQUAL(gone(replica).message, "not needed");
  BOOST_CHECK(run_until([] { return node::children().empty(); }));
  BOOST_CHECK_EQUAL(ask(ready(environment), "echo back"), "back");
}

BOOST_FIXTURE_TEST_CASE(memory_of_replicas_is_listed, foundry_fixture) {
  const auto replica = ready(spec());
  std::vector<std::pair<replica_id, std::uint64_t>> rows;
  bool answered = false;
  loop.system().spawn([&](caf::event_based_actor* self) {
    self->request(foundry, caf::infinite, atom::list::value).then([&](hearth_replica_memory& all) {
      rows = std::move(all);
      answered = true;
    });
  });
  BOOST_REQUIRE(run_until([&] { return answered; }));
  BOOST_REQUIRE_EQUAL(rows.size(), 1);
  BOOST_CHECK(rows.front().first == replica.id);
  BOOST_CHECK_GT(rows.front().second, 1 << 20);
}

BOOST_FIXTURE_TEST_CASE(stopping_leaves_no_process, foundry_fixture) {
  const auto first = ready(spec());
  const auto hanging = ready(spec());
  const auto spawned = ready(spec("spawn"));
  send(hanging, "hang");
  await([&] { return hanging.heard->count<interpreter::output>() == 1; }, hanging);
  const auto orphan = pid_in(ask(first, "grandchild"));
  stop();
  BOOST_CHECK(!lives(orphan));
  for (const auto& one : {first, hanging, spawned})
    BOOST_CHECK(gone(one).code == ec::shutting_down);
}

BOOST_AUTO_TEST_SUITE_END()
