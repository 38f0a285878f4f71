#include "actors/controller.hpp"
#include "tests/support/scripted_control.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>

using namespace hearth;
using namespace hearth::test;

namespace {

constexpr auto key = "default/development/env";

/// A log in which this node has a seat and owns an environment.
struct former_life : actor_fixture {
  former_life() {
    log->commit(cluster::admit_node{this_node, "node"});
    seat = {log->commit(cluster::take_seat{this_node, 1, {}, {}, 0, 1}).index};
    log->commit(cluster::grant{key, seat});
  }

  ~former_life() {
    caf::anon_send_exit(watcher, caf::exit_reason::kill);
    if (control)
      caf::anon_send_exit(control->actor, caf::exit_reason::kill);
    run();
  }

  /// A process of this node begins with this log, and somebody watches.
  void begin() {
    control = std::make_unique<scripted_control>(sys, log);
    watcher = sys.spawn([this](control_watcher::pointer) -> control_watcher::behavior_type {
      return {[this](atom::events, control::facts& facts) {
        for (auto& fact : facts)
          if (auto* now = std::get_if<control::standing>(&fact))
            standing = *now;
          else if (auto* owner = std::get_if<control::owner_changed>(&fact))
            owned = owner->now;
      }};
    });
    tell(control->actor, atom::watch::value, watcher);
  }

  std::shared_ptr<scripted_log> log = std::make_shared<scripted_log>();
  seat_id seat;
  std::unique_ptr<scripted_control> control;
  control_watcher watcher;
  control::standing standing;
  ownership owned;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(controller, former_life)

BOOST_AUTO_TEST_CASE(what_a_node_had_in_its_former_life_is_not_its_own_when_it_starts) {
  begin();
  BOOST_TEST(!standing.holds);
  BOOST_TEST(!standing.seat);
  BOOST_TEST(!owned.node);
}

BOOST_AUTO_TEST_CASE(what_is_granted_to_the_seat_that_a_process_has_taken_is_its_own) {
  begin();
  control->start(2);
  run();
  BOOST_TEST(standing.holds);
  BOOST_TEST((standing.seat == log->seat && standing.seat != seat));
  log->commit(cluster::grant{key, log->seat});
  control->catch_up();
  run();
  BOOST_TEST((owned.node == this_node));
}

BOOST_AUTO_TEST_SUITE_END()
