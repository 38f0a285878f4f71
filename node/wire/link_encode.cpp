#include "core/defaults.hpp"
#include "node/wire/link_codec.hpp"
#include "node/wire/link_write.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

/// Messages to frames.
namespace hearth::wire {

namespace {

constexpr char zeros[8]{};

/// What an item weighs besides its value, about.
constexpr std::size_t item_bytes = 256;

std::size_t weight_of(const payload& value) {
  return item_bytes + (value.size() > defaults::link_inline_bytes_max ? 0 : value.size());
}
std::size_t weight_of(const link::call& c) { return weight_of(c.arguments); }
std::size_t weight_of(const link::dispatch::item& i) { return weight_of(i.arguments); }
std::size_t weight_of(const call_reply& r) { return weight_of(r.value); }
std::size_t weight_of(const finished_child& c) { return weight_of(c.reply); }
std::size_t weight_of(const found_child& c) { return c.reply ? weight_of(*c.reply) : item_bytes; }
std::size_t weight_of(const link::acted::item& i) { return item_bytes + i.task.size() + i.key.size() + i.error.size(); }
std::size_t weight_of(const log_text& t) { return item_bytes + t.text.size(); }
std::size_t weight_of(const reply_part& p) { return item_bytes + p.data.size(); }
std::size_t weight_of(const replica::event& e) {
  const auto* done = std::get_if<replica::done>(&e);
  return done ? weight_of(done->failed) : item_bytes;
}

bool is_large(const payload& value) { return value.size() > defaults::link_inline_bytes_max; }
bool is_large(const link::call& c) { return is_large(c.arguments); }
bool is_large(const link::dispatch::item& i) { return is_large(i.arguments); }
bool is_large(const call_reply& r) { return is_large(r.value); }
bool is_large(const finished_child& c) { return is_large(c.reply); }
bool is_large(const found_child& c) { return c.reply && is_large(*c.reply); }
bool is_large(const link::acted::item&) { return false; } // it carries no value
bool is_large(const log_text& t) { return t.text.size() > defaults::link_inline_bytes_max; }
bool is_large(const reply_part&) { return false; } // who sends it keeps it small
bool is_large(const replica::event& e) {
  const auto* done = std::get_if<replica::done>(&e);
  return done && is_large(done->failed);
}

/// A message on its way into a frame.
struct piece {
  link::message what;
  std::size_t weight = item_bytes;
  bool is_alone = false; // it waits at the receiver, which nobody else is to do
};

/// As several messages, each of one large item or of small ones that fit a frame.
template <class Message, class Items>
void split(Message&& what, Items& items, std::vector<piece>& into) {
  auto all = std::move(items);
  items.clear();
  auto head = what; // with everything but the items
  piece next{head, item_bytes, false};
  const auto items_of = [&](piece& p) -> Items& {
    auto& m = std::get<std::decay_t<Message>>(p.what);
    if constexpr (requires { m.calls; })
      return m.calls;
    else
      return m.items;
  };
  const auto close = [&] {
    if (!items_of(next).empty())
      into.push_back(std::exchange(next, piece{head, item_bytes, false}));
  };
  for (auto& item : all) {
    const auto weight = weight_of(item);
    if (is_large(item)) {
      close();
      next.is_alone = true;
    }
    next.weight += weight;
    items_of(next).push_back(std::move(item));
    if (next.is_alone || next.weight >= defaults::link_batch_bytes || items_of(next).size() >= defaults::link_items_max)
      close();
  }
  close();
}

template <class Message, class... Others>
constexpr bool is_one_of = (std::is_same_v<Message, Others> || ...);

/// Those of which a part is as good as the whole.
template <class Message>
constexpr bool has_items = is_one_of<Message, link::dispatch, link::replies, link::logged, link::replica_event,
                                     link::recorded, link::found, link::acted, link::parts>;

std::vector<piece> pieces_of(link::messages what) {
  std::vector<piece> pieces;
  for (auto& message : what)
    std::visit(
      [&](auto& m) {
        using kind = std::decay_t<decltype(m)>;
        if constexpr (std::is_same_v<kind, link::invoke>) {
          split(m, m.calls, pieces);
        } else if constexpr (has_items<kind>) {
          split(m, m.items, pieces);
        } else if constexpr (is_one_of<kind, link::answer, link::ask>) {
          pieces.push_back({std::move(m), defaults::link_batch_bytes, true});
        } else if constexpr (std::is_same_v<kind, link::input>) {
          pieces.push_back({m, item_bytes + m.item.data.size(), false});
        } else {
          pieces.push_back({std::move(m), 4 * item_bytes, false});
        }
      },
      message);
  return pieces;
}

/// Collects the values of one frame.
class frame_values final : public value_sink {
public:
  explicit frame_values(std::uint64_t& transfers) : transfers_(transfers) {}

  void write(const payload& value, said::Value::Builder into) override {
    const auto size = value.size();
    into.setSize(size);
    if (size == 0)
      return;
    if (size > defaults::link_inline_bytes_max) {
      into.setTransfer(++transfers_);
      beside.push_back({transfers_, value});
      return;
    }
    into.setAt(static_cast<std::uint32_t>(bytes_ / 8));
    if (!value.head.empty())
      parts.push_back(value.head);
    for (const auto& part : value.rest)
      if (!part.empty())
        parts.push_back(part);
    const auto padding = (8 - size % 8) % 8;
    if (padding != 0)
      parts.emplace_back(nullptr, zeros, padding);
    bytes_ += size + padding;
  }

  std::size_t size() const { return bytes_; }

  std::vector<bytes> parts;
  std::vector<link_transfer> beside;

private:
  std::uint64_t& transfers_;
  std::size_t bytes_ = 0;
};

bytes flat(capnp::MessageBuilder& message) {
  auto words = std::make_shared<kj::Array<capnp::word>>(capnp::messageToFlatArray(message));
  const auto chars = words->asChars();
  return {words, chars.begin(), chars.size()};
}

} // namespace

void link_encoder::add_frames(std::span<const link::message> what, link_frames& into) {
  const auto before = transfers_;
  frame_values values(transfers_);
  capnp::MallocMessageBuilder builder;
  auto list = builder.initRoot<said::Batch>().initMessages(static_cast<unsigned>(what.size()));
  for (unsigned i = 0; i < list.size(); ++i)
    write_message(what[i], list[i], values);
  std::vector<bytes> frame{flat(builder)};
  const auto size = frame.front().size() + values.size();
  if (size > defaults::frame_body_bytes_max && what.size() > 1) {
    transfers_ = before;
    add_frames(what.first(what.size() / 2), into);
    add_frames(what.subspan(what.size() / 2), into);
    return;
  }
  std::move(values.parts.begin(), values.parts.end(), std::back_inserter(frame));
  std::move(values.beside.begin(), values.beside.end(), std::back_inserter(into.transfers));
  if (size <= defaults::frame_body_bytes_max) {
    into.calls.push_back(std::move(frame));
    return;
  }
  capnp::MallocMessageBuilder envelope;
  auto large = envelope.initRoot<said::Batch>().initMessages(1)[0].initLarge();
  large.setSize(size);
  large.setTransfer(++transfers_);
  link_transfer beside{transfers_, {frame.front(), {frame.begin() + 1, frame.end()}}};
  into.transfers.push_back(std::move(beside));
  into.calls.push_back({flat(envelope)});
}

link_frames link_encoder::encode(link::messages what) {
  link_frames result;
  link::messages batch;
  std::size_t weight = 0;
  const auto close = [&] {
    if (!batch.empty())
      add_frames(batch, result);
    batch.clear();
    weight = 0;
  };
  for (auto& next : pieces_of(std::move(what))) {
    if (next.is_alone || weight + next.weight > defaults::link_batch_bytes)
      close();
    weight += next.weight;
    batch.push_back(std::move(next.what));
    if (next.is_alone)
      close();
  }
  close();
  return result;
}

bytes echo_frame(link_echo what) {
  const std::uint64_t word = 2 * what.number + (what.is_answer ? 1 : 0);
  return bytes::copy_of({reinterpret_cast<const char*>(&word), sizeof word});
}

std::vector<bytes> link_chunk(const link_transfer& what, std::uint64_t offset, std::size_t& size) {
  const std::uint64_t head[2] = {what.number, offset};
  std::vector<bytes> parts{bytes::copy_of({reinterpret_cast<const char*>(head), sizeof head})};
  size = 0;
  auto skip = offset;
  const auto take = [&](const bytes& part) {
    if (skip >= part.size()) {
      skip -= part.size();
      return;
    }
    const auto count = std::min<std::size_t>(part.size() - skip, defaults::link_chunk_bytes - size);
    if (count > 0)
      parts.push_back(part.slice(skip, count));
    size += count;
    skip = 0;
  };
  take(what.value.head);
  for (const auto& part : what.value.rest)
    if (size < defaults::link_chunk_bytes)
      take(part);
  return parts;
}

} // namespace hearth::wire
