#include "node/interpreter/zygote.hpp"

#include "core/defaults.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace hearth::node {

namespace {

constexpr std::size_t descriptors_max = 4;
constexpr std::size_t last_lines_max = 20;
constexpr std::size_t last_bytes_max = 2000;

std::vector<kj::AutoCloseFd> descriptors_of(msghdr& message) {
  std::vector<kj::AutoCloseFd> result;
  for (auto* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
      continue;
    const auto count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof fd, sizeof fd);
      result.emplace_back(fd);
    }
  }
  return result;
}

ssize_t send_packet(int socket, const std::string& data, const std::vector<int>& descriptors) {
  iovec part{const_cast<char*>(data.data()), data.size()}; // sendmsg does not write to it
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * descriptors_max)> room{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const auto bytes = sizeof(int) * descriptors.size();
    message.msg_control = room.data();
    message.msg_controllen = CMSG_SPACE(bytes);
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(bytes);
    std::memcpy(CMSG_DATA(header), descriptors.data(), bytes);
  }
  ssize_t sent = 0;
  do
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  return sent;
}

} // namespace

zygote::zygote(work_loop& loop, launched process, bool in_sandbox, const environment_spec& spec,
               const std::string& configure, owner& owner)
  : owner_(owner), environment_(spec.name), python_(spec.python),
    end_grace_(spec.reuse.forks_per_call() ? end_grace_of(spec) : milliseconds(defaults::kill_grace)),
    in_sandbox_(in_sandbox),
    patience_(loop.timers(),
              [this] {
                if (!ready_ && !ending_)
                  fail({ec::start_failed, who() + " was not ready within "
                                            + std::to_string(defaults::zygote_start_timeout.count())
                                            + " s; its imports, or with hygiene=\"fork\" its functions of "
                                              "@env.on_start, take too long."
                                            + last_words()});
                process_.kill();
              }),
    output_(loop, kj::mv(process.output), {}),
    process_(loop, process.pid, kj::mv(process.pidfd), [this](exit_status status) { on_exit(status); }),
    control_(std::make_unique<fd_watch>(loop, kj::mv(process.control), [this] { read(); })) {
  patience_.set(defaults::zygote_start_timeout);
  order(configure, {});
}

std::string zygote::who() const { return "The interpreter " + python_ + " of environment '" + environment_ + "'"; }

std::string zygote::last_words() const {
  const auto lines = output_.tail().last_lines(last_lines_max, last_bytes_max);
  return lines.empty() ? std::string{} : " The last it wrote:\n" + lines;
}

void zygote::fail(failure why) {
  if (!failed_)
    failed_ = std::move(why);
}

void zygote::order(const std::string& json, const std::vector<int>& descriptors) {
  if (!control_ || send_packet(control_->fd(), json, descriptors) >= 0)
    return;
  const auto error = errno;
  if (error == EPIPE || error == ECONNRESET)
    return; // it has ended, which is told in its own time
  if (error == EMSGSIZE)
    fail({ec::start_failed, "Environment '" + environment_ + "' is described by " + std::to_string(json.size())
                              + " bytes, more than this system lets through to its interpreter. Give it fewer tasks or "
                                "variables, or raise net.core.wmem_max."});
  else
    fail({ec::start_failed, who() + " does not take orders (" + std::strerror(error) + ") and was ended."});
  process_.kill();
}

void zygote::end() {
  if (std::exchange(ending_, true))
    return;
  control_ = nullptr;
  patience_.set(end_grace_);
}

std::vector<pid_t> zygote::strays() const {
  std::vector<pid_t> found;
  const auto own = self_.get() >= 0 ? pid_of(self_) : 0;
  if (!in_sandbox_ || own == 0)
    return found;
  for (const auto init : children_of(process_.pid())) // the first process inside adopts
    for (const auto pid : children_of(init))
      if (pid != own)
        found.push_back(pid);
  return found;
}

zygote::remains zygote::release() {
  remains result;
  auto launched = open_pidfd(process_.pid()); // not reaped, so the number is still its own
  if (in_sandbox_) {
    result.pid = pid_of(self_);
    if (result.pid == 0)
      throw std::system_error(ESRCH, std::generic_category(), "the interpreter has ended");
    result.pidfd = kj::mv(self_);
    result.sandbox = process_.pid();
    result.sandbox_pidfd = kj::mv(launched);
  } else {
    result.pid = process_.pid();
    result.pidfd = kj::mv(launched);
  }
  result.output = output_.duplicate();
  control_ = nullptr;
  process_.release();
  return result;
}

void zygote::read() {
  if (auto received = receive()) {
    control_->again(); // one message a call, because the owner may destroy us
    take(std::move(*received));
  }
}

std::optional<zygote::message> zygote::receive() {
  // Its end is told by its exit, so no difference is made between nothing and nothing any more.
  const auto size = control_ ? ::recv(control_->fd(), nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT) : 0;
  if (size <= 0)
    return std::nullopt;
  std::string data(std::min(static_cast<std::size_t>(size), defaults::zygote_event_bytes_max), '\0');
  iovec part{data.data(), data.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * descriptors_max)> room{};
  msghdr packet{};
  packet.msg_iov = &part;
  packet.msg_iovlen = 1;
  packet.msg_control = room.data();
  packet.msg_controllen = room.size();
  if (::recvmsg(control_->fd(), &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) < 0)
    return std::nullopt;
  auto descriptors = descriptors_of(packet);
  if ((packet.msg_flags & MSG_TRUNC) == 0)
    if (auto event = zygote_message::parse(data))
      return message{std::move(*event), std::move(descriptors), (packet.msg_flags & MSG_CTRUNC) != 0};
  fail({ec::start_failed, who() + " sent what is no message of a zygote, and was ended."});
  process_.kill();
  return std::nullopt;
}

void zygote::take(message received) {
  if (auto* failed = std::get_if<failure>(&received.event)) {
    fail(std::move(*failed));
    patience_.set(defaults::kill_grace); // it ends by itself
  } else if (const auto* ready = std::get_if<zygote_message::ready>(&received.event)) {
    patience_.cancel();
    if (!received.descriptors.empty())
      self_ = kj::mv(received.descriptors.front());
    if (in_sandbox_ && self_.get() < 0) {
      fail({ec::start_failed, received.lost_some ? "This node has no descriptor left for a zygote (see ulimit -n)."
                                                 : who() + " came without a word for itself, and was ended."});
      return process_.kill();
    }
    if (!std::exchange(ready_, true))
      owner_.on_ready(*this, *ready);
  } else if (const auto* forked = std::get_if<zygote_message::forked>(&received.event)) {
    if (received.descriptors.size() == 1)
      return owner_.on_forked(*this, *forked, kj::mv(received.descriptors.front()));
    if (received.lost_some)
      return owner_.on_forked(*this, *forked, nullptr);
    fail({ec::start_failed, who() + " told of a fork without its descriptor, and was ended."});
    process_.kill();
  } else {
    owner_.on_exited(*this, std::get<zygote_message::exited>(received.event));
  }
}

failure zygote::obituary(exit_status status) const {
  constexpr std::string_view word_of_bubblewrap = "bwrap: ";
  const auto said = output_.tail().last_line(last_bytes_max);
  if (in_sandbox_ && !ready_ && std::string_view(said).starts_with(word_of_bubblewrap))
    return {
      ec::start_failed,
      "This node cannot make a sandbox for environment '" + environment_ + "' (" + said
        + "). Allow user namespaces on it (sysctl user.max_user_namespaces; in a container, its seccomp and AppArmor "
          "profiles), or choose isolation=\"process\" (for a whole node: HEARTH_ISOLATION=process)."};
  // One that was killed may do better next time; one that exited by itself will do it again.
  const auto code = status.signal != 0 ? ec::interpreter_lost : ec::start_failed;
  return {code, who() + ' ' + in_words(status) + (ready_ ? "." : " before it was ready.") + last_words()};
}

void zygote::on_exit(exit_status status) {
  output_.read_rest();
  // What it said before its end may be why it ended.
  while (auto received = receive()) {
    if (auto* failed = std::get_if<failure>(&received->event))
      fail(std::move(*failed));
    else if (const auto* exited = std::get_if<zygote_message::exited>(&received->event))
      owner_.on_exited(*this, *exited);
  }
  patience_.cancel();
  fail(obituary(in_sandbox_ ? of_sandbox(status) : status));
  const auto why = *std::move(failed_); // not ours any more, because the owner may destroy us
  owner_.on_end(*this, why);
}

} // namespace hearth::node
