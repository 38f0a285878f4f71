#include "core/defaults.hpp"
#include "node/link/complaints.hpp"
#include "node/link/wire.hpp"
#include "node/loop/frame_splitter.hpp"
#include "node/loop/read_arena.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(link_wire)

namespace {

constexpr node_uuid one{0x1111222233334444, 0x8555666677778888};

struct cutter {
  read_arena arena;
  frame_splitter splitter{arena, link_framing(channel::control)};
  std::vector<bytes> frames;

  /// As a socket that gives at most `step` bytes at once.
  bool feed(std::string_view text, std::size_t step) {
    while (!text.empty()) {
      const auto target = splitter.prepare();
      auto size = std::min({step, target.size, text.size()});
      std::size_t done = 0;
      for (const auto& part : target.parts) {
        const auto n = std::min(part.iov_len, size - done);
        if (n > 0)
          std::memcpy(part.iov_base, text.data() + done, n);
        done += n;
      }
      text.remove_prefix(done);
      if (!splitter.commit(done, frames))
        return false;
    }
    return true;
  }
};

} // namespace

BOOST_AUTO_TEST_CASE(frames_are_found_however_they_arrive) {
  std::string all;
  std::vector<std::string> contents;
  for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 100u, 70'000u, 3u, 300'000u, 0u}) {
    contents.emplace_back(size, static_cast<char>('a' + contents.size()));
    all += link_frame(contents.back());
  }
  for (const std::size_t step : {1u, 7u, 8u, 100u, 4096u, 1'000'000u}) {
    cutter cut;
    BOOST_REQUIRE(cut.feed(all, step));
    BOOST_REQUIRE(cut.frames.size() == contents.size());
    for (std::size_t i = 0; i < contents.size(); ++i) {
      BOOST_TEST((link_content(cut.frames[i]).view() == contents[i]));
      BOOST_TEST(reinterpret_cast<std::uintptr_t>(cut.frames[i].data()) % 8 == 0u);
    }
    BOOST_TEST(cut.splitter.between_frames());
  }
}

BOOST_AUTO_TEST_CASE(a_frame_that_was_announced_takes_memory_as_it_arrives) {
  cutter cut;
  std::string prefix;
  append_link_prefix(defaults::link_control_frame_bytes_max, prefix);
  BOOST_REQUIRE(cut.feed(prefix + "x", 100));
  BOOST_TEST(cut.splitter.prepare().size <= defaults::partial_frame_bytes_min);
  BOOST_REQUIRE(cut.feed(std::string(100'000, 'x'), 5'000));
  BOOST_TEST(cut.splitter.prepare().size <= 200'000u);
  BOOST_TEST(cut.frames.empty());
}

BOOST_AUTO_TEST_CASE(a_longer_frame_than_the_channel_takes_is_none) {
  std::string prefix;
  append_link_prefix(defaults::link_control_frame_bytes_max + 1, prefix);
  cutter cut;
  BOOST_TEST(!cut.feed(prefix, 8));
  BOOST_TEST(cut.splitter.fault() == "sent a frame of 4194305 bytes; at most 4194304 are accepted");
  cutter other;
  BOOST_TEST(!other.feed(std::string(8, '\xff'), 8));
}

BOOST_AUTO_TEST_CASE(messages_read_as_they_were_written) {
  const link_hello hello{3, 2, one, {5, 6}, 7, 8};
  BOOST_TEST((parse_link_hello(encode(hello)) == hello));
  const auto request = parse_join_request(encode(join_request{"pem", "name", "h:1"}));
  BOOST_REQUIRE(request.has_value());
  BOOST_TEST((request->request == "pem" && request->name == "name" && request->listen == "h:1"));
  const auto answer = parse_join_answer(encode(join_answer{"no", "c", "t"}));
  BOOST_REQUIRE(answer.has_value());
  BOOST_TEST((answer->refusal == "no" && answer->certificate == "c" && answer->cluster == "t"));
}

BOOST_AUTO_TEST_CASE(what_is_no_message_is_none) {
  const auto good = encode(join_request{"pem", "name", "h:1"});
  for (std::size_t size = 0; size < good.size(); ++size)
    parse_join_request(good.substr(0, size)); // whatever it says, it neither throws nor reads beyond
  BOOST_TEST(!parse_link_hello("").has_value());
  BOOST_TEST(!parse_link_hello("hello").has_value());
  BOOST_TEST(!parse_link_hello(std::string(64, '\xff')).has_value());
  std::string wrong = good;
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    wrong[i] = static_cast<char>(wrong[i] ^ 0x55);
    parse_join_request(wrong);
  }
}

BOOST_AUTO_TEST_CASE(the_kind_of_a_connection_is_one_of_five_bytes) {
  for (int byte = 0; byte < 256; ++byte)
    BOOST_TEST(link_kind_of(static_cast<char>(byte)).has_value() == (byte >= 1 && byte <= 5));
  BOOST_TEST((channel_of(link_kind::bulk) == channel::bulk));
  BOOST_TEST(!channel_of(link_kind::client).has_value());
  BOOST_TEST((kind_of(channel::control) == link_kind::control));
}

BOOST_AUTO_TEST_CASE(the_same_trouble_is_told_once_a_minute_and_counted) {
  std::vector<std::string> told;
  complaints troubles([&](std::string_view what) { told.emplace_back(what); });
  const complaints::clock::time_point start{};
  for (int i = 0; i < 30; ++i)
    troubles.note("10.0.0.9", "sent nonsense", start + i * 1s);
  troubles.note("10.0.0.9", "is late", start);
  troubles.note("10.0.0.8", "sent nonsense", start);
  troubles.note("10.0.0.9", "sent nonsense", start + 60s);
  BOOST_TEST(troubles.total() == 33u);
  BOOST_REQUIRE(told.size() == 4u);
  BOOST_TEST(told[0] == "10.0.0.9 sent nonsense");
  BOOST_TEST(told[3] == "10.0.0.9 sent nonsense (and 29 times since it was last told)");
}

BOOST_AUTO_TEST_CASE(names_without_end_are_told_and_cost_no_memory_without_end) {
  std::size_t told = 0;
  complaints troubles([&](std::string_view) { ++told; });
  for (int i = 0; i < 10'000; ++i)
    troubles.note(std::to_string(i), "came", complaints::clock::time_point{});
  BOOST_TEST(told == 10'000u);
  BOOST_TEST(troubles.remembered() <= defaults::link_log_names_max);
}

BOOST_AUTO_TEST_SUITE_END()
