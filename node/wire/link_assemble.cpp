#include "core/defaults.hpp"
#include "node/wire/link_codec.hpp"
#include "node/wire/link_write.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <algorithm>
#include <cstring>

/// Frames to messages. What comes may be anything.
namespace hearth::wire {

namespace {

/// The values that lie in a frame, and those that came beside it.
class arrived_values final : public value_source {
public:
  /// The values of `frame` begin at `begin`.
  arrived_values(const bytes& frame, std::size_t begin, const std::map<std::uint64_t, payload>& beside)
    : frame_(frame), begin_(begin), beside_(beside) {}

  payload read(said::Value::Reader from) override {
    const auto size = from.getSize();
    if (size == 0)
      return {};
    KJ_REQUIRE(size <= defaults::value_bytes_max, "a value is too large", size);
    if (const auto number = from.getTransfer(); number != 0) {
      const auto found = beside_.find(number);
      if (found != beside_.end())
        return found->second;
      KJ_REQUIRE(missing.emplace(number, size).second, "a transfer is named twice", number);
      return {};
    }
    const auto at = std::uint64_t{from.getAt()} * 8;
    const auto room = frame_.size() - begin_;
    KJ_REQUIRE(at <= room && size <= room - at, "a value lies outside of its frame");
    return {frame_.slice(begin_ + at, static_cast<std::size_t>(size)), {}};
  }

  std::map<std::uint64_t, std::uint64_t> missing; // sizes, by transfer

private:
  const bytes& frame_;
  std::size_t begin_;
  const std::map<std::uint64_t, payload>& beside_;
};

/// In one piece, at an address that words may have.
bytes in_words(const bytes& frame) {
  if (reinterpret_cast<std::uintptr_t>(frame.data()) % alignof(capnp::word) == 0)
    return frame;
  return bytes::copy_of(frame.view()); // memory of `new` is aligned
}

bytes in_one_piece(const payload& value) {
  if (value.rest.empty())
    return value.head;
  std::string whole(value.head.view());
  whole.reserve(value.size());
  for (const auto& part : value.rest)
    whole += part.view();
  return bytes::copy_of(whole);
}

} // namespace

std::optional<link_echo> echo_in(const bytes& frame) noexcept {
  std::uint64_t word = 0;
  if (frame.size() != sizeof word)
    return std::nullopt;
  std::memcpy(&word, frame.data(), sizeof word);
  return link_echo{word / 2, word % 2 == 1};
}

std::string link_assembler::take_calls(const bytes& frame, link::messages& complete) {
  return understand(in_words(frame), {}, false, complete);
}

/// `is_large`: the frame came as a transfer itself.
std::string link_assembler::understand(const bytes& frame, const std::map<std::uint64_t, payload>& transfers,
                                       bool is_large, link::messages& complete) {
  constexpr std::size_t segments_max = 64;
  std::uint32_t segments = 0;
  if (frame.size() < sizeof(capnp::word) || frame.size() % sizeof(capnp::word) != 0)
    return "sent a frame of " + std::to_string(frame.size()) + " bytes, which is no batch of messages";
  std::memcpy(&segments, frame.data(), sizeof segments);
  if (segments >= segments_max)
    return "sent a message of too many segments";
  link::messages found;
  std::map<std::uint64_t, std::uint64_t> missing;
  std::optional<payload> large;
  try {
    const kj::ArrayPtr<const capnp::word> words(reinterpret_cast<const capnp::word*>(frame.data()),
                                                frame.size() / sizeof(capnp::word));
    capnp::ReaderOptions options;
    options.traversalLimitInWords = 4 * words.size() + 1024; // each part is looked at a few times
    options.nestingLimit = 32;
    capnp::FlatArrayMessageReader reader(words, options);
    const auto begin = static_cast<std::size_t>(reader.getEnd() - words.begin()) * sizeof(capnp::word);
    arrived_values values(frame, begin, transfers);
    const auto batch = reader.getRoot<said::Batch>().getMessages();
    for (auto message : batch) {
      if (message.isLarge()) {
        if (is_large || batch.size() != 1)
          return "sent a large message inside of another one";
        large = values.read(message.getLarge());
      } else if (auto one = read_message(message, values)) {
        found.push_back(std::move(*one));
      }
    }
    missing = std::move(values.missing);
    if (!missing.empty() && batch.size() != 1)
      return "sent a message that waits for a value together with others";
  } catch (const kj::Exception& e) {
    return std::string("sent a message that is malformed: ") + e.getDescription().cStr();
  }
  if (!missing.empty())
    return hold(frame, missing, is_large, complete);
  if (large)
    return understand(in_words(in_one_piece(*large)), {}, true, complete);
  std::move(found.begin(), found.end(), std::back_inserter(complete));
  return {};
}

std::string link_assembler::hold(const bytes& frame, const std::map<std::uint64_t, std::uint64_t>& named, bool is_large,
                                 link::messages& complete) {
  if (held_.size() >= defaults::link_held_messages_max)
    return "sent more than " + std::to_string(defaults::link_held_messages_max) + " messages that wait for values";
  const auto holder = ++holders_;
  auto& h = held_[holder];
  h.frame = frame;
  h.is_large = is_large;
  for (const auto& [number, size] : named) {
    auto& p = parts_[number];
    if (p.size)
      return "named a transfer a second time";
    if (p.received > size)
      return "sent more of a value than it announced";
    p.size = size;
    p.holder = holder;
    h.named.insert(number);
    if (p.received < size)
      h.missing.insert(number);
  }
  return h.missing.empty() ? release(holder, complete) : std::string();
}

std::string link_assembler::release(std::uint64_t holder, link::messages& complete) {
  const auto h = held_.extract(holder);
  std::map<std::uint64_t, payload> transfers;
  for (auto number : h.mapped().named) {
    auto p = parts_.extract(number);
    charged_ -= p.mapped().charged;
    transfers.emplace(number, std::move(p.mapped().value));
  }
  return understand(h.mapped().frame, transfers, h.mapped().is_large, complete);
}

std::string link_assembler::take_bulk(const bytes& frame, link::messages& complete) {
  std::uint64_t head[2] = {0, 0};
  if (frame.size() <= sizeof head)
    return "sent a chunk without content";
  std::memcpy(head, frame.data(), sizeof head);
  const auto number = head[0], offset = head[1];
  auto content = frame.slice(sizeof head, frame.size() - sizeof head);
  if (number == 0 || content.size() > defaults::link_chunk_bytes)
    return "sent a chunk that belongs to no transfer, or is too long";
  if (!parts_.contains(number) && parts_.size() >= defaults::link_held_messages_max)
    return "began more than " + std::to_string(defaults::link_held_messages_max) + " transfers at once";
  auto& p = parts_[number];
  const auto most = p.size.value_or(defaults::value_bytes_max);
  if (offset != p.received || content.size() > most - p.received)
    return "sent the parts of a value in disorder";
  // A part costs more than its bytes; whoever sends tiny ones soon has sent too many.
  const auto charge = std::max<std::uint64_t>(content.size(), defaults::part_bytes_charged_min);
  p.received += content.size();
  p.charged += charge;
  charged_ += charge;
  if (charged_ > defaults::unfinished_bytes_max)
    return "sent more than " + std::to_string(defaults::unfinished_bytes_max) + " bytes of unfinished values";
  (p.value.head.empty() ? p.value.head : p.value.rest.emplace_back()) = std::move(content);
  if (!p.size || p.received < *p.size)
    return {};
  const auto holder = p.holder;
  auto& h = held_.at(holder);
  h.missing.erase(number);
  return h.missing.empty() ? release(holder, complete) : std::string();
}

} // namespace hearth::wire
