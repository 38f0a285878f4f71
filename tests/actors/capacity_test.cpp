#include "actors/capacity.hpp"
#include "core/defaults.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <random>
#include <set>

using namespace hearth;

namespace {

using defaults::gib;

environment_spec asking(std::uint64_t memory, std::uint32_t cpu = 0, std::uint32_t gpu = 0) {
  environment_spec spec;
  spec.name = "digits";
  spec.resources.memory_bytes = memory;
  spec.resources.cpu_millis = cpu;
  spec.resources.gpu = gpu;
  return spec;
}

bool fits(std::variant<capacity::grant, capacity::lacking> verdict) {
  return std::holds_alternative<capacity::grant>(verdict);
}

std::string lacks(std::variant<capacity::grant, capacity::lacking> verdict) {
  auto* no = std::get_if<capacity::lacking>(&verdict);
  return no ? no->resource : "";
}

} // namespace

BOOST_AUTO_TEST_SUITE(node_capacity)

BOOST_AUTO_TEST_CASE(a_replica_larger_than_the_node_is_refused_with_what_to_do) {
  const capacity node({gib * 31 / 2, 2000, false, {}}, "hal");
  BOOST_TEST((node.unfit(asking(gib * 31 / 2)).code == ec::none));
  const auto no = node.unfit(asking(64 * gib));
  BOOST_TEST((no.code == ec::does_not_fit));
  BOOST_TEST(no.message
             == "Environment digits asks for 64 GiB of memory per replica; node hal has 15.5 GiB. Ask for less with "
                "Resources(memory=...), or run a node on a larger machine.");
  BOOST_TEST((node.unfit(asking(gib * 31 / 2 + 1)).code == ec::does_not_fit));
}

BOOST_AUTO_TEST_CASE(a_replica_that_wants_more_gpus_than_there_are_is_refused_even_while_some_are_in_use) {
  capacity node({gib, 1000, false, {0, 3}}, "n");
  BOOST_TEST(fits(node.reserve({1}, {0, 0, 1}, false)));
  BOOST_TEST((node.unfit(asking(0, 0, 2)).code == ec::none));
  BOOST_TEST((node.unfit(asking(0, 0, 3)).code == ec::does_not_fit));
  BOOST_TEST(node.unfit(asking(0, 0, 3)).message.find("3 GPUs per replica; node n has 2") != std::string::npos);
  BOOST_TEST(capacity({}, "n").unfit(asking(0, 0, 1)).message.find("1 GPU per replica; node n has none")
             != std::string::npos);
}

BOOST_AUTO_TEST_CASE(cpu_is_a_share_where_it_does_not_bar) {
  capacity shares({gib, 2000, false, {}}, "n");
  BOOST_TEST((shares.unfit(asking(0, 64'000)).code == ec::none));
  for (std::uint64_t i = 1; i <= 16; ++i)
    BOOST_TEST(fits(shares.reserve({i}, {0, 1000, 0}, false)));
}

BOOST_AUTO_TEST_CASE(cpu_is_admitted_where_it_bars) {
  capacity node({gib, 2000, true, {}}, "n");
  BOOST_TEST((node.unfit(asking(0, 2000)).code == ec::none));
  BOOST_TEST(node.unfit(asking(0, 2001)).message.find("2 cores per replica; node n has 2 cores") != std::string::npos);
  BOOST_TEST(fits(node.reserve({1}, {0, 1500, 0}, false)));
  BOOST_TEST(lacks(node.reserve({2}, {0, 501, 0}, false)) == "cpu");
  BOOST_TEST(fits(node.reserve({2}, {0, 500, 0}, false)));
}

BOOST_AUTO_TEST_CASE(what_is_released_can_be_reserved_again) {
  capacity node({2 * gib, 1000, false, {4, 7}}, "n");
  auto first = std::get<capacity::grant>(node.reserve({1}, {gib, 0, 1}, false));
  BOOST_TEST(first.gpus == std::vector<std::uint32_t>{4});
  BOOST_TEST(fits(node.reserve({2}, {gib, 0, 0}, false)));
  BOOST_TEST(lacks(node.reserve({3}, {1, 0, 0}, false)) == "memory");
  BOOST_TEST(lacks(node.reserve({3}, {0, 0, 2}, false)) == "gpu");
  BOOST_TEST(node.release({1}) == std::vector<std::uint32_t>{4});
  BOOST_TEST(node.release({1}).empty());
  BOOST_TEST(fits(node.reserve({3}, {gib, 0, 2}, false)));
}

BOOST_AUTO_TEST_CASE(requests_of_nothing_cost_nothing_even_on_a_node_that_is_more_than_full) {
  capacity node({gib, 1000, true, {}}, "n");
  BOOST_TEST(fits(node.reserve({1}, {3 * gib, 5000, 0}, true)));
  BOOST_TEST(fits(node.reserve({2}, {}, false)));
}

BOOST_AUTO_TEST_CASE(what_a_nested_call_waits_for_alone_gets_memory_and_cpu_beyond_the_node_but_no_gpu) {
  capacity node({gib, 1000, true, {0}}, "n");
  BOOST_TEST(std::get<capacity::grant>(node.reserve({1}, {gib, 0, 1}, true)).beyond.empty());
  BOOST_TEST(std::get<capacity::grant>(node.reserve({2}, {gib, 0, 0}, true)).beyond == "memory");
  BOOST_TEST(std::get<capacity::grant>(node.reserve({3}, {0, 1001, 0}, true)).beyond == "cpu");
  BOOST_TEST(lacks(node.reserve({4}, {0, 0, 1}, true)) == "gpu");
  BOOST_TEST(node.reserved().memory_bytes == 2 * gib);
}

BOOST_AUTO_TEST_CASE(a_gpu_of_another_node_is_not_given_until_it_is_looked_for_again) {
  capacity node({gib, 1000, false, {0, 1}}, "n");
  node.is_elsewhere(0);
  BOOST_TEST(std::get<capacity::grant>(node.reserve({1}, {0, 0, 1}, false)).gpus == std::vector<std::uint32_t>{1});
  BOOST_TEST(lacks(node.reserve({2}, {0, 0, 1}, false)) == "gpu");
  node.look_elsewhere();
  BOOST_TEST(std::get<capacity::grant>(node.reserve({2}, {0, 0, 1}, false)).gpus == std::vector<std::uint32_t>{0});
}

BOOST_AUTO_TEST_CASE(a_limit_without_a_request_is_one_and_a_request_without_a_limit_is_one) {
  resource_spec only_limit;
  only_limit.memory_limit_bytes = 7;
  only_limit.cpu_limit_millis = 5;
  BOOST_TEST(demand_of(only_limit).memory_bytes == 7u);
  BOOST_TEST(demand_of(only_limit).cpu_millis == 5u);
  resource_spec only_request;
  only_request.memory_bytes = 3;
  BOOST_TEST(memory_limit_of(only_request) == 3u);
  only_request.memory_limit_bytes = 9;
  BOOST_TEST(memory_limit_of(only_request) == 9u);
  BOOST_TEST(demand_of(only_request).memory_bytes == 3u);
}

BOOST_AUTO_TEST_CASE(never_more_is_reserved_than_there_is_whatever_comes_and_goes) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
    const node_resources has{1 + below(100), 1 + below(4000), below(2) == 0, {0, 1, 2}};
    capacity node(has, "n");
    std::map<std::uint64_t, std::pair<demand, std::vector<std::uint32_t>>> held;
    for (std::uint64_t id = 1; id < 200; ++id) {
      if (!held.empty() && below(2) == 0) {
        auto any = std::next(held.begin(), below(static_cast<std::uint32_t>(held.size())));
        BOOST_TEST_REQUIRE(node.release({any->first}) == any->second.second);
        held.erase(any);
      }
      const demand wanted{below(40), below(1500), below(3)};
      auto verdict = node.reserve({id}, wanted, false);
      if (auto* yes = std::get_if<capacity::grant>(&verdict)) {
        BOOST_TEST_REQUIRE(yes->beyond.empty());
        BOOST_TEST_REQUIRE(yes->gpus.size() == wanted.gpus);
        held.emplace(id, std::pair{wanted, yes->gpus});
      }
      demand sum;
      std::set<std::uint32_t> gpus;
      for (const auto& [number, what] : held) {
        sum.memory_bytes += what.first.memory_bytes;
        sum.cpu_millis += what.first.cpu_millis;
        sum.gpus += what.first.gpus;
        gpus.insert(what.second.begin(), what.second.end());
      }
      BOOST_TEST_REQUIRE(sum.memory_bytes == node.reserved().memory_bytes);
      BOOST_TEST_REQUIRE(sum.cpu_millis == node.reserved().cpu_millis);
      BOOST_TEST_REQUIRE(sum.gpus == gpus.size()); // none was given twice
      BOOST_TEST_REQUIRE(sum.memory_bytes <= has.memory_bytes);
      BOOST_TEST_REQUIRE((!has.cpu_bars || sum.cpu_millis <= has.cpu_millis));
    }
    for (const auto& [id, what] : held)
      node.release({id});
    BOOST_TEST_REQUIRE(node.reserved().memory_bytes == 0u);
    BOOST_TEST_REQUIRE(node.reserved().gpus == 0u);
  }
}

BOOST_AUTO_TEST_SUITE_END()
