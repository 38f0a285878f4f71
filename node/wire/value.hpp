#pragma once

#include "core/bytes.hpp"
#include "core/defaults.hpp"
#include "node/wire/frame.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

/// Values larger than a frame: cut into a Call or Reply and Chunks, and put together again. Nothing is copied: parts
/// are slices of the frames they came in. Pure; no thread of its own.
namespace hearth::wire {

/// Where frames go. `write(bytes)` may keep the memory until it is sent.
class frame_writer {
public:
  virtual void write(std::string_view text) = 0;
  virtual void write(bytes memory) = 0;

protected:
  ~frame_writer() = default;
};

/// Frames in one text, for those few that go out at once.
struct frame_text final : frame_writer {
  std::string text;

  void write(std::string_view more) override { text += more; }
  void write(bytes memory) override { text += memory.view(); }
};

/// Writes one frame whose body is `body`.
template <class Frame>
void write_frame(Frame frame, bytes body, frame_writer& out) {
  frame.body = body.view();
  char head[head_bytes<Frame>];
  encode_head(frame, head);
  out.write(std::string_view(head, sizeof head));
  if (body.empty())
    return;
  constexpr char zeros[8]{};
  const auto pad = padding(body.size());
  out.write(std::move(body));
  if (pad != 0)
    out.write(std::string_view(zeros, pad));
}

/// Writes a Call or Reply with this value, and the Chunks it needs; `frame.size` and `frame.body` are filled in.
template <class Frame>
void write_value(Frame frame, const payload& value, frame_writer& out) {
  frame.size = value.size();
  bool first = true;
  std::uint64_t offset = 0;
  const auto write_part = [&](bytes part) {
    const auto size = part.size();
    if (first) {
      first = false;
      write_frame(frame, std::move(part), out);
    } else {
      chunk next;
      next.id = frame.id;
      next.offset = offset;
      next.flags = static_cast<std::uint16_t>((Frame::kind == frame_kind::reply ? chunk_of_reply : 0)
                                              | (offset + size == frame.size ? chunk_last : 0));
      write_frame(next, std::move(part), out);
    }
    offset += size;
  };
  const auto write_memory = [&](const bytes& memory) {
    for (std::size_t at = 0; at < memory.size(); at += defaults::frame_body_bytes_max)
      write_part(memory.slice(at, std::min(defaults::frame_body_bytes_max, memory.size() - at)));
  };
  write_memory(value.head);
  for (const auto& memory : value.rest)
    write_memory(memory);
  if (first)
    write_part({});
}

/// The slice of `frame` that a parsed `body` is.
inline bytes slice_of(const bytes& frame, std::string_view body) {
  return body.empty() ? bytes{} : frame.slice(static_cast<std::size_t>(body.data() - frame.data()), body.size());
}

/// Values of one peer of which parts are missing, each with the message it belongs to. A fault is in words that follow
/// the name of the peer, and its connection is of no further use; empty means none.
template <class Message>
class partial_values {
public:
  /// `bytes_max`: what all incomplete values together may hold.
  explicit partial_values(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}

  /// The first part of a value of `size` bytes; size > first.size().
  std::string begin(call_id id, std::uint64_t size, Message message, bytes first) {
    if (size > defaults::value_bytes_max)
      return "sent a value of " + std::to_string(size) + " bytes; at most " + std::to_string(defaults::value_bytes_max)
             + " are accepted";
    if (first.size() > size)
      return "sent more of a value than it announced";
    auto& held = held_[id];
    if (held.size != 0)
      return "sent two values for one call at once";
    held.size = size;
    held.message = std::move(message);
    return add_part(held, std::move(first));
  }

  /// A further part; `done` gets message and value with the last.
  std::string add(const chunk& frame, bytes part, std::optional<std::pair<Message, payload>>& done) {
    const auto found = held_.find(frame.id);
    if (found == held_.end())
      return "sent a part of a value that it did not begin";
    auto& held = found->second;
    const bool last = (frame.flags & chunk_last) != 0;
    if (frame.offset != held.received || part.size() > held.size - held.received || (part.empty() && !last)
        || last != (held.received + part.size() == held.size))
      return "sent the parts of a value in disorder";
    if (auto fault = add_part(held, std::move(part)); !fault.empty() || !last)
      return fault;
    charged_ -= held.charged;
    done.emplace(std::move(held.message), std::move(held.value));
    held_.erase(found);
    return {};
  }

  bool empty() const noexcept { return held_.empty(); }

private:
  struct entry {
    Message message;
    payload value;
    std::uint64_t size = 0;
    std::uint64_t received = 0;
    std::uint64_t charged = 0;
  };

  std::string add_part(entry& held, bytes part) {
    // A part costs more than its bytes; whoever sends tiny ones soon has sent too many.
    const auto charge = std::max<std::uint64_t>(part.size(), defaults::part_bytes_charged_min);
    held.received += part.size();
    held.charged += charge;
    charged_ += charge;
    if (charged_ > bytes_max_)
      return "sent more than " + std::to_string(bytes_max_) + " bytes of unfinished values";
    if (held.value.head.empty())
      held.value.head = std::move(part);
    else
      held.value.rest.push_back(std::move(part));
    return {};
  }

  std::uint64_t bytes_max_;
  std::uint64_t charged_ = 0;
  std::unordered_map<call_id, entry> held_;
};

} // namespace hearth::wire
