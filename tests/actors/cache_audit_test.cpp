#include "actors/cache_audit.hpp"
#include "core/defaults_cache.hpp"
#include "tests/support/fronted.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

const cache_scope square{"p", "d", "env.square", "1", {}, {}, {}};

cache_audit_order share(std::uint64_t per_million, const std::string& task = {}) {
  return {{"", "", task, "", {}, {}}, per_million};
}

/// How many of so many hits execute once more.
int wanted(cache_audit& audit, int hits, instant now, const cache_scope& scope = square) {
  int count = 0;
  for (int i = 0; i < hits; ++i)
    count += audit.wants(scope, 10, now) ? 1 : 0;
  return count;
}

payload parts(std::initializer_list<std::string_view> texts) {
  payload whole;
  for (auto text : texts)
    whole.rest.push_back(bytes::copy_of(text));
  return whole;
}

} // namespace

BOOST_AUTO_TEST_SUITE(cache_audit_rules)

BOOST_AUTO_TEST_CASE(the_first_hit_and_then_the_share_that_was_ordered_execute_once_more) {
  cache_audit audit;
  const instant now{};
  BOOST_TEST(wanted(audit, 100, now) == 0);
  audit.order(share(100'000), now);
  BOOST_TEST(audit.wants(square, 10, now));
  BOOST_TEST(wanted(audit, 1000, now) == 100);
  audit.order(share(1'000'000), now);
  BOOST_TEST(wanted(audit, 1000, now) == 1000);
}

BOOST_AUTO_TEST_CASE(an_order_holds_for_its_lease_and_for_what_it_names) {
  cache_audit audit;
  const instant now{};
  audit.order(share(1'000'000, "env.square"), now);
  BOOST_TEST(wanted(audit, 5, now, {"p", "d", "env.cube", "1", {}, {}, {}}) == 0);
  BOOST_TEST(!audit.wants(square, defaults::cache_audit_bytes_max + 1, now));
  BOOST_TEST(wanted(audit, 5, now + defaults::cache_audit_lease - 1ms) == 5);
  BOOST_TEST(wanted(audit, 5, now + defaults::cache_audit_lease) == 0);
}

BOOST_AUTO_TEST_CASE(what_was_counted_stays_until_another_audit_begins) {
  cache_audit audit;
  const instant now{};
  audit.order(share(1'000'000), now);
  audit.note(square, repetition::same, "a");
  audit.note(square, repetition::different, "b");
  audit.order(share(0), now + 1h); // asks only
  BOOST_REQUIRE_EQUAL(audit.rows().size(), 1u);
  BOOST_TEST(audit.rows()[0].same == 1u);
  BOOST_TEST(audit.rows()[0].different == 1u);
  BOOST_TEST(audit.rows()[0].example == "b");
  audit.order(share(1), now + 1h);
  BOOST_TEST(audit.rows().empty());
}

BOOST_AUTO_TEST_CASE(counts_of_several_nodes_are_one_row_of_each_version) {
  cache_audit_row one{"p", "d", "env.square", "1", 2, 1, 0, "a"}, other{"p", "d", "env.square", "1", 3, 0, 4, ""};
  const auto rows = summed({one, {"p", "d", "env.square", "2", 1, 0, 0, ""}, other});
  BOOST_REQUIRE_EQUAL(rows.size(), 2u);
  BOOST_TEST(rows[0].same == 5u);
  BOOST_TEST(rows[0].different == 1u);
  BOOST_TEST(rows[0].failed == 4u);
  BOOST_TEST(rows[0].example == "a");
}

BOOST_AUTO_TEST_CASE(orders_and_rows_read_back_as_they_were_written) {
  cache_writer out;
  write(out, share(25, "env.square"));
  write(out, {"p", "d", "t", "v", 1, 2, 3, "a"});
  cache_reader from(out.take());
  BOOST_TEST(read_audit_order(from).which.task == "env.square");
  const auto row = read_audit_row(from);
  BOOST_TEST((from.is_whole() && from.is_at_end()));
  BOOST_TEST(row.example == "a");
  BOOST_TEST(row.failed == 3u);
}

BOOST_AUTO_TEST_CASE(values_are_the_same_whatever_parts_they_come_in) {
  BOOST_TEST(is_same(payload::text("abcdef"), parts({"ab", "", "cdef"})));
  BOOST_TEST(is_same(parts({"abc", "def"}), parts({"a", "bcde", "f"})));
  BOOST_TEST(is_same(payload{}, parts({""})));
  BOOST_TEST(!is_same(payload::text("abcdef"), parts({"abc", "deg"})));
  BOOST_TEST(!is_same(payload::text("abc"), payload::text("abcd")));
}

BOOST_AUTO_TEST_SUITE_END()

namespace {

struct audited : fronted {
  audited() {
    square(1);
    finish(f, 0);
    BOOST_REQUIRE(told(share(1'000'000)).empty());
  }

  /// What the CACHE answers to the order.
  std::vector<cache_audit_row> told(const cache_audit_order& order) {
    return std::get<0>(ask<std::vector<cache_audit_row>>(*this, cache, atom::rerun::value, order).first.value());
  }

  cache_audit_row counted() {
    const auto rows = told(share(0));
    BOOST_REQUIRE_EQUAL(rows.size(), 1u);
    return rows[0];
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(cache_audits, audited)

BOOST_AUTO_TEST_CASE(a_hit_is_answered_and_executes_once_more_for_nobody) {
  square(2);
  BOOST_TEST(values_of(*client) == "4 4");
  BOOST_REQUIRE_EQUAL(executed().size(), 2u);
  BOOST_TEST(executed()[1].arguments.head.view() == "arguments");
  BOOST_TEST(!executed()[1].output);
  BOOST_TEST(!executed()[1].in_run);
  finish(f, 1);
  BOOST_TEST(values_of(*client) == "4 4");
  BOOST_TEST(counted().same == 1u);
  BOOST_TEST(counted().task == "env.square");
}

BOOST_AUTO_TEST_CASE(another_value_is_told_and_what_is_kept_stays) {
  square(2);
  finish(f, 1, "five");
  BOOST_TEST(counted().different == 1u);
  BOOST_TEST(counted().example == to_string(id(1)));
  square(3);
  BOOST_TEST(values_of(*client) == "4 4 4");
}

BOOST_AUTO_TEST_CASE(a_repetition_that_fails_is_told_as_that) {
  square(2);
  finish(f, 1, "boom", ec::user_error);
  BOOST_TEST(counted().failed == 1u);
  BOOST_TEST(counted().different == 0u);
}

BOOST_AUTO_TEST_CASE(only_some_hits_execute_once_more_at_the_same_time) {
  for (int n = 2; n < 12; ++n)
    square(n);
  BOOST_TEST(executed().size() == 1 + defaults::front_repetitions_max);
  finish(f, 1);
  square(20);
  BOOST_TEST(executed().size() == 2 + defaults::front_repetitions_max);
}

BOOST_AUTO_TEST_SUITE_END()
