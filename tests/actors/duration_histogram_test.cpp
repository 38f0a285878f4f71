#include "actors/duration_histogram.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstdint>
#include <random>
#include <vector>

using namespace hearth;
using namespace std::chrono_literals;
using std::chrono::nanoseconds;

BOOST_AUTO_TEST_SUITE(duration_histograms)

BOOST_AUTO_TEST_CASE(buckets_follow_one_another_without_gap_or_overlap) {
  for (std::size_t i = 0; i + 1 < duration_histogram::size; ++i) {
    const auto end = duration_histogram::floor_of(i + 1);
    BOOST_TEST(duration_histogram::bucket_of(duration_histogram::floor_of(i)) == i);
    BOOST_TEST(duration_histogram::bucket_of(end - 1ns) == i);
    BOOST_TEST((end > duration_histogram::floor_of(i)));
  }
}

BOOST_AUTO_TEST_CASE(any_length_has_a_bucket) {
  BOOST_TEST(duration_histogram::bucket_of(-1s) == 0u);
  BOOST_TEST(duration_histogram::bucket_of(0ns) == 0u);
  BOOST_TEST(duration_histogram::bucket_of(1h) < duration_histogram::size);
  BOOST_TEST(duration_histogram::bucket_of(nanoseconds::max()) == duration_histogram::size - 1);
}

BOOST_AUTO_TEST_CASE(what_is_read_back_is_off_by_an_eighth_at_most) {
  std::mt19937_64 random(1);
  std::vector<nanoseconds> all;
  duration_histogram kept;
  for (int i = 0; i < 10'000; ++i) {
    all.push_back(nanoseconds(static_cast<std::int64_t>(1e6 * std::exp(static_cast<double>(random() % 900) / 100))));
    kept.add(all.back());
  }
  std::sort(all.begin(), all.end());
  for (const double share : {0.01, 0.5, 0.95, 0.99, 1.0}) {
    const auto exact = all[static_cast<std::size_t>(share * 10'000) - 1];
    BOOST_TEST(static_cast<double>(kept.quantile(share).count()) == static_cast<double>(exact.count()),
               boost::test_tools::tolerance(0.125));
  }
  BOOST_TEST(kept.count() == 10'000u);
}

BOOST_AUTO_TEST_CASE(sums_of_histograms_are_as_if_all_had_gone_into_one) {
  duration_histogram one, other, both;
  for (const auto length : {1ms, 5ms, 900ms})
    one.add(length), both.add(length);
  for (const auto length : {2ms, 70ms})
    other.add(length), both.add(length);
  one.add(other);
  BOOST_TEST(one.count() == both.count());
  BOOST_TEST((one.sum() == both.sum() && both.sum() == 978ms));
  BOOST_TEST((one.quantile(0.5) == both.quantile(0.5)));
}

BOOST_AUTO_TEST_CASE(of_nothing_there_is_no_quantile_and_no_bucket_is_out_of_range) {
  duration_histogram kept;
  BOOST_TEST((kept.quantile(0.5) == 0ns));
  kept.add(std::size_t{60'000}, 3);
  BOOST_TEST(kept.in(duration_histogram::size - 1) == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
