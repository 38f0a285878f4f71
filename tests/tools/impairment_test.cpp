#include "tools/netcluster_parts/impairment.hpp"

#include <boost/test/unit_test.hpp>

#include <vector>

using namespace hearth::netcluster;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(netcluster_impairment)

namespace {

std::vector<fate> fates(const impairment& with, std::uint64_t seed, int packets = 10'000) {
  direction line(with, seed);
  std::vector<fate> result;
  for (int i = 0; i < packets; ++i)
    result.push_back(line.next(time_point(1ms * i)));
  return result;
}

template <class Property>
auto count(const std::vector<fate>& all, Property property) {
  return std::count_if(all.begin(), all.end(), property);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_good_link_passes_every_packet_at_once) {
  direction line({}, 1);
  const auto now = time_point(5s);
  const auto said = line.next(now);
  BOOST_TEST((!said.is_lost && !said.is_copied && said.due == now));
}

BOOST_AUTO_TEST_CASE(the_same_seed_gives_the_same_fates_and_another_one_others) {
  const impairment with{.loss = 0.3, .delay = 50ms, .jitter = 20ms};
  const auto equal = [](const fate& a, const fate& b) { return a.is_lost == b.is_lost && a.due == b.due; };
  const auto one = fates(with, 7), again = fates(with, 7), other = fates(with, 8);
  BOOST_TEST(std::equal(one.begin(), one.end(), again.begin(), equal));
  BOOST_TEST(!std::equal(one.begin(), one.end(), other.begin(), equal));
}

BOOST_AUTO_TEST_CASE(shares_are_kept) {
  const auto all = fates({.loss = 0.2, .duplicate = 0.05}, 3);
  const auto lost = count(all, [](const fate& each) { return each.is_lost; });
  const auto copied = count(all, [](const fate& each) { return each.is_copied; });
  BOOST_TEST((lost > 1'800 && lost < 2'200));
  BOOST_TEST((copied > 400 && copied < 600));
}

BOOST_AUTO_TEST_CASE(which_packets_are_lost_does_not_depend_on_the_delay) {
  const auto slow = fates({.loss = 0.2, .delay = 50ms, .jitter = 20ms}, 3), quick = fates({.loss = 0.2}, 3);
  BOOST_TEST(std::equal(slow.begin(), slow.end(), quick.begin(),
                        [](const fate& a, const fate& b) { return a.is_lost == b.is_lost; }));
}

BOOST_AUTO_TEST_CASE(delayed_packets_keep_their_order) {
  const auto all = fates({.delay = 50ms, .jitter = 20ms}, 5);
  BOOST_TEST(std::is_sorted(all.begin(), all.end(), [](const fate& a, const fate& b) { return a.due < b.due; }));
  BOOST_TEST((all.front().due >= time_point(30ms) && all.front().due <= time_point(70ms)));
}

BOOST_AUTO_TEST_CASE(the_share_to_reorder_overtakes) {
  const auto all = fates({.reorder = 0.1, .delay = 50ms}, 5);
  int at_once = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    at_once += all[i].due == time_point(1ms * i) ? 1 : 0;
  BOOST_TEST((at_once > 850 && at_once < 1'150));
}

BOOST_AUTO_TEST_SUITE_END()
