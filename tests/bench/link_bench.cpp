// What the link's encryption costs: frames over TCP on loopback to a second thread and back, without TLS, with ours under the
// frame_stream, and with kj-tls on plain KJ loops. Prints one line per figure; asserts nothing.
#include "core/defaults.hpp"
#include "node/identity/authority.hpp"
#include "node/link/tcp.hpp"
#include "node/link/tls.hpp"
#include "node/link/wire.hpp"
#include "node/loop/stream.hpp"
#include "tests/support/scratch.hpp"

#include <kj/async-io.h>
#include <kj/compat/tls.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fcntl.h>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace hearth;
using steady = std::chrono::steady_clock;

namespace {

struct sockets {
  kj::AutoCloseFd near;
  kj::AutoCloseFd far;
};

/// Both ends of a TCP connection, which do not block.
sockets tcp_pair() {
  auto listening = node::listen_at({"127.0.0.1", 0});
  auto near = node::begin_connect(*node::numeric_address({"127.0.0.1", node::port_of(listening)}));
  kj::AutoCloseFd far;
  while (far.get() < 0)
    far = kj::AutoCloseFd(::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  node::make_link_socket(far);
  return {kj::mv(*near), kj::mv(far)};
}

struct workload {
  std::size_t frame_bytes;
  std::size_t window; // frames on their way
  std::size_t total;
};

struct result {
  double seconds = 0;
  double p50_us = 0; // of a round trip, when the window is one
};

double median_us(std::vector<steady::duration>& samples) {
  if (samples.empty())
    return 0;
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2), samples.end());
  return std::chrono::duration<double, std::micro>(samples[samples.size() / 2]).count();
}

// -- frame_stream ----

struct echo final : frame_stream::owner {
  std::unique_ptr<frame_stream> stream;
  bool is_over = false;

  void on_frames(std::vector<bytes>& frames) override {
    for (auto& frame : frames)
      stream->write(std::move(frame));
  }
  void on_end(const std::string&) override { is_over = true; }
};

struct driver final : frame_stream::owner {
  workload work;
  std::string frame;
  std::unique_ptr<frame_stream> stream;
  std::size_t sent = 0;
  std::size_t received = 0;
  std::vector<steady::duration> round_trips;
  steady::time_point sent_at;

  void send(std::size_t count) {
    sent_at = steady::now();
    const auto shared = bytes::copy_of(frame);
    for (; count > 0 && sent < work.total; --count, ++sent)
      stream->write(shared);
  }
  void on_frames(std::vector<bytes>& frames) override {
    received += frames.size();
    if (work.window == 1)
      round_trips.push_back(steady::now() - sent_at);
    send(frames.size());
  }
  void on_end(const std::string& reason) override { std::fprintf(stderr, "the far end %s\n", reason.c_str()); }
};

using channels = std::pair<std::unique_ptr<byte_channel>, std::unique_ptr<byte_channel>>;

result run_streams(const workload& work, const std::function<channels(const sockets&)>& make) {
  auto pair = tcp_pair();
  auto ends = make(pair);
  std::thread far([&pair, channel = std::move(ends.second)]() mutable {
    work_loop loop;
    echo end;
    end.stream = std::make_unique<frame_stream>(loop, kj::mv(pair.far), std::move(channel),
                                                node::link_framing(cluster::channel::calls), end);
    loop.run_until([&] { return end.is_over; }, steady::now() + std::chrono::minutes{5});
    end.stream.reset();
  });
  result measured;
  {
    work_loop loop;
    driver end;
    end.work = work;
    end.frame = node::link_frame(std::string(work.frame_bytes, 'x'));
    end.stream = std::make_unique<frame_stream>(loop, kj::mv(pair.near), std::move(ends.first),
                                                node::link_framing(cluster::channel::calls), end);
    const auto start = steady::now();
    end.send(work.window);
    loop.run_until([&] { return end.received == work.total; }, steady::now() + std::chrono::minutes{5});
    measured = {std::chrono::duration<double>(steady::now() - start).count(), median_us(end.round_trips)};
    end.stream.reset();
  }
  far.join();
  return measured;
}

channels plain(const sockets&) { return {nullptr, nullptr}; }

std::function<channels(const sockets&)> encrypted(const node::credentials& near, const node::credentials& far) {
  return [near, far](const sockets& pair) -> channels {
    using node::tls_channel;
    auto a = std::make_unique<tls_channel>(node::tls_context::of_member_dialing(near), pair.near.get(),
                                           tls_channel::side::dialing);
    auto b = std::make_unique<tls_channel>(node::tls_context::of_member_accepting(far), pair.far.get(),
                                           tls_channel::side::accepting);
    for (bool done = false; !done;) {
      const auto first = a->shake_hands();
      const auto second = b->shake_hands();
      done = first == tls_channel::step::done && second == tls_channel::step::done;
      if (first == tls_channel::step::failed || second == tls_channel::step::failed) {
        std::fprintf(stderr, "no handshake: %s %s\n", a->fault().c_str(), b->fault().c_str());
        std::exit(1);
      }
    }
    return {std::move(a), std::move(b)};
  };
}

// -- kj-tls ----

kj::TlsContext kj_context(const node::credentials& own, const kj::TlsKeypair& keys,
                          kj::ArrayPtr<const kj::TlsCertificate> trusted) {
  static_cast<void>(own);
  kj::TlsContext::Options options;
  options.useSystemTrustStore = false;
  options.verifyClients = true;
  options.trustedCertificates = trusted;
  options.defaultKeypair = keys;
  options.minVersion = static_cast<kj::TlsVersion>(static_cast<int>(kj::TlsVersion::TLS_1_2) + 1);
  return kj::TlsContext(kj::mv(options));
}

kj::Promise<void> echo_all(kj::AsyncIoStream& stream, kj::ArrayPtr<kj::byte> buffer) {
  return stream.tryRead(buffer.begin(), 1, buffer.size()).then([&stream, buffer](std::size_t n) -> kj::Promise<void> {
    if (n == 0)
      return kj::READY_NOW;
    return stream.write(buffer.begin(), n).then([&stream, buffer] { return echo_all(stream, buffer); });
  });
}

struct kj_driver {
  kj::AsyncIoStream& stream;
  workload work;
  std::string block;
  kj::Array<kj::byte> buffer = kj::heapArray<kj::byte>(defaults::tls_read_bytes);
  std::size_t left_to_send;
  std::size_t left_to_receive;
  std::vector<steady::duration> round_trips;
  steady::time_point sent_at;

  kj::Promise<void> go_on() {
    return stream.tryRead(buffer.begin(), 1, buffer.size()).then([this](std::size_t n) -> kj::Promise<void> {
      left_to_receive -= n;
      if (work.window == 1)
        round_trips.push_back(steady::now() - sent_at);
      if (n == 0 || left_to_receive == 0)
        return kj::READY_NOW;
      const auto more = std::min(n, left_to_send);
      if (more == 0)
        return go_on();
      left_to_send -= more;
      sent_at = steady::now();
      return stream.write(block.data(), more).then([this] { return go_on(); });
    });
  }
};

result run_kj(const workload& work, const node::credentials& near, const node::credentials& far, node_uuid far_node) {
  auto pair = tcp_pair();
  const auto frame = node::link_frame(std::string(work.frame_bytes, 'x'));
  std::thread other([&pair, &far] {
    auto io = kj::setupAsyncIo();
    const kj::TlsKeypair keys{kj::TlsPrivateKey(far.key), kj::TlsCertificate(far.certificate)};
    const kj::TlsCertificate trusted{far.authority};
    auto context = kj_context(far, keys, kj::arrayPtr(&trusted, 1));
    auto stream = context.wrapServer(io.lowLevelProvider->wrapSocketFd(kj::mv(pair.far))).wait(io.waitScope);
    auto buffer = kj::heapArray<kj::byte>(defaults::tls_read_bytes);
    echo_all(*stream, buffer).then([] {}, [](kj::Exception&&) {}).wait(io.waitScope);
  });
  result measured;
  {
    auto io = kj::setupAsyncIo();
    const kj::TlsKeypair keys{kj::TlsPrivateKey(near.key), kj::TlsCertificate(near.certificate)};
    const kj::TlsCertificate trusted{near.authority};
    auto context = kj_context(near, keys, kj::arrayPtr(&trusted, 1));
    auto stream = context.wrapClient(io.lowLevelProvider->wrapSocketFd(kj::mv(pair.near)), to_string(far_node).c_str())
                    .wait(io.waitScope);
    const auto all = work.total * frame.size();
    const auto first = work.window * frame.size();
    kj_driver driver{*stream, work, {}, kj::heapArray<kj::byte>(defaults::tls_read_bytes), all - first, all, {}, {}};
    while (driver.block.size() < std::max(first, defaults::tls_read_bytes))
      driver.block += frame;
    const auto start = steady::now();
    driver.sent_at = start;
    auto sending = stream->write(driver.block.data(), first);
    sending.wait(io.waitScope);
    driver.go_on().wait(io.waitScope);
    measured = {std::chrono::duration<double>(steady::now() - start).count(), median_us(driver.round_trips)};
  }
  other.join();
  return measured;
}

void print(const char* who, const workload& work, const result& r) {
  const double frames = static_cast<double>(work.total) / r.seconds;
  std::printf("%-14s %7zu B  window %3zu  %9.0f frames/s  %8.1f MB/s", who, work.frame_bytes, work.window, frames,
              frames * static_cast<double>(work.frame_bytes) / 1e6);
  if (work.window == 1)
    std::printf("  round trip p50 %.1f us", r.p50_us);
  std::printf("\n");
  std::fflush(stdout);
}

} // namespace

int main() {
  test::scratch directory;
  const auto authority = node::authority::create(directory / "cluster", "bench");
  const node_uuid a = node::random_uuid();
  const node_uuid b = node::random_uuid();
  const auto near = authority.issue(a, "a", defaults::certificate_validity);
  const auto far = authority.issue(b, "b", defaults::certificate_validity);
  const std::vector<workload> workloads{
    {100, 1, 20'000}, {100, 64, 1'000'000}, {4096, 64, 200'000}, {250'000, 8, 4'000}};
  for (const auto& work : workloads) {
    print("plain", work, run_streams(work, plain));
    print("tls", work, run_streams(work, encrypted(near, far)));
    if (work.window * work.frame_bytes < defaults::mib) // beyond, its echo and driver wait for each other
      print("kj-tls", work, run_kj(work, near, far, b));
  }
}
