#include "tests/support/link_samples.hpp"

#include <boost/test/unit_test.hpp>

#include <random>
#include <string>

using namespace hearth;
using namespace hearth::test;

BOOST_AUTO_TEST_SUITE(wire_link_values)

BOOST_AUTO_TEST_CASE(small_values_are_neither_copied_when_they_go_nor_when_they_come) {
  auto m = some_calls(std::string(5000, 'x'));
  const auto* memory = m.calls[0].arguments.head.data();
  link_encoder from;
  const auto frames = from.encode(one(std::move(m)));
  bool is_shared = false;
  for (const auto& part : frames.calls.at(0))
    is_shared = is_shared || part.data() == memory;
  BOOST_CHECK(is_shared);
  link_assembler to;
  link::messages complete;
  const auto frame = joined(frames.calls[0]);
  BOOST_REQUIRE_EQUAL(to.take_calls(frame, complete), "");
  const auto* arrived = std::get<link::invoke>(complete.at(0)).calls.at(0).arguments.head.data();
  BOOST_CHECK(arrived > frame.data() && arrived < frame.data() + frame.size());
}

BOOST_AUTO_TEST_CASE(a_large_value_goes_beside_and_only_its_message_waits) {
  const std::string large(3 * defaults::link_chunk_bytes + 17, 'y');
  link_encoder from;
  link_assembler to;
  link::messages batch, complete;
  batch.emplace_back(some_calls(large));
  batch.emplace_back(link::withdraw{{1}});
  const auto frames = from.encode(std::move(batch));
  BOOST_REQUIRE_EQUAL(frames.transfers.size(), 1u);
  for (const auto& frame : frames.calls)
    BOOST_REQUIRE_EQUAL(to.take_calls(joined(frame), complete), "");
  BOOST_REQUIRE_EQUAL(complete.size(), 1u);
  BOOST_CHECK(std::holds_alternative<link::withdraw>(complete[0]));
  BOOST_CHECK_EQUAL(to.held(), 1u);
  for (std::uint64_t at = 0; at < large.size();) {
    std::size_t size = 0;
    BOOST_REQUIRE_EQUAL(to.take_bulk(joined(link_chunk(frames.transfers[0], at, size)), complete), "");
    at += size;
  }
  BOOST_REQUIRE_EQUAL(complete.size(), 2u);
  BOOST_CHECK(text_of(std::get<link::invoke>(complete[1]).calls.at(0).arguments) == large);
  BOOST_CHECK_EQUAL(to.held() + to.unfinished(), 0u);
}

BOOST_AUTO_TEST_CASE(chunks_may_come_before_the_message_that_names_them) {
  const std::string large(defaults::link_chunk_bytes + 17, 'y');
  link_encoder from;
  link_assembler to;
  link::messages complete;
  const auto frames = from.encode(one(link::replies{5, {some_reply(large)}}));
  for (std::uint64_t at = 0; at < large.size();) {
    std::size_t size = 0;
    BOOST_REQUIRE_EQUAL(to.take_bulk(joined(link_chunk(frames.transfers.at(0), at, size)), complete), "");
    at += size;
  }
  BOOST_CHECK(complete.empty());
  BOOST_REQUIRE_EQUAL(to.take_calls(joined(frames.calls.at(0)), complete), "");
  check(std::get<link::replies>(complete.at(0)).items.at(0), large);
}

BOOST_AUTO_TEST_CASE(many_calls_become_frames_that_the_channel_takes) {
  link_encoder from;
  link_assembler to;
  auto frames = from.encode(one(some_calls(std::string(1000, 'x'), 5000)));
  std::size_t calls = 0;
  for (const auto& frame : frames.calls) {
    const auto whole = joined(frame);
    BOOST_CHECK_LE(whole.size(), defaults::frame_body_bytes_max);
    link::messages complete;
    BOOST_REQUIRE_EQUAL(to.take_calls(whole, complete), "");
    for (const auto& m : complete)
      calls += std::get<link::invoke>(m).calls.size();
  }
  BOOST_CHECK_EQUAL(calls, 5000u);
  BOOST_CHECK_GT(frames.calls.size(), 5u);
}

BOOST_AUTO_TEST_CASE(a_message_for_which_a_frame_has_no_room_arrives_all_the_same) {
  std::vector<run_row> rows(1000);
  for (auto& row : rows)
    row.error = std::string(4000, 'e');
  link_encoder from;
  link_assembler to;
  const auto found = carried(one(link::answer{1, {}, std::move(rows)}), to, from);
  BOOST_REQUIRE_EQUAL(found.size(), 1u);
  const auto& arrived = std::get<std::vector<run_row>>(std::get<link::answer>(found[0]).content);
  BOOST_REQUIRE_EQUAL(arrived.size(), 1000u);
  BOOST_CHECK_EQUAL(arrived[999].error.size(), 4000u);
}

BOOST_AUTO_TEST_CASE(parts_of_a_value_in_disorder_are_a_fault) {
  link_encoder from;
  const auto frames = from.encode(one(some_calls(std::string(2 * defaults::link_chunk_bytes, 'y'))));
  std::size_t size = 0;
  const auto first = joined(link_chunk(frames.transfers.at(0), 0, size));
  const auto second = joined(link_chunk(frames.transfers[0], size, size));
  link::messages complete;
  link_assembler gap, twice, nothing, unknown;
  BOOST_CHECK_NE(gap.take_bulk(second, complete), "");
  BOOST_CHECK_EQUAL(twice.take_bulk(first, complete), "");
  BOOST_CHECK_NE(twice.take_bulk(first, complete), "");
  BOOST_CHECK_NE(nothing.take_bulk(first.slice(0, 16), complete), "");
  BOOST_CHECK_NE(unknown.take_bulk(bytes::copy_of(std::string(24, '\0')), complete), "");
}

BOOST_AUTO_TEST_CASE(more_than_was_announced_is_a_fault) {
  link_encoder from;
  const std::string large(defaults::link_inline_bytes_max + 1, 'y');
  const auto frames = from.encode(one(some_calls(large)));
  link_assembler to;
  link::messages complete;
  link_transfer longer{frames.transfers.at(0).number, payload::text(large + "y")};
  std::size_t size = 0;
  BOOST_CHECK_EQUAL(to.take_calls(joined(frames.calls.at(0)), complete), "");
  BOOST_CHECK_NE(to.take_bulk(joined(link_chunk(longer, 0, size)), complete), "");
}

BOOST_AUTO_TEST_CASE(whatever_bytes_come_are_a_fault_or_messages_and_never_a_crash) {
  std::mt19937_64 random(20261126);
  link_encoder from;
  std::vector<bytes> frames;
  for (auto& message : of_each_kind())
    for (const auto& frame : from.encode(one(std::move(message))).calls)
      frames.push_back(joined(frame));
  std::size_t faults = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string content(frames[random() % frames.size()].view());
    for (auto changes = 1 + random() % 8; changes > 0; --changes)
      content[random() % content.size()] = static_cast<char>(random());
    if (random() % 4 == 0)
      content.resize(random() % (content.size() + 1));
    link_assembler to;
    link::messages complete;
    faults += to.take_calls(bytes::copy_of(content), complete).empty() ? 0 : 1;
    faults += to.take_bulk(bytes::copy_of(content), complete).empty() ? 0 : 1;
  }
  BOOST_CHECK_GT(faults, 1000u);
}

BOOST_AUTO_TEST_SUITE_END()
