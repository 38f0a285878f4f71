// What the loop costs: a client's frame goes client -> session's end -> actor -> actor -> interpreter's end -> echo and
// all the way back, against the same two sockets with nothing in between. Client and echo are threads of their own, as
// they are processes of their own in life. Prints one line per figure; asserts nothing.
#include "core/defaults.hpp"
#include "node/loop/stream.hpp"
#include "node/wire/frame.hpp"

#include <caf/all.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace hearth;
using steady = std::chrono::steady_clock;

namespace {

using forward = caf::atom_constant<caf::atom("forward")>;
using back = caf::atom_constant<caf::atom("back")>;
using batch = std::vector<bytes>;

std::pair<kj::AutoCloseFd, kj::AutoCloseFd> socket_pair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    std::perror("socketpair");
    std::exit(1);
  }
  return {kj::AutoCloseFd(ends[0]), kj::AutoCloseFd(ends[1])};
}

std::string frame(std::size_t size) {
  const std::string body(size, 'x');
  wire::chunk chunk;
  chunk.body = body;
  std::string out;
  wire::encode(chunk, out);
  return out;
}

bool send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (n <= 0)
      return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

/// Answers whatever comes with itself until the other side closes.
void echo(int fd) {
  std::vector<char> buffer(defaults::mib);
  for (;;) {
    const auto n = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (n <= 0 || !send_all(fd, {buffer.data(), static_cast<std::size_t>(n)}))
      return;
  }
}

/// The client: keeps `window` frames on their way until `total` are back.
struct client {
  int fd;
  std::string text;
  std::vector<char> buffer = std::vector<char>(defaults::mib);

  void receive(std::size_t bytes) {
    while (bytes > 0) {
      const auto n = ::recv(fd, buffer.data(), std::min(bytes, buffer.size()), 0);
      if (n <= 0)
        return;
      bytes -= static_cast<std::size_t>(n);
    }
  }

  std::vector<double> one_by_one(std::size_t total) {
    std::vector<double> microseconds;
    for (std::size_t i = 0; i < total; ++i) {
      const auto start = steady::now();
      send_all(fd, text);
      receive(text.size());
      microseconds.push_back(std::chrono::duration<double, std::micro>(steady::now() - start).count());
    }
    std::sort(microseconds.begin(), microseconds.end());
    return microseconds;
  }

  /// Frames a second.
  double pipelined(std::size_t total, std::size_t window) {
    std::string many;
    for (std::size_t i = 0; i < window; ++i)
      many += text;
    const auto start = steady::now();
    std::thread writer([&] {
      for (std::size_t sent = 0; sent < total; sent += window)
        send_all(fd, many);
    });
    receive((total + window - 1) / window * window * text.size());
    writer.join();
    return static_cast<double>(total) / std::chrono::duration<double>(steady::now() - start).count();
  }
};

void print(const char* path, client& c, std::size_t body) {
  c.one_by_one(2000);
  const auto times = c.one_by_one(20'000);
  const auto rate = c.pipelined(400'000, 64);
  c.text = frame(defaults::frame_body_bytes_max);
  const auto bulk = c.pipelined(512, 4);
  c.text = frame(body);
  std::printf("%-34s %zu B: p50 %.1f us, p99 %.1f us; pipelined %.0f frames/s; 1 MiB frames %.2f GiB/s\n", path, body,
              times[times.size() / 2], times[times.size() * 99 / 100], rate, bulk / 1024);
}

/// One end of a connection; its frames go to an actor as one message per batch.
struct door final : frame_stream::owner {
  std::function<void(batch)> forward_batch;
  std::function<void()> over;
  std::unique_ptr<frame_stream> stream;

  void on_frames(batch& frames) override {
    batch moved(std::make_move_iterator(frames.begin()), std::make_move_iterator(frames.end()));
    forward_batch(std::move(moved));
  }
  void on_end(const std::string&) override {
    if (over)
      over();
  }
  void write(const batch& frames) {
    for (const auto& f : frames)
      stream->write(f);
  }
};

} // namespace

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<hearth::bytes>)

namespace {

void through_the_loop(std::size_t body) {
  auto session = socket_pair();
  auto replica = socket_pair();
  auto& client_end = session.second;
  std::thread interpreter([fd = replica.second.get()] { echo(fd); });
  std::thread node([&] {
    work_loop loop;
    door front;
    door rear;
    auto over = kj::newPromiseAndFulfiller<void>();
    auto second = loop.system().spawn([&]() -> caf::behavior {
      return {[&](forward, batch& frames) { rear.write(frames); }, [&](back, batch& frames) { front.write(frames); }};
    });
    auto first = loop.system().spawn([&, second](caf::event_based_actor* self) -> caf::behavior {
      return {[=](forward, batch& frames) { self->send(second, forward::value, std::move(frames)); },
              [=](back, batch& frames) { self->send(second, back::value, std::move(frames)); }};
    });
    front.forward_batch = [&](batch frames) { caf::anon_send(first, forward::value, std::move(frames)); };
    rear.forward_batch = [&](batch frames) { caf::anon_send(first, back::value, std::move(frames)); };
    front.over = [&] { over.fulfiller->fulfill(); };
    front.stream = std::make_unique<frame_stream>(loop, kj::mv(session.first), front);
    rear.stream = std::make_unique<frame_stream>(loop, kj::mv(replica.first), rear);
    loop.run(kj::mv(over.promise));
    loop.stop({caf::actor_cast<caf::actor>(first), caf::actor_cast<caf::actor>(second)},
              steady::now() + std::chrono::seconds{10});
  });
  client c{client_end.get(), frame(body)};
  print("client -> loop, 2 actors -> echo", c, body);
  client_end = kj::AutoCloseFd();
  node.join();
  interpreter.join();
}

/// The floor: the same wake-ups and copies by a thread that only passes bytes on.
void through_a_relay(std::size_t body) {
  auto near = socket_pair();
  auto far = socket_pair();
  auto& client_end = near.second;
  auto& echo_end = far.second;
  std::thread answering([fd = echo_end.get()] { echo(fd); });
  auto pass = [](int from, int to) {
    std::vector<char> buffer(defaults::mib);
    for (;;) {
      const auto n = ::recv(from, buffer.data(), buffer.size(), 0);
      if (n <= 0 || !send_all(to, {buffer.data(), static_cast<std::size_t>(n)}))
        break;
    }
    ::shutdown(to, SHUT_WR);
  };
  std::thread there([=, from = near.first.get(), to = far.first.get()] { pass(from, to); });
  std::thread and_back([=, from = far.first.get(), to = near.first.get()] { pass(from, to); });
  client c{client_end.get(), frame(body)};
  print("client -> two blocking threads -> echo", c, body);
  client_end = kj::AutoCloseFd();
  there.join();
  answering.join();
  echo_end = kj::AutoCloseFd();
  and_back.join();
}

void actors_alone() {
  work_loop loop;
  const std::size_t total = 2'000'000;
  std::size_t strokes = 0;
  auto player = [&](caf::event_based_actor* self) -> caf::behavior {
    return {[&, self](forward, const caf::actor& other) {
      if (++strokes < total)
        self->send(other, forward::value, caf::actor_cast<caf::actor>(self));
    }};
  };
  std::vector<caf::actor> players;
  for (int i = 0; i < 2; ++i)
    players.push_back(caf::actor_cast<caf::actor>(loop.system().spawn(player)));
  const auto start = steady::now();
  caf::anon_send(players[0], forward::value, players[1]);
  loop.run_until([&] { return strokes >= total; }, start + std::chrono::minutes{5});
  const auto seconds = std::chrono::duration<double>(steady::now() - start).count();
  std::printf("two actors playing ping-pong: %.2f M messages/s, %.1f resumes a turn\n",
              static_cast<double>(total) / seconds / 1e6,
              static_cast<double>(total) / static_cast<double>(loop.turns()));
  loop.stop(players, steady::now() + std::chrono::seconds{10});
}

} // namespace

int main() {
  for (std::size_t body : {8, 100, 4096}) {
    through_a_relay(body);
    through_the_loop(body);
  }
  actors_alone();
}
