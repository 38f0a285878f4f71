#include "actors/cache_desk.hpp"
#include "core/defaults_cache.hpp"
#include "tests/support/fronted.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

struct at_the_desk : fronted {
  at_the_desk() {
    square(1);
    finish(f, 0);
  }

  /// "-": it is no plain hit.
  std::string answer(std::string_view inputs = "2", bool overwrite = false) {
    call_header header;
    header.id = id(2);
    const auto reply = desk->answer(*spec, header, keyed(inputs, overwrite));
    if (!reply)
      return "-";
    BOOST_TEST(reply->is_hit);
    BOOST_TEST((reply->id == id(2)));
    return std::string(reply->value.head.view());
  }

  std::uint64_t hits() {
    return std::get<0>(ask<std::vector<cache_report>>(*this, cache, atom::status::value).first.value())
      .at(0)
      .counts.hits;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(cache_desks, at_the_desk)

BOOST_AUTO_TEST_CASE(a_plain_hit_is_answered_without_a_message_and_counted) {
  BOOST_TEST(answer() == "4");
  BOOST_TEST(sched.jobs.empty());
  BOOST_TEST(executed().size() == 1u);
  BOOST_TEST(hits() == 1u);
}

BOOST_AUTO_TEST_CASE(a_result_that_is_not_on_the_disk_yet_is_one_too) {
  entries->are_slow = true;
  square(3, "3");
  finish(f, 1, "9");
  BOOST_TEST(answer("3") == "9");
}

BOOST_AUTO_TEST_CASE(whatever_else_may_come_of_a_call_is_for_the_front) {
  BOOST_TEST(answer("other inputs") == "-");
  BOOST_TEST(answer("2", true) == "-");
  call_header header;
  BOOST_TEST(!desk->answer(*spec, header, payload::text("no key")));
  header.task = 100;
  BOOST_TEST(!desk->answer(*spec, header, keyed("2")));
  entries->are_elsewhere = true;
  BOOST_TEST(answer() == "-");
  BOOST_TEST(hits() == 0u);
}

BOOST_AUTO_TEST_CASE(what_was_invalidated_is_not_answered) {
  invalidate("default");
  BOOST_TEST(answer() == "-");
}

BOOST_AUTO_TEST_CASE(while_an_audit_lasts_the_front_answers) {
  ask<std::vector<cache_audit_row>>(*this, cache, atom::rerun::value, cache_audit_order{{}, 1000});
  BOOST_TEST(answer() == "-");
  advance(defaults::cache_audit_lease);
  BOOST_TEST(answer() == "4");
}

BOOST_AUTO_TEST_CASE(without_its_place_in_the_cluster_or_without_the_cache_nothing_is_answered) {
  tell(cache, atom::events::value, control::facts{control::standing{}});
  BOOST_TEST(answer() == "-");
  caf::anon_send_exit(cache, caf::exit_reason::kill);
  run();
  BOOST_TEST(answer() == "-");
}

BOOST_AUTO_TEST_SUITE_END()
