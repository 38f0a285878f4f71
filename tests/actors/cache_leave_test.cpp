#include "actors/cache_buckets.hpp"
#include "tests/support/cache_world.hpp"
#include "tests/support/scripted_switchboard.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

constexpr node_uuid other_node{1, 2};

/// Of what another node is asked, each with its answer, which a test plays.
using other_cache = std::function<link::answer(const link::ask&)>;

/// The home of a serialized key, in a cluster of two.
struct home : cache_world {
  home() {
    caf::anon_send_exit(cache, caf::exit_reason::kill);
    log->commit(cluster::admit_node{other_node, "node-2"});
    seat_other();
    *other = [](const link::ask&) { return link::answer{0, {}, payload{}}; };
    switchboard = sys.spawn([other = other](switchboard_actor::pointer) {
      return scripted_switchboard([other](node_uuid, const link::ask& what) { return (*other)(what); });
    });
    start_cache(switchboard);
    f = front();
    client = caller();
    for (int n = 0; inputs.empty(); ++n)
      if (const auto text = std::to_string(n);
          holders_of_bucket(bucket_of({spec->tasks[0].caching.scope, digest_called(text)}), {this_node, other_node})
            .front()
          == this_node)
        inputs = text;
  }

  ~home() { caf::anon_send_exit(switchboard, caf::exit_reason::kill); }

  /// The other node has a new seat, of which this one hears.
  void seat_other() {
    log->commit(cluster::take_seat{other_node, ++starts, {}, {}, 0, starts});
    control.catch_up();
    run();
  }

  link::ask question_of_other(const std::string& verb, payload value) const {
    link::ask what;
    what.what = "cache";
    what.words = {verb};
    what.value = std::move(value);
    what.caller = {nullptr, other_node, 0};
    return what;
  }

  /// The other node asks for the result, or for leave to execute; what it hears stays in `heard`.
  void other_asks() {
    cache_writer question;
    question.key({spec->tasks[0].caching.scope, digest_called(inputs)})
      .scope(scope_of(*spec, spec->tasks[0]))
      .number(0);
    asker = sys.spawn([this, value = question.take()](caf::event_based_actor* self) {
      self->request(cache, caf::infinite, atom::ask::value, question_of_other("reserve", value))
        .then([this](const link::answer& answer) { heard.push_back(answer); });
    });
    run();
  }

  void square(std::uint64_t number) { invoke(f, spec, client, id(number), inputs); }

  std::uint64_t starts = 0;
  std::shared_ptr<other_cache> other = std::make_shared<other_cache>();
  switchboard_actor switchboard;
  scripted_front f;
  std::shared_ptr<scripted_caller> client;
  spec_ptr spec = cached_spec(true);
  std::string inputs; // of which this node is the home
  caf::actor asker;
  std::vector<link::answer> heard;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(cache_leave, home)

BOOST_AUTO_TEST_CASE(when_leave_was_lost_on_its_way_to_a_node_another_one_gets_it) {
  other_asks();
  BOOST_REQUIRE_EQUAL(heard.size(), 1u); // leave, of which the other node knows nothing
  *other = [this](const link::ask& what) {
    return link::answer{0, {}, what.words.front() == "executes" ? what.value : payload{}};
  };
  square(1);
  BOOST_TEST(f.behind->calls.empty());
  advance(1s);
  BOOST_TEST(f.behind->calls.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_node_that_executes_keeps_its_leave_however_long_that_takes) {
  other_asks();
  square(1);
  advance(60s);
  BOOST_TEST(f.behind->calls.empty());
}

BOOST_AUTO_TEST_CASE(a_node_that_does_not_say_whether_it_executes_keeps_its_leave_until_its_seat_ends) {
  other_asks();
  *other = [](const link::ask&) { return link::answer{0, {ec::node_lost, "It cannot be reached."}, {}}; };
  square(1);
  for (int i = 0; i < 100; ++i) // it is looked for at the other node some times first
    advance(100ms);
  BOOST_TEST(f.behind->calls.empty());
  seat_other();
  BOOST_TEST(f.behind->calls.size() == 1u);
}

BOOST_AUTO_TEST_CASE(leave_that_a_node_could_not_use_for_want_of_its_lease_is_given_to_the_next_one) {
  square(1);
  control.lose_lease();
  run();
  finish(f, 0);
  BOOST_TEST(values_of(*client) == "4");
  control.have_lease();
  run();
  square(2);
  advance(1s);
  BOOST_TEST(f.behind->calls.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_node_that_asks_by_a_seat_of_which_the_home_has_not_heard_is_told_to_ask_again) {
  square(1);
  BOOST_REQUIRE_EQUAL(f.behind->calls.size(), 1u);
  other_asks();
  BOOST_TEST(heard.empty());
  seat_other();
  BOOST_REQUIRE_EQUAL(heard.size(), 1u);
  BOOST_TEST((heard[0].error.code == ec::node_lost));
}

BOOST_AUTO_TEST_SUITE_END()
