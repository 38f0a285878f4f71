#include "core/defaults.hpp"
#include "node/loop/frame_splitter.hpp"
#include "node/wire/frame.hpp"
#include "tests/support/not_printed.hpp"

#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

using namespace hearth;

BOOST_AUTO_TEST_SUITE(loop_splitter)

namespace {

/// A chunk frame whose body is `size` bytes that depend on `seed`.
std::string frame(std::size_t size, char seed = 'a') {
  std::string body(size, '\0');
  for (std::size_t i = 0; i < size; ++i)
    body[i] = static_cast<char>(seed + i % 23);
  wire::chunk chunk;
  chunk.body = body;
  std::string out;
  wire::encode(chunk, out);
  return out;
}

/// A splitter that is fed by hand, as if each piece came from one system call.
struct feed {
  read_arena arena;
  frame_splitter splitter{arena};
  std::vector<bytes> frames;

  bool operator()(std::string_view text) {
    while (!text.empty()) {
      auto target = splitter.prepare();
      auto size = std::size_t{0};
      for (int i = 0; i < target.count && size < text.size(); ++i) {
        const auto& part = target.parts[static_cast<std::size_t>(i)];
        const auto n = std::min(part.iov_len, text.size() - size);
        std::memcpy(part.iov_base, text.data() + size, n);
        size += n;
      }
      if (!splitter.commit(size, frames))
        return false;
      text.remove_prefix(size);
    }
    return true;
  }

  std::vector<std::string> texts() const {
    std::vector<std::string> out;
    for (const auto& f : frames)
      out.emplace_back(f.view());
    return out;
  }
};

std::string prefix(std::uint32_t segments, std::uint32_t words) {
  std::string out(8, '\0');
  std::memcpy(out.data(), &segments, 4);
  std::memcpy(out.data() + 4, &words, 4);
  return out;
}

} // namespace

BOOST_AUTO_TEST_CASE(frames_cut_at_any_byte_arrive_whole_and_aligned) {
  const std::vector<std::string> sent{frame(0), frame(37, 'k'), frame(8, 'z'), frame(300, 'c')};
  std::string all;
  for (const auto& f : sent)
    all += f;
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    feed in;
    BOOST_REQUIRE(in(std::string_view{all}.substr(0, cut)));
    BOOST_REQUIRE(in(std::string_view{all}.substr(cut)));
    BOOST_REQUIRE(in.texts() == sent);
    BOOST_REQUIRE(in.splitter.between_frames());
    for (const auto& f : in.frames)
      BOOST_REQUIRE(reinterpret_cast<std::uintptr_t>(f.data()) % 8 == 0);
  }
}

BOOST_AUTO_TEST_CASE(frames_that_trickle_in_byte_by_byte_arrive_whole) {
  const std::vector<std::string> sent{frame(5), frame(0), frame(1000, 'q')};
  feed in;
  for (const auto& f : sent)
    for (const auto& c : f)
      BOOST_REQUIRE(in({&c, 1}));
  BOOST_TEST(in.texts() == sent);
}

BOOST_AUTO_TEST_CASE(small_frames_that_come_together_share_memory_and_none_is_copied) {
  feed in;
  BOOST_REQUIRE(in(frame(10) + frame(20) + frame(30)));
  BOOST_REQUIRE(in.frames.size() == 3u);
  BOOST_TEST(in.frames[0].data() + in.frames[0].size() == in.frames[1].data());
  BOOST_TEST(in.frames[1].data() + in.frames[1].size() == in.frames[2].data());
  BOOST_TEST(in.arena.allocations() == 1u);
}

BOOST_AUTO_TEST_CASE(a_frame_that_is_kept_is_never_written_over) {
  feed in;
  const auto kept = frame(200, 'k');
  BOOST_REQUIRE(in(kept));
  auto slice = in.frames[0];
  for (int i = 0; i < 2000; ++i) {
    in.frames.clear();
    BOOST_REQUIRE(in(frame(static_cast<std::size_t>(i), 'x')));
  }
  BOOST_TEST(slice.view() == kept);
}

BOOST_AUTO_TEST_CASE(memory_of_frames_that_are_gone_serves_again) {
  feed in;
  for (int i = 0; i < 10'000; ++i) {
    in.frames.clear();
    BOOST_REQUIRE(in(frame(500)));
  }
  BOOST_TEST(in.arena.allocations() == 1u);
}

BOOST_AUTO_TEST_CASE(large_frames_lie_in_memory_of_their_own_and_hold_back_no_other) {
  feed in;
  const auto large = frame(defaults::frame_body_bytes_max, 'L');
  for (int i = 0; i < 8; ++i)
    BOOST_REQUIRE(in(large));
  BOOST_REQUIRE(in.frames.size() == 8u);
  for (const auto& f : in.frames)
    BOOST_TEST((f.view() == large));
  // All eight are alive, and the shared piece is free from its start: none of them lies in it.
  BOOST_TEST(in.arena.allocations() == 1u);
  BOOST_TEST(in.arena.free().size == defaults::read_arena_bytes);
}

BOOST_AUTO_TEST_CASE(the_rest_of_a_large_frame_is_read_in_place_with_little_of_what_follows) {
  feed in;
  const auto large = frame(defaults::frame_body_bytes_max);
  const std::size_t first = 100'000;
  BOOST_REQUIRE(in(std::string_view{large}.substr(0, first)));
  auto target = in.splitter.prepare();
  BOOST_REQUIRE(target.count == 2);
  BOOST_TEST(target.parts[0].iov_len == large.size() - first);
  BOOST_TEST(target.parts[1].iov_len == defaults::read_beyond_bytes);
}

BOOST_AUTO_TEST_CASE(a_frame_of_the_largest_size_passes_and_one_word_more_does_not) {
  const auto words = static_cast<std::uint32_t>((defaults::frame_bytes_max - 8) / 8);
  feed fits;
  BOOST_TEST(fits(prefix(0, words) + std::string(std::size_t{words} * 8, 'b')));
  BOOST_TEST(fits.frames.size() == 1u);
  feed too_large;
  BOOST_TEST(!too_large(prefix(0, words + 1)));
  BOOST_TEST(too_large.splitter.fault().find(std::to_string(defaults::frame_bytes_max + 8)) != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_frame_is_refused_with_a_reason_after_the_frames_before_it) {
  for (const auto& garbage : {prefix(1, 4), prefix(0, 0), prefix(0, 0xffffffff), std::string{"GET / HTTP/1.1\r\n"}}) {
    feed in;
    BOOST_TEST(!in(frame(3) + garbage));
    BOOST_TEST(in.frames.size() == 1u);
    BOOST_TEST(!in.splitter.fault().empty());
  }
}

BOOST_AUTO_TEST_CASE(an_end_within_a_frame_is_told_from_one_between_frames) {
  const auto text = frame(40);
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    feed in;
    BOOST_REQUIRE(in(std::string_view{text}.substr(0, cut)));
    BOOST_REQUIRE(!in.splitter.between_frames());
  }
}

BOOST_AUTO_TEST_SUITE_END()
