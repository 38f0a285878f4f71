#include "core/defaults.hpp"
#include "node/loop/stream.hpp"
#include "node/wire/frame.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/not_printed.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace hearth;
using namespace hearth::test;

BOOST_AUTO_TEST_SUITE(loop_stream, *boost::unit_test::timeout(120))

namespace {

std::string frame(std::size_t size, char fill = 'a') {
  const std::string body(size, fill);
  wire::chunk chunk;
  chunk.body = body;
  std::string out;
  wire::encode(chunk, out);
  return out;
}

/// One end of a socket with everything it has heard.
struct end final : frame_stream::owner {
  std::vector<std::string> frames;
  std::size_t batches = 0;
  std::size_t bytes_received = 0;
  std::vector<std::string> ends;
  std::size_t drained = 0;
  bool keep = true;
  std::function<void(std::vector<bytes>&)> on_batch;
  std::function<void()> on_over;
  std::unique_ptr<frame_stream> stream;

  void open(work_loop& loop, kj::AutoCloseFd fd) { stream = std::make_unique<frame_stream>(loop, kj::mv(fd), *this); }

  void on_frames(std::vector<bytes>& batch) override {
    ++batches;
    for (const auto& f : batch) {
      bytes_received += f.size();
      if (keep)
        frames.emplace_back(f.view());
    }
    if (on_batch)
      on_batch(batch);
  }

  void on_end(const std::string& reason) override {
    ends.push_back(reason);
    if (on_over)
      on_over();
  }

  void on_drained() override { ++drained; }
};

struct two_ends : loop_fixture {
  end left;
  end right;

  two_ends() {
    auto [a, b] = socket_pair();
    left.open(loop, kj::mv(a));
    right.open(loop, kj::mv(b));
  }
};

/// A stream against a bare socket of the test, for peers that misbehave.
struct one_end : loop_fixture {
  end here;
  kj::AutoCloseFd peer;

  one_end() {
    auto [a, b] = socket_pair();
    here.open(loop, kj::mv(a));
    peer = kj::mv(b);
  }

  void send(std::string_view text) {
    BOOST_REQUIRE(::send(peer.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
  }

  void hang_up() { peer = kj::AutoCloseFd(); }

  void run_until_end() {
    BOOST_REQUIRE(run_until([this] { return !here.ends.empty(); }));
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(frames_arrive_in_order_and_as_they_were_written, two_ends) {
  std::vector<std::string> sent;
  for (std::size_t i = 0; i < 500; ++i) {
    sent.push_back(frame(i * 61 % 40'000, static_cast<char>('a' + i % 26)));
    if (i % 2 == 0)
      left.stream->write(sent.back());
    else
      left.stream->write(bytes::copy_of(sent.back()));
  }
  BOOST_REQUIRE(run_until([&] { return right.frames.size() == sent.size(); }));
  BOOST_TEST(right.frames == sent);
}

BOOST_FIXTURE_TEST_CASE(what_is_written_in_one_turn_arrives_as_one_batch, two_ends) {
  for (int i = 0; i < 100; ++i)
    left.stream->write_with([](std::string& out) { out += frame(10); });
  BOOST_REQUIRE(run_until([&] { return right.frames.size() == 100; }));
  BOOST_TEST(right.batches == 1u);
}

BOOST_FIXTURE_TEST_CASE(frames_that_trickle_in_over_a_socket_arrive_whole, one_end) {
  const auto text = frame(9) + frame(100);
  for (const auto& c : text) {
    send({&c, 1});
    // Each byte is read before the next is sent.
    int unread = 1;
    BOOST_REQUIRE(run_until([&] {
      char probe;
      unread = static_cast<int>(::recv(here.stream->fd(), &probe, 1, MSG_PEEK | MSG_DONTWAIT));
      return unread < 0;
    }));
  }
  BOOST_REQUIRE(here.frames.size() == 2u);
  BOOST_TEST(here.frames[0] + here.frames[1] == text);
}

BOOST_FIXTURE_TEST_CASE(a_socket_with_a_tiny_buffer_gets_everything_in_many_writes, two_ends) {
  const int tiny = 1;
  ::setsockopt(left.stream->fd(), SOL_SOCKET, SO_SNDBUF, &tiny, sizeof tiny);
  std::vector<std::string> sent;
  for (std::size_t i = 0; i < 300; ++i) {
    sent.push_back(frame(i * 97 % 30'000, static_cast<char>('A' + i % 26)));
    left.stream->write(bytes::copy_of(sent.back()));
  }
  BOOST_REQUIRE(run_until([&] { return right.frames.size() == sent.size(); }));
  BOOST_TEST(right.frames == sent);
  BOOST_REQUIRE(run_until([&] { return left.drained == 1; }));
  BOOST_TEST(left.stream->queued_bytes() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_does_not_read_leaves_the_queue_with_its_owner, two_ends) {
  right.stream->pause_reading();
  const auto large = bytes::copy_of(frame(defaults::frame_body_bytes_max));
  for (int i = 0; i < 8; ++i)
    left.stream->write(large);
  const auto all = 8 * large.size();
  BOOST_REQUIRE(run_until([&] { return left.stream->queued_bytes() < all; }));
  // The socket is full: more turns change nothing.
  const auto left_over = left.stream->queued_bytes();
  pass_time();
  BOOST_TEST(left.stream->queued_bytes() == left_over);
  BOOST_TEST(left.stream->queued_bytes() > all / 2);
  BOOST_TEST(right.frames.empty());
  right.stream->resume_reading();
  BOOST_REQUIRE(run_until([&] { return right.frames.size() == 8; }));
  BOOST_TEST(left.drained == 1u);
}

BOOST_FIXTURE_TEST_CASE(who_waits_for_an_empty_queue_hears_of_it_once_also_when_the_socket_takes_all_at_once,
                        two_ends) {
  left.stream->write(frame(10));
  left.stream->tell_when_drained();
  BOOST_TEST(left.drained == 0u); // not from within
  BOOST_REQUIRE(run_until([&] { return left.drained == 1; }));
  BOOST_TEST(left.stream->queued_bytes() == 0u);
  left.stream->write(frame(10));
  BOOST_REQUIRE(run_until([&] { return right.frames.size() == 2; }));
  BOOST_TEST(left.drained == 1u);
}

BOOST_FIXTURE_TEST_CASE(reading_pauses_within_a_batch_and_resumes_without_loss, two_ends) {
  right.on_batch = [&](auto&) { right.stream->pause_reading(); };
  std::size_t sent = 0;
  for (; sent < 20'000; ++sent)
    left.stream->write(frame(200));
  std::size_t resumed = 0;
  BOOST_REQUIRE(run_until([&] {
    const auto before = right.frames.size();
    if (right.batches > resumed) {
      ++resumed;
      right.stream->resume_reading();
    }
    return before == sent;
  }));
  BOOST_TEST(resumed > 1u);
}

BOOST_FIXTURE_TEST_CASE(sixty_four_mebibytes_in_large_frames_pass_without_growth, two_ends) {
  const auto large = bytes::copy_of(frame(defaults::frame_body_bytes_max));
  const std::size_t total = 64;
  std::size_t written = 0;
  std::size_t most_queued = 0;
  right.keep = false;
  BOOST_REQUIRE(run_until([&] {
    for (; written < total && left.stream->queued_bytes() < 2 * large.size(); ++written)
      left.stream->write(large);
    most_queued = std::max(most_queued, left.stream->queued_bytes());
    return right.bytes_received == total * large.size();
  }));
  BOOST_TEST(most_queued <= 3 * large.size());
  BOOST_TEST(loop.arena().allocations() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_closes_between_frames_is_a_clean_end_after_its_last_frame, one_end) {
  here.on_over = [&] { BOOST_TEST(here.frames.size() == 2u); };
  send(frame(1) + frame(2));
  hang_up();
  run_until_end();
  BOOST_TEST(here.ends == std::vector<std::string>{""});
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_closes_within_a_frame_is_reported_after_the_whole_ones, one_end) {
  const auto second = frame(500);
  send(frame(1) + second.substr(0, second.size() - 1));
  hang_up();
  run_until_end();
  BOOST_TEST(here.frames.size() == 1u);
  BOOST_TEST(here.ends == std::vector<std::string>{"closed in the middle of a frame"});
}

BOOST_FIXTURE_TEST_CASE(what_is_no_frame_ends_the_connection_once_after_the_frames_before_it, one_end) {
  send(frame(1) + "GET / HTTP/1.1\r\n\r\n");
  run_until_end();
  BOOST_TEST(here.frames.size() == 1u);
  BOOST_TEST(here.ends.front().find("sent") == 0u);
  // Nothing that comes later is heard, and the end is told once.
  send(frame(2));
  hang_up();
  pass_time();
  BOOST_TEST(here.frames.size() == 1u);
  BOOST_TEST(here.ends.size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_frame_above_the_limit_ends_the_connection_before_it_is_read, one_end) {
  std::string prefix(8, '\0');
  prefix[7] = 1; // 2^24 words
  send(prefix);
  run_until_end();
  BOOST_TEST(here.ends.front().find("frame of") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_goes_while_reading_is_paused_is_noticed_with_its_last_frames, one_end) {
  here.stream->pause_reading();
  send(frame(1) + frame(2));
  hang_up();
  run_until_end();
  BOOST_TEST(here.frames.size() == 2u);
  BOOST_TEST(here.ends == std::vector<std::string>{""});
}

BOOST_FIXTURE_TEST_CASE(writing_to_a_peer_that_is_gone_ends_the_connection_once_after_its_last_frames, one_end) {
  send(frame(1));
  hang_up();
  for (int i = 0; i < 3; ++i)
    here.stream->write(frame(2));
  run_until_end();
  BOOST_TEST(here.frames.size() == 1u);
  here.stream->write(frame(3));
  BOOST_TEST(here.stream->queued_bytes() == 0u);
  pass_time();
  BOOST_TEST(here.ends.size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_shuts_its_reading_side_ends_the_connection_with_the_reason, one_end) {
  BOOST_REQUIRE(::shutdown(peer.get(), SHUT_RD) == 0);
  here.stream->write(frame(1));
  run_until_end();
  BOOST_TEST(here.ends.front().find("takes no more") == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_write_that_fails_ends_the_connection_while_reading_is_paused_too, one_end) {
  here.stream->pause_reading();
  send(frame(1));
  BOOST_REQUIRE(::shutdown(peer.get(), SHUT_RD) == 0);
  here.stream->write(frame(2));
  run_until_end();
  BOOST_TEST(here.frames.size() == 1u);
  BOOST_TEST(here.ends.front().find("takes no more") == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_stream_may_be_destroyed_by_what_it_calls, one_end) {
  here.on_batch = [&](auto&) { here.stream.reset(); };
  send(frame(1) + frame(2));
  BOOST_REQUIRE(run_until([&] { return !here.stream; }));
  BOOST_TEST(here.frames.size() == 2u);

  auto [a, b] = socket_pair();
  here.on_over = [&] { here.stream.reset(); };
  here.open(loop, kj::mv(a));
  b = kj::AutoCloseFd();
  BOOST_REQUIRE(run_until([&] { return !here.stream; }));
  BOOST_TEST(here.ends.size() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_last_word_is_written_before_the_stream_is_destroyed, two_ends) {
  left.stream->write(frame(7));
  BOOST_TEST(left.stream->flush());
  left.stream.reset();
  BOOST_REQUIRE(run_until([&] { return !right.ends.empty(); }));
  BOOST_TEST(right.frames == std::vector<std::string>{frame(7)});
  BOOST_TEST(right.ends == std::vector<std::string>{""});
}

BOOST_FIXTURE_TEST_CASE(a_peer_that_floods_leaves_the_others_their_turns, loop_fixture) {
  auto [a, b] = socket_pair();
  auto [c, d] = socket_pair();
  end flooded;
  end flooding;
  flooded.keep = false;
  flooded.open(loop, kj::mv(a));
  flooding.open(loop, kj::mv(b));
  const auto large = bytes::copy_of(frame(defaults::frame_body_bytes_max));
  turn_hook flood(loop.reading(), [&] {
    if (flooding.stream->queued_bytes() < 4 * large.size())
      flooding.stream->write(large);
    flood.arm();
  });
  flood.arm();
  end quiet;
  quiet.open(loop, kj::mv(c));
  kj::AutoCloseFd caller = kj::mv(d);
  for (std::size_t n = 1; n <= 100; ++n) {
    const auto text = frame(n);
    BOOST_REQUIRE(::send(caller.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
    BOOST_REQUIRE(run_until([&] { return quiet.frames.size() == n; }));
  }
  BOOST_TEST(flooded.bytes_received > 0u);
}

/// Has always more to read, and takes whatever is written.
class endless_channel final : public byte_channel {
public:
  static constexpr std::size_t each_turn = 3000;

  explicit endless_channel(std::size_t& taken) : taken_(taken) {}

  ssize_t receive(std::span<const iovec> parts, bool) override {
    std::size_t total = 0;
    for (const auto& part : parts)
      for (std::size_t i = 0; i < part.iov_len; ++i, ++total)
        static_cast<char*>(part.iov_base)[i] = text_[at_++ % text_.size()];
    return static_cast<ssize_t>(total);
  }
  bool is_drained() const override { return false; }
  ssize_t send(std::span<const iovec> parts) override {
    const auto size = std::min<std::size_t>(parts.front().iov_len, 1000);
    taken_ += size;
    return static_cast<ssize_t>(size);
  }
  bool is_blocked() const override { return false; }
  std::size_t bytes_held() const override { return 0; }
  std::size_t turn_bytes() const override { return each_turn; }
  std::string describe(int) const override { return {}; }

private:
  std::size_t& taken_;
  std::string text_ = frame(100);
  std::size_t at_ = 0;
};

BOOST_FIXTURE_TEST_CASE(a_turn_reads_and_writes_no_more_than_a_channel_has_time_for, loop_fixture) {
  auto [a, b] = socket_pair();
  std::size_t taken = 0;
  end here;
  std::size_t longest = 0, before = 0;
  here.on_batch = [&](std::vector<bytes>& batch) {
    std::size_t size = 0;
    for (const auto& f : batch)
      size += f.size();
    longest = std::max(longest, size);
    BOOST_TEST(taken - std::exchange(before, taken) <= endless_channel::each_turn);
  };
  here.keep = false;
  here.stream = std::make_unique<frame_stream>(loop, kj::mv(a), std::make_unique<endless_channel>(taken),
                                               client_framing, here);
  const std::string text(50'000, 'x');
  here.stream->write(text);
  BOOST_REQUIRE(run_until([&] { return taken == text.size(); }));
  BOOST_TEST(longest <= endless_channel::each_turn + frame(100).size());
  BOOST_TEST(here.batches >= text.size() / endless_channel::each_turn);
  BOOST_REQUIRE(run_until([&] { return here.drained == 1u; })); // although the socket took all that it was given
}

BOOST_AUTO_TEST_SUITE_END()
