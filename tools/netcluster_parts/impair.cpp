// Delays, reorders, duplicates and loses the packets that a network namespace hands to NFQUEUE: queue 0 those that arrive,
// queue 1 those that leave. Runs inside of the namespace, started by tools/netcluster; prints "ready" when it has both
// queues; on SIGTERM it lets go what it holds and ends. The kernel keeps the packets and bounds how many; this program
// holds their numbers.
#include "tools/netcluster_parts/impairment.hpp"

#include <CLI/CLI.hpp>

// Before the kernel's own headers, which then leave out what it has declared.
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <iostream>
#include <memory>
#include <queue>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace {

using namespace hearth::netcluster;

constexpr std::uint32_t packets_held_max = 65'536; // 2 s of delay at 30,000 packets per second; more are lost
constexpr int receive_buffer_bytes = 8 << 20;      // what the kernel may have said and this program not yet read
constexpr std::size_t message_bytes_max = 70'000;  // a packet of 64 KiB and what is said about it
constexpr std::uint16_t in_queue = 0, out_queue = 1;

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

/// Sends packets as they are, with the mark that exempts them from the queues.
class copier {
public:
  explicit copier(int mark) : socket_(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)) {
    if (socket_ < 0 || ::setsockopt(socket_, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0)
      fail("a raw socket for copies of packets");
  }
  copier(const copier&) = delete;
  copier& operator=(const copier&) = delete;
  ~copier() { ::close(socket_); }

  /// A copy that the network does not take is one more loss.
  void send(const unsigned char* packet, std::size_t size) const {
    ip header{};
    if (size < sizeof header)
      return;
    std::memcpy(&header, packet, sizeof header);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr = header.ip_dst;
    [[maybe_unused]] const auto sent = ::sendto(socket_, packet, size, MSG_DONTWAIT,
                                                reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }

private:
  int socket_;
};

struct close_handle {
  void operator()(nfq_handle* handle) const { nfq_close(handle); }
};
struct destroy_queue {
  void operator()(nfq_q_handle* queue) const { nfq_destroy_queue(queue); }
};

struct waiting {
  time_point due;
  std::uint64_t order; // among those that are due at the same time
  nfq_q_handle* queue;
  std::uint32_t id;

  friend bool operator>(const waiting& a, const waiting& b) {
    return a.due != b.due ? a.due > b.due : a.order > b.order;
  }
};

class bad_link {
public:
  bad_link(const impairment& with, std::uint64_t seed, int mark)
    : copies_(mark), directions_{direction(with, seed), direction(with, ~seed)}, handle_(nfq_open()) {
    if (!handle_)
      fail("netfilter queues");
    for (const auto number : {in_queue, out_queue}) {
      auto& queue = queues_.at(number);
      queue.reset(nfq_create_queue(handle_.get(), number, &bad_link::on_packet, this));
      if (!queue || nfq_set_mode(queue.get(), NFQNL_COPY_PACKET, 0xffff) != 0
          || nfq_set_queue_maxlen(queue.get(), packets_held_max) != 0)
        fail("a netfilter queue; does another program read it?");
    }
    const int size = receive_buffer_bytes;
    if (::setsockopt(descriptor(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
      fail("the buffer of the netfilter queues");
  }

  [[nodiscard]] int descriptor() const { return nfq_fd(handle_.get()); }

  /// Takes what the kernel has said so far.
  void receive() {
    for (;;) {
      const auto size = ::recv(descriptor(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (size >= 0)
        nfq_handle_packet(handle_.get(), buffer_.data(), static_cast<int>(size));
      else if (errno == EAGAIN)
        return;
      else if (errno != EINTR && errno != ENOBUFS) // ENOBUFS: the kernel dropped packets, which is what links do
        fail("reading packets");
    }
  }

  /// Lets go what is due by `now`.
  void release(time_point now) {
    for (; !held_.empty() && held_.top().due <= now; held_.pop())
      nfq_set_verdict(held_.top().queue, held_.top().id, NF_ACCEPT, 0, nullptr);
  }

  /// For poll or ppoll; null when nothing waits.
  [[nodiscard]] const timespec* until_next(time_point now) {
    if (held_.empty())
      return nullptr;
    const auto left = std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(held_.top().due - now));
    pause_ = {.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
    return &pause_;
  }

private:
  static int on_packet(nfq_q_handle* queue, nfgenmsg*, nfq_data* data, void* self) {
    static_cast<bad_link*>(self)->take(queue, data);
    return 0;
  }

  void take(nfq_q_handle* queue, nfq_data* data) {
    const auto* header = nfq_get_msg_packet_hdr(data);
    if (!header)
      return;
    const bool leaves = queue == queues_[out_queue].get();
    const auto now = std::chrono::steady_clock::now();
    const auto [is_lost, is_copied, due] = directions_[leaves ? out_queue : in_queue].next(now);
    const auto id = ntohl(header->packet_id);
    if (is_lost) {
      nfq_set_verdict(queue, id, NF_DROP, 0, nullptr);
      return;
    }
    if (unsigned char* packet = nullptr; is_copied && leaves)
      if (const int size = nfq_get_payload(data, &packet); size > 0)
        copies_.send(packet, static_cast<std::size_t>(size));
    if (due <= now)
      nfq_set_verdict(queue, id, NF_ACCEPT, 0, nullptr);
    else
      held_.push({due, ++order_, queue, id});
  }

  copier copies_;
  std::array<direction, 2> directions_;
  std::unique_ptr<nfq_handle, close_handle> handle_;
  std::array<std::unique_ptr<nfq_q_handle, destroy_queue>, 2> queues_;
  std::priority_queue<waiting, std::vector<waiting>, std::greater<>> held_;
  std::uint64_t order_ = 0;
  timespec pause_{};
  std::array<char, message_bytes_max> buffer_{};
};

/// Until SIGTERM or SIGINT.
void serve(bad_link& link) {
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGTERM);
  sigaddset(&ending, SIGINT);
  if (::sigprocmask(SIG_BLOCK, &ending, nullptr) != 0)
    fail("signals");
  const int signals = ::signalfd(-1, &ending, SFD_CLOEXEC);
  if (signals < 0)
    fail("signals");
  std::cout << "ready" << std::endl;
  std::array<pollfd, 2> watched{pollfd{link.descriptor(), POLLIN, 0}, pollfd{signals, POLLIN, 0}};
  while ((watched[1].revents & POLLIN) == 0) {
    if (::ppoll(watched.data(), watched.size(), link.until_next(std::chrono::steady_clock::now()), nullptr) < 0
        && errno != EINTR)
      fail("waiting for packets");
    link.receive();
    link.release(std::chrono::steady_clock::now());
  }
  link.release(time_point::max());
  ::close(signals);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Impairs the packets of this network namespace; see tools/netcluster.");
  impairment with;
  std::int64_t delay_us = 0, jitter_us = 0;
  std::uint64_t seed = 1;
  int mark = 0;
  app.add_option("--loss", with.loss)->check(CLI::Range(0.0, 1.0));
  app.add_option("--reorder", with.reorder)->check(CLI::Range(0.0, 1.0));
  app.add_option("--duplicate", with.duplicate)->check(CLI::Range(0.0, 1.0));
  app.add_option("--delay-us", delay_us)->check(CLI::NonNegativeNumber);
  app.add_option("--jitter-us", jitter_us)->check(CLI::NonNegativeNumber);
  app.add_option("--seed", seed);
  app.add_option("--mark", mark)->required();
  CLI11_PARSE(app, argc, argv);
  with.delay = std::chrono::microseconds(delay_us);
  with.jitter = std::chrono::microseconds(jitter_us);
  try {
    const auto impaired = std::make_unique<bad_link>(with, seed, mark);
    serve(*impaired);
  } catch (const std::exception& error) {
    std::cerr << "netcluster_impair: " << error.what() << ". It runs as root inside of a network namespace.\n";
    return 1;
  }
  return 0;
}
