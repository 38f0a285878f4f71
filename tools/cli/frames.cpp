#include "tools/cli/frames.hpp"

#include "core/defaults.hpp"
#include "schema/frame.capnp.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstring>

namespace hearth::cli {

namespace {

std::string text_of(capnp::Data::Reader data) { return {reinterpret_cast<const char*>(data.begin()), data.size()}; }

std::uint32_t little_endian(const char* at) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(at);
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8
         | static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

void fill(frame& into, ::Reply::Reader from) {
  into.code = from.getCode();
  into.call = {from.getCallHi(), from.getCallLo()};
  into.size = from.getSize();
  into.body = text_of(from.getBody());
}

void fill(frame& into, ::Chunk::Reader from) {
  into.call = {from.getCallHi(), from.getCallLo()};
  into.body = text_of(from.getBody());
}

void fill(frame& into, ::Control::Reader from) {
  into.request = from.getRequest();
  into.body = text_of(from.getBody());
}

void fill(frame& into, ::Log::Reader from) {
  into.dropped = from.getDropped();
  into.call = {from.getCallHi(), from.getCallLo()};
  into.unix_ns = from.getUnixNs();
  into.replica = from.getReplica();
  into.body = text_of(from.getBody());
}

frame content_of(capnp::MessageReader& message) {
  auto header = message.getRoot<::Header>();
  frame result;
  result.kind = static_cast<frame_kind>(header.getKind());
  result.flags = header.getFlags();
  switch (result.kind) {
    case frame_kind::reply:
      fill(result, message.getRoot<::Reply>());
      break;
    case frame_kind::chunk:
      fill(result, message.getRoot<::Chunk>());
      break;
    case frame_kind::control:
      fill(result, message.getRoot<::Control>());
      break;
    case frame_kind::log:
      fill(result, message.getRoot<::Log>());
      break;
    case frame_kind::signal:
      break; // progress: the command line shows none
    default:
      result.kind = frame_kind::unspecified;
  }
  return result;
}

} // namespace

std::string control_frame(std::uint32_t request, std::string_view json) {
  constexpr std::size_t words_besides_body = 8; // root pointer, data, body pointer, and to spare: one segment
  capnp::MallocMessageBuilder message(static_cast<unsigned>(json.size() / sizeof(capnp::word) + words_besides_body));
  auto control = message.initRoot<::Control>();
  control.setKind(static_cast<std::uint16_t>(frame_kind::control));
  control.setRequest(request);
  control.setBody({reinterpret_cast<const unsigned char*>(json.data()), json.size()});
  auto words = capnp::messageToFlatArray(message);
  auto bytes = words.asBytes();
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

std::optional<std::size_t> frame_size(const char* prefix) noexcept {
  const std::size_t segments_after_the_first = little_endian(prefix);
  const std::size_t size = frame_prefix_bytes + std::size_t{little_endian(prefix + 4)} * sizeof(capnp::word);
  if (segments_after_the_first != 0 || size == frame_prefix_bytes || size > defaults::frame_bytes_max)
    return std::nullopt;
  return size;
}

std::optional<frame> read_frame(std::string_view bytes) {
  std::optional<frame> result;
  auto thrown = kj::runCatchingExceptions([&] {
    auto words = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word)); // words are aligned, bytes need not be
    std::memcpy(words.begin(), bytes.data(), words.asBytes().size());
    capnp::FlatArrayMessageReader message(words);
    result = content_of(message);
  });
  if (thrown != nullptr || (result && result->kind == frame_kind::unspecified))
    return std::nullopt;
  return result;
}

} // namespace hearth::cli
