#include "node/link/line.hpp"

#include "core/defaults.hpp"

#include <algorithm>
#include <utility>

namespace hearth::node {

namespace {

constexpr std::size_t sentence_bytes_max = 512;

/// What a peer said, for our log.
std::string printable(std::string_view text) {
  std::string out(text);
  std::replace_if(
    out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

} // namespace

line::line(work_loop& loop, kj::AutoCloseFd socket, std::unique_ptr<tls_channel> tls, channel on,
           const link_hello& hello, owner& owner)
  : owner_(owner), on_(on), held_hook_(loop.reading(), [this] { give_held(); }),
    deadline_(loop.timers(), [this] { owner_.on_end(*this, "did not open all its channels in time"); }),
    stream_(loop, kj::mv(socket), std::move(tls), link_framing(on), *this) {
  deadline_.set(defaults::link_handshake_timeout);
  stream_.write(link_frame(encode(hello)));
}

void line::agree() {
  agreed_ = true;
  stream_.write(link_frame({}));
}

void line::refuse(const link_refusal& why) {
  stream_.write(link_frame(encode(why)));
  stream_.flush();
}

void line::open() {
  is_open_ = true;
  deadline_.cancel();
  if (held_.empty())
    stream_.resume_reading();
  else
    held_hook_.arm();
}

bool line::send(std::span<const bytes> parts) {
  std::size_t length = 0;
  for (const auto& part : parts)
    length += part.size();
  if (length > link_frame_bytes_max(on_))
    return false;
  if (stream_.queued_bytes() > 0 && stream_.queued_bytes() + length > link_queue_bytes_max(on_)) {
    was_full_ = true;
    return false;
  }
  stream_.write_with([&](std::string& out) { append_link_prefix(length, out); });
  for (const auto& part : parts)
    stream_.write(part);
  stream_.write_with([&](std::string& out) { append_link_padding(length, out); });
  return true;
}

void line::on_frames(std::vector<bytes>& frames) {
  const std::weak_ptr<void> alive = alive_;
  for (auto& frame : frames) {
    take(link_content(frame));
    if (alive.expired())
      return;
  }
}

void line::take(bytes content) {
  if (!has_greeted_) {
    has_greeted_ = true;
    if (const auto hello = parse_link_hello(content.view()))
      return owner_.on_hello(*this, *hello);
    return owner_.on_end(*this, "said something else instead of hello");
  }
  if (!peer_agreed_) {
    if (!content.empty())
      return take_refusal(content);
    peer_agreed_ = true;
    return owner_.on_agreed(*this);
  }
  if (is_open_ && held_.empty())
    return owner_.on_frame(*this, std::move(content));
  stream_.pause_reading();
  held_.push_back(std::move(content));
}

void line::take_refusal(const bytes& content) {
  auto why = parse_link_refusal(content.view());
  if (!why)
    return owner_.on_end(*this, "said something else instead of what it thinks of the hello");
  why->sentence = printable(why->sentence.substr(0, sentence_bytes_max));
  owner_.on_refused(*this, *why);
}

void line::give_held() {
  const std::weak_ptr<void> alive = alive_;
  for (std::size_t i = 0; i < held_.size(); ++i) { // more may come meanwhile
    owner_.on_frame(*this, std::move(held_[i]));
    if (alive.expired())
      return;
  }
  held_.clear();
  stream_.resume_reading();
}

void line::on_end(const std::string& reason) {
  if (!reason.empty())
    return owner_.on_end(*this, reason);
  owner_.on_end(*this, is_open_ ? "closed the connection" : "closed the connection before it was open");
}

void line::on_drained() {
  if (std::exchange(was_full_, false) && is_open_)
    owner_.on_room(*this);
}

} // namespace hearth::node
