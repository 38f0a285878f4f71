#include "actors/agent.hpp"
#include "actors/error.hpp"
#include "tests/support/actor_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

using defaults::gib;

/// An agent between a foundry that only notes orders and supervisors that only note what they hear.
struct admission : actor_fixture {
  struct heard {
    std::vector<std::pair<std::uint64_t, std::string>> waiting; // replica, resource
    std::vector<std::pair<std::uint64_t, std::string>> overcommitted;
    std::vector<std::uint64_t> failed;
    supervisor_actor handle;
  };

  std::vector<replica_order> started;
  std::set<std::uint32_t> elsewhere; // GPUs of another node
  std::vector<std::uint32_t> claimed;
  std::vector<std::shared_ptr<heard>> supervisors;
  agent_actor agent;
  foundry_actor foundry;

  explicit admission(node_resources has = {3 * gib, 2000, false, {}}) {
    foundry = sys.spawn([this](foundry_actor::pointer) -> foundry_actor::behavior_type {
      return {
        [this](atom::start, const replica_order& order) { started.push_back(order); },
        [](atom::forget, const std::string&, const std::string&) {},
        [](atom::list) { return hearth_replica_memory{}; },
        [](atom::stop) { return true; },
      };
    });
    agent_config config;
    config.about.name = "node";
    config.resources = std::move(has);
    config.foundry = foundry;
    config.claim_gpu = [this](std::uint32_t gpu) {
      if (elsewhere.count(gpu) > 0)
        return false;
      claimed.push_back(gpu);
      return true;
    };
    config.return_gpu = [this](std::uint32_t gpu) { std::erase(claimed, gpu); };
    agent = sys.spawn([config](node_agent_actor::stateful_pointer<agent_state> self) {
      return self->state.make_behavior(self, config);
    });
    run();
  }

  ~admission() {
    for (auto& order : started)
      caf::anon_send_exit(order.replica, caf::exit_reason::kill);
    caf::anon_send_exit(agent, caf::exit_reason::kill);
    caf::anon_send_exit(foundry, caf::exit_reason::kill);
    for (auto& s : supervisors)
      caf::anon_send_exit(s->handle, caf::exit_reason::kill);
    run();
  }

  heard& supervisor() {
    auto me = std::make_shared<heard>();
    me->handle = sys.spawn([me](supervisor_actor::pointer) -> supervisor_actor::behavior_type {
      return {
        [](atom::invoke, const std::vector<call>&) {},
        [](atom::cancel, const std::vector<cancellation>&) {},
        [](atom::open, const spec_ptr&, bool) { return true; },
        [me](atom::events, const replica::events& events) {
          for (const auto& event : events) {
            if (const auto* w = std::get_if<replica::waiting>(&event))
              me->waiting.push_back({w->id.value, w->resource});
            if (const auto* o = std::get_if<replica::overcommitted>(&event))
              me->overcommitted.push_back({o->id.value, o->resource});
            if (const auto* f = std::get_if<replica::start_failed>(&event))
              me->failed.push_back(f->id.value);
          }
        },
        [](atom::yield) {},
        [](atom::list) -> caf::result<std::vector<environment_row>, std::vector<replica_row>> {
          return {std::vector<environment_row>{}, std::vector<replica_row>{}};
        },
        [](atom::stop, milliseconds) {},
        [](atom::halt) {},
        [](atom::disown) {},
        [](atom::adopt, const std::vector<adoptable>&, bool) {},
        [](atom::drain, const std::vector<replica_id>&) {},
        [](atom::has, const caller_actor&, const std::vector<call_id>&) { return std::vector<call_id>{}; },
        [](atom::tick) {},
      };
    });
    supervisors.push_back(me);
    return *me;
  }

  static std::shared_ptr<environment_spec> spec(const std::string& name, std::uint64_t memory, std::uint32_t gpu = 0) {
    auto made = make_spec(0, 100);
    made->name = name;
    made->resources.memory_bytes = memory;
    made->resources.gpu = gpu;
    return made;
  }

  void order(heard& by, const spec_ptr& what, std::uint64_t id, bool for_nested = false, bool fresh = false) {
    replica_order wanted;
    wanted.spec = what;
    wanted.id = {id};
    wanted.for_nested = for_nested;
    wanted.fresh = fresh;
    tell(agent, atom::start::value, wanted, by.handle);
  }

  void end(std::uint64_t id) {
    for (auto& order : started)
      if (order.id.value == id)
        caf::anon_send_exit(order.replica, caf::exit_reason::kill);
    run();
  }

  std::vector<std::uint64_t> ids() const {
    std::vector<std::uint64_t> result;
    for (const auto& order : started)
      result.push_back(order.id.value);
    return result;
  }

  node_row status() {
    auto row = ask<node_row>(*this, agent, atom::status::value);
    return std::get<0>(*row.first);
  }
};

using numbers = std::vector<std::uint64_t>;

} // namespace

BOOST_AUTO_TEST_SUITE(agent_admission)

BOOST_FIXTURE_TEST_CASE(orders_beyond_the_memory_wait_and_start_when_a_replica_ends, admission) {
  auto& s = supervisor();
  auto env = spec("a", gib);
  for (std::uint64_t i = 1; i <= 5; ++i)
    order(s, env, i);
  BOOST_TEST(ids() == (numbers{1, 2, 3}));
  BOOST_TEST_REQUIRE(s.waiting.size() == 2u); // each once
  BOOST_TEST(s.waiting[0].first == 4u);
  BOOST_TEST(s.waiting[0].second == "memory");
  advance(10s);
  BOOST_TEST(s.waiting.size() == 2u);
  end(2);
  BOOST_TEST(ids() == (numbers{1, 2, 3, 4}));
  BOOST_TEST(status().memory_reserved == 3 * gib);
  BOOST_TEST(status().orders_waiting == 1u);
}

BOOST_FIXTURE_TEST_CASE(environments_that_wait_are_served_in_turn, admission) {
  auto &a = supervisor(), &b = supervisor();
  order(a, spec("a", 3 * gib), 1);
  for (std::uint64_t i = 10; i < 14; ++i)
    order(a, spec("a", 3 * gib), i);
  order(b, spec("b", 3 * gib), 20);
  order(b, spec("b", 3 * gib), 21);
  for (std::uint64_t next : {1, 10, 20, 11, 21, 12})
    end(next);
  BOOST_TEST(ids() == (numbers{1, 10, 20, 11, 21, 12, 13}));
}

BOOST_FIXTURE_TEST_CASE(a_withdrawn_order_disappears_and_a_replica_that_started_meanwhile_ends, admission) {
  auto& s = supervisor();
  order(s, spec("a", 3 * gib), 1);
  order(s, spec("a", 3 * gib), 2);
  order(s, spec("a", 3 * gib), 3);
  tell(agent, atom::withdraw::value, replica_id{2});
  end(1);
  BOOST_TEST(ids() == (numbers{1, 3}));
  tell(agent, atom::withdraw::value, replica_id{3});
  BOOST_TEST(status().replicas == 0u);
  BOOST_TEST(status().memory_reserved == 0u);
}

BOOST_FIXTURE_TEST_CASE(orders_of_a_supervisor_that_ended_are_dropped, admission) {
  order(supervisor(), spec("a", 3 * gib), 1);
  auto other = spec("other", 3 * gib);
  supervisor_actor owner;
  sys.spawn([&](caf::event_based_actor* self) { // one that the agent watches
    self->request(agent, caf::infinite, atom::open::value, spec_ptr(other), false)
      .then([&](opened_environment& opened) { owner = opened.supervisor; });
  });
  run();
  replica_order wanted;
  wanted.spec = other;
  wanted.id = {2};
  tell(agent, atom::start::value, wanted, owner);
  BOOST_TEST(status().orders_waiting == 1u);
  caf::anon_send_exit(owner, caf::exit_reason::kill);
  run();
  BOOST_TEST(status().orders_waiting == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_nested_call_starts_beyond_the_memory_where_no_replica_could_serve_it, admission) {
  auto &a = supervisor(), &b = supervisor();
  order(a, spec("a", 3 * gib), 1);
  order(b, spec("b", gib), 2, true);
  BOOST_TEST(ids() == (numbers{1, 2}));
  BOOST_TEST_REQUIRE(b.overcommitted.size() == 1u);
  BOOST_TEST(b.overcommitted[0].second == "memory");
  order(b, spec("b", gib), 3, true); // the first one serves it, or lends its slot
  BOOST_TEST(ids() == (numbers{1, 2}));
  BOOST_TEST(b.waiting.size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(an_order_that_waits_may_turn_out_to_be_for_a_nested_call, admission) {
  auto &a = supervisor(), &b = supervisor();
  order(a, spec("a", 3 * gib), 1);
  order(b, spec("b", gib), 2);
  BOOST_TEST(ids() == (numbers{1}));
  tell(agent, atom::promote::value, replica_id{2});
  BOOST_TEST(ids() == (numbers{1, 2}));
}

BOOST_FIXTURE_TEST_CASE(an_order_that_has_started_is_not_started_again_when_a_nested_call_comes_to_wait_for_it,
                        admission) {
  auto &a = supervisor(), &b = supervisor();
  order(a, spec("a", 3 * gib), 1);
  order(b, spec("b", gib), 2);
  end(1); // 2 starts, and its supervisor does not know yet
  tell(agent, atom::promote::value, replica_id{2});
  BOOST_TEST(ids() == (numbers{1, 2}));
  end(2);
  tell(agent, atom::promote::value, replica_id{2}); // nor that it has ended
  BOOST_TEST(ids() == (numbers{1, 2}));
  order(a, spec("a", 3 * gib), 3);
  BOOST_TEST(ids() == (numbers{1, 2, 3}));
}

BOOST_FIXTURE_TEST_CASE(fresh_replicas_lend_no_slot_so_each_nested_call_may_start_one, admission) {
  auto& s = supervisor();
  for (std::uint64_t depth = 1; depth <= 5; ++depth)
    order(s, spec("a", gib), depth, depth > 1, true);
  BOOST_TEST(ids() == (numbers{1, 2, 3, 4, 5}));
}

BOOST_FIXTURE_TEST_CASE(a_large_order_that_was_passed_often_keeps_what_becomes_free, admission) {
  auto &large = supervisor(), &small = supervisor();
  auto tiny = spec("small", gib);
  std::uint64_t newest = 3;
  for (std::uint64_t id = 1; id <= newest; ++id)
    order(small, tiny, id);
  order(large, spec("large", 3 * gib), 1000);
  for (std::uint64_t passed = 0; passed < defaults::start_passes_max; ++passed) {
    order(small, tiny, ++newest);
    end(newest - 3);
    BOOST_TEST_REQUIRE(started.back().id.value == newest);
  }
  order(small, tiny, newest + 1);
  for (auto id : {newest - 2, newest - 1}) {
    end(id);
    BOOST_TEST(started.back().id.value == newest);
  }
  end(newest);
  BOOST_TEST(started.back().id.value == 1000u);
}

BOOST_FIXTURE_TEST_CASE(an_order_that_keeps_others_waiting_in_vain_lets_them_pass_again, admission) {
  auto &forever = supervisor(), &large = supervisor(), &small = supervisor();
  order(forever, spec("forever", gib), 1); // never ends
  auto tiny = spec("small", gib);
  std::uint64_t newest = 11;
  order(small, tiny, 10);
  order(small, tiny, 11);
  order(large, spec("large", 3 * gib), 1000);
  for (std::uint64_t passed = 0; passed < defaults::start_passes_max; ++passed) {
    order(small, tiny, ++newest);
    end(newest - 2);
  }
  order(small, tiny, ++newest);
  end(newest - 1);
  BOOST_TEST(started.back().id.value == newest - 1);
  for (auto waited = 0s; waited <= defaults::start_hold; waited += defaults::start_retry_interval)
    advance(defaults::start_retry_interval);
  BOOST_TEST(started.back().id.value == newest);
}

BOOST_FIXTURE_TEST_CASE(an_environment_whose_replica_is_larger_than_the_node_is_refused_when_it_is_opened, admission) {
  auto [opened, error] = ask<opened_environment>(*this, agent, atom::open::value, spec_ptr(spec("big", 4 * gib)),
                                                 false);
  BOOST_TEST(!opened.has_value());
  BOOST_TEST((failure_of(error).code == ec::does_not_fit));
  BOOST_TEST(failure_of(error).message.find("asks for 4 GiB of memory per replica; node node has 3 GiB")
             != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_gpu_is_given_to_one_replica_and_returned_at_its_end) {
  admission w({gib, 1000, false, {0, 1}});
  auto& s = w.supervisor();
  w.order(s, w.spec("a", 0, 1), 1);
  w.order(s, w.spec("a", 0, 1), 2);
  w.order(s, w.spec("a", 0, 1), 3);
  BOOST_TEST(w.ids() == (numbers{1, 2}));
  BOOST_TEST(w.started[0].gpus == std::vector<std::uint32_t>{0});
  BOOST_TEST(w.started[1].gpus == std::vector<std::uint32_t>{1});
  BOOST_TEST(s.waiting.at(0).second == "gpu");
  w.end(1);
  BOOST_TEST(w.started.at(2).gpus == std::vector<std::uint32_t>{0});
  BOOST_TEST(w.claimed.size() == 2u);
  BOOST_TEST(w.status().gpus_in_use == 2u);
}

BOOST_AUTO_TEST_CASE(a_gpu_that_another_node_has_is_tried_again_while_an_order_waits) {
  admission w({gib, 1000, false, {0, 1}});
  auto& s = w.supervisor();
  w.elsewhere = {1};
  w.order(s, w.spec("a", 0, 2), 1);
  BOOST_TEST(w.ids().empty());
  BOOST_TEST(w.claimed.empty()); // not half of what it needs
  w.order(s, w.spec("b", 0, 1), 2);
  BOOST_TEST(w.started.at(0).gpus == std::vector<std::uint32_t>{0});
  w.end(2);
  w.elsewhere.clear();
  w.advance(defaults::start_retry_interval);
  BOOST_TEST(w.ids() == (numbers{2, 1}));
  BOOST_TEST(w.claimed.size() == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
