#include "node/loop/stream.hpp"

#include "core/defaults.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <kj/debug.h>
#include <span>
#include <unistd.h>
#include <utility>

namespace hearth {

namespace {

constexpr std::size_t parts_per_write = 64;

int duplicate(int fd) {
  int copy = -1;
  KJ_SYSCALL(copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0), "a socket cannot be observed for writing");
  return copy;
}

/// At most so many bytes of the target; how many.
std::size_t shorten(frame_splitter::target& target, std::size_t most) {
  auto left = std::min(target.size, most);
  const auto asked = left;
  for (auto& part : std::span{target.parts}.first(static_cast<std::size_t>(target.count))) {
    part.iov_len = std::min(part.iov_len, left);
    left -= part.iov_len;
  }
  return asked;
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

} // namespace

frame_stream::write_observer::write_observer(kj::UnixEventPort& port, int socket)
  : fd(duplicate(socket)), observer(port, fd.get(), kj::UnixEventPort::FdObserver::OBSERVE_WRITE) {}

frame_stream::frame_stream(work_loop& loop, kj::AutoCloseFd fd, owner& owner)
  : frame_stream(loop, kj::mv(fd), nullptr, client_framing, owner) {}

frame_stream::frame_stream(work_loop& loop, kj::AutoCloseFd fd, std::unique_ptr<byte_channel> channel,
                           const framing& frames, owner& owner)
  : loop_(loop), owner_(owner), fd_(kj::mv(fd)),
    channel_(channel ? std::move(channel) : std::make_unique<plain_channel>(fd_.get())),
    observer_(loop.port(), fd_.get(), kj::UnixEventPort::FdObserver::OBSERVE_READ), splitter_(loop.arena(), frames),
    read_hook_(loop.reading(), [this] { read(); }), flush_hook_(loop.flushing(), [this] { flush_turn(); }) {
  hung_up_ = observer_.whenWriteDisconnected()
               .then([this] {
                 gone_ = true;
                 read_hook_.arm();
               })
               .eagerlyEvaluate(nullptr);
  // An observer tells of changes; what is there already has to be looked for.
  read_hook_.arm();
}

// -- reading ----

void frame_stream::resume_reading() {
  paused_ = false;
  if (unread_)
    read_hook_.arm();
}

void frame_stream::await_readable() {
  readable_ = observer_.whenBecomesReadable().then([this] { read_hook_.arm(); }).eagerlyEvaluate(nullptr);
}

void frame_stream::read() {
  if (ended_)
    return;
  if (end_) {
    ended_ = true;
    owner_.on_end(std::string{*end_}); // may destroy us, so not our string
    return;
  }
  unread_ = paused_ && !gone_;
  if (unread_)
    return;
  auto& arena = loop_.arena();
  auto frames = arena.take_batch();
  switch (fill(frames)) {
    case progress::drained:
      if (write_error_.empty())
        await_readable();
      else
        end_with(write_error_);
      break;
    case progress::more:
      read_hook_.arm();
      break;
    case progress::over:
      break;
  }
  // The last thing: the owner may destroy us.
  loop_.count_frames(frames.size());
  if (!frames.empty())
    owner_.on_frames(frames);
  arena.give_back(std::move(frames));
}

frame_stream::progress frame_stream::fill(std::vector<bytes>& frames) {
  const auto most = std::min(channel_->turn_bytes(), turn_bytes_max_);
  for (std::size_t total = 0; total < most;) {
    auto target = splitter_.prepare();
    const auto end_is_near = gone_ || observer_.atEndHint().orDefault(false);
    const auto asked = shorten(target, most - total);
    const auto n = channel_->receive(std::span{target.parts}.first(target.count), end_is_near);
    if (n < 0 && would_block())
      return progress::drained;
    if (n < 0) {
      end_with("broke off: " + channel_->describe(errno));
      return progress::over;
    }
    if (n == 0) {
      end_with(splitter_.between_frames() ? "" : "closed in the middle of a frame");
      return progress::over;
    }
    const auto size = static_cast<std::size_t>(n);
    if (!splitter_.commit(size, frames)) {
      end_with(splitter_.fault());
      return progress::over;
    }
    total += size;
    // Less than asked for: the socket is empty, unless it has come to its end, which only another read tells.
    if (size < asked && !end_is_near && channel_->is_drained())
      return progress::drained;
  }
  return progress::more;
}

void frame_stream::end_with(std::string reason) {
  if (end_)
    return;
  end_ = std::move(reason);
  output_.clear();
  blocked_.reset();
  flush_hook_.disarm();
  read_hook_.arm(); // delivered by the next turn, after the frames that this one may have
}

// -- writing ----

void frame_stream::write(std::string_view text) {
  write_with([text](std::string& out) { out.append(text); });
}

void frame_stream::write(bytes memory) {
  if (ended_ || gone_)
    return;
  output_.append(std::move(memory));
  flush_hook_.arm();
}

void frame_stream::await_writable() {
  if (!blocked_)
    blocked_.emplace(loop_.port(), fd_.get());
  blocked_->waiting = true;
  blocked_->ready = blocked_->observer.whenBecomesWritable()
                      .then([this] {
                        blocked_->waiting = false;
                        flush_hook_.arm();
                      })
                      .eagerlyEvaluate(nullptr);
}

bool frame_stream::push() {
  if (blocked_ && blocked_->waiting)
    return false;
  std::size_t total = 0;
  while (!output_.empty() || channel_->bytes_held() > 0) {
    if (total >= channel_->turn_bytes()) {
      flush_hook_.arm();
      return false;
    }
    std::array<iovec, parts_per_write> parts;
    const auto n = channel_->send(std::span{parts}.first(output_.gather(parts)));
    if (n < 0 && !would_block()) {
      stop_writing("takes no more: " + channel_->describe(errno));
      return false;
    }
    if (n > 0) {
      output_.consume(static_cast<std::size_t>(n));
      total += static_cast<std::size_t>(n);
    }
    if (n < 0 || channel_->is_blocked()) {
      await_writable();
      return false;
    }
  }
  return true;
}

void frame_stream::stop_writing(std::string reason) {
  write_error_ = std::move(reason);
  output_.clear();
  blocked_.reset();
  // The peer may have said something before it went: that is delivered first, then the end.
  gone_ = true;
  read_hook_.arm();
}

bool frame_stream::flush() {
  const auto done = push();
  if (!done)
    owes_drained_ = true;
  else if (owes_drained_)
    flush_hook_.arm(); // for on_drained
  return done;
}

void frame_stream::flush_turn() {
  if (end_)
    return;
  if (!push()) {
    owes_drained_ = true;
    return;
  }
  blocked_.reset();
  if (std::exchange(owes_drained_, false))
    owner_.on_drained(); // may destroy us
}

} // namespace hearth
