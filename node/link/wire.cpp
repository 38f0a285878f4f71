#include "node/link/wire.hpp"

#include "core/defaults.hpp"
#include "schema/link.capnp.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <array>
#include <bit>
#include <cstring>
#include <vector>

namespace hearth::node {

// Lengths are little-endian on the wire and copied as they are.
static_assert(std::endian::native == std::endian::little);

namespace {

constexpr std::size_t padding(std::size_t length) noexcept { return (8 - length % 8) % 8; }

constexpr std::size_t whole(std::size_t length) noexcept { return link_prefix_bytes + length + padding(length); }

std::optional<std::size_t> frame_size(const char* prefix, std::size_t bytes_max) noexcept {
  const auto length = link_frame_length(prefix, bytes_max);
  return length ? std::optional(whole(*length)) : std::nullopt;
}

std::string frame_fault(const char* prefix, std::size_t bytes_max) {
  std::uint32_t length = 0;
  std::uint32_t zeros = 0;
  std::memcpy(&length, prefix, 4);
  std::memcpy(&zeros, prefix + 4, 4);
  if (zeros != 0)
    return "sent what is no frame (it does not begin like one)";
  return "sent a frame of " + std::to_string(length) + " bytes; at most " + std::to_string(bytes_max) + " are accepted";
}

constexpr framing frames_of(std::size_t bytes_max) { return {frame_size, frame_fault, bytes_max, true}; }

constexpr std::array<framing, cluster::channels> channel_frames{
  frames_of(defaults::link_control_frame_bytes_max),
  frames_of(defaults::link_calls_frame_bytes_max),
  frames_of(defaults::link_bulk_frame_bytes_max),
};
constexpr framing join_frames = frames_of(defaults::join_request_bytes_max);

std::string content_of(capnp::MessageBuilder& message) {
  const auto words = capnp::messageToFlatArray(message);
  const auto bytes = words.asBytes();
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}

/// Calls `read` with a reader of `content`; nothing when it is malformed.
template <class Value, class Read>
std::optional<Value> parsed(std::string_view content, Read&& read) {
  if (content.empty() || content.size() % sizeof(capnp::word) != 0)
    return std::nullopt;
  std::vector<capnp::word> words(content.size() / sizeof(capnp::word));
  std::memcpy(words.data(), content.data(), content.size());
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 4 * words.size();
  options.nestingLimit = 4;
  try {
    capnp::FlatArrayMessageReader reader(kj::arrayPtr(words.data(), words.size()), options);
    return read(reader);
  } catch (const kj::Exception&) {
    return std::nullopt;
  }
}

std::string text_of(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

} // namespace

std::optional<link_kind> link_kind_of(char byte) noexcept {
  const auto number = static_cast<unsigned char>(byte);
  return number >= 1 && number <= 5 ? std::optional(static_cast<link_kind>(number)) : std::nullopt;
}

std::optional<channel> channel_of(link_kind kind) noexcept {
  return kind <= link_kind::bulk ? std::optional(static_cast<channel>(static_cast<int>(kind) - 1)) : std::nullopt;
}

std::string_view name(link_kind kind) noexcept {
  constexpr std::array<std::string_view, 6> names{"control", "calls", "bulk", "client", "join", "http"};
  return names[static_cast<std::size_t>(kind) - 1];
}

std::string_view name(channel c) noexcept { return name(kind_of(c)); }

const framing& link_framing(channel c) noexcept { return channel_frames[static_cast<std::size_t>(c)]; }

const framing& join_framing() noexcept { return join_frames; }

std::size_t link_frame_bytes_max(channel c) noexcept { return link_framing(c).bytes_max; }

std::size_t link_queue_bytes_max(channel c) noexcept {
  constexpr std::array<std::size_t, cluster::channels> limits{
    defaults::link_control_queue_bytes_max, defaults::link_calls_queue_bytes_max, defaults::link_bulk_queue_bytes_max};
  return limits[static_cast<std::size_t>(c)];
}

std::optional<std::size_t> link_frame_length(const char* prefix, std::size_t bytes_max) noexcept {
  std::uint32_t length = 0;
  std::uint32_t zeros = 0;
  std::memcpy(&length, prefix, 4);
  std::memcpy(&zeros, prefix + 4, 4);
  return zeros == 0 && length <= bytes_max ? std::optional<std::size_t>(length) : std::nullopt;
}

void append_link_prefix(std::size_t length, std::string& out) {
  std::array<char, link_prefix_bytes> prefix{};
  const auto number = static_cast<std::uint32_t>(length);
  std::memcpy(prefix.data(), &number, 4);
  out.append(prefix.data(), prefix.size());
}

void append_link_padding(std::size_t length, std::string& out) { out.append(padding(length), '\0'); }

std::string link_frame(std::string_view content) {
  std::string out;
  append_link_prefix(content.size(), out);
  out += content;
  append_link_padding(content.size(), out);
  return out;
}

bytes link_content(const bytes& frame) {
  std::uint32_t length = 0;
  std::memcpy(&length, frame.data(), 4);
  return frame.slice(link_prefix_bytes, length);
}

// -- messages ----

std::string encode(const link_hello& hello) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<::LinkHello>();
  out.setVersion(hello.version);
  out.setVersionMin(hello.version_min);
  out.setClusterHi(hello.cluster.hi);
  out.setClusterLo(hello.cluster.lo);
  out.setNodeHi(hello.node.hi);
  out.setNodeLo(hello.node.lo);
  out.setIncarnation(hello.incarnation);
  out.setProcess(hello.process);
  return content_of(message);
}

std::optional<link_hello> parse_link_hello(std::string_view content) {
  return parsed<link_hello>(content, [](capnp::MessageReader& reader) {
    const auto in = reader.getRoot<::LinkHello>();
    return link_hello{
      in.getVersion(),     in.getVersionMin(), {in.getClusterHi(), in.getClusterLo()}, {in.getNodeHi(), in.getNodeLo()},
      in.getIncarnation(), in.getProcess()};
  });
}

std::string encode(const link_refusal& refusal) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<::LinkRefusal>();
  out.setSentence(refusal.sentence.c_str());
  out.setIsOldCopy(refusal.is_old_copy);
  return content_of(message);
}

std::optional<link_refusal> parse_link_refusal(std::string_view content) {
  return parsed<link_refusal>(content, [](capnp::MessageReader& reader) {
    const auto in = reader.getRoot<::LinkRefusal>();
    return link_refusal{text_of(in.getSentence()), in.getIsOldCopy()};
  });
}

std::string encode(const join_request& request) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<::JoinRequest>();
  out.setRequest(request.request.c_str());
  out.setName(request.name.c_str());
  out.setListen(request.listen.c_str());
  return content_of(message);
}

std::optional<join_request> parse_join_request(std::string_view content) {
  return parsed<join_request>(content, [](capnp::MessageReader& reader) {
    const auto in = reader.getRoot<::JoinRequest>();
    return join_request{text_of(in.getRequest()), text_of(in.getName()), text_of(in.getListen())};
  });
}

std::string encode(const join_answer& answer) {
  capnp::MallocMessageBuilder message;
  auto out = message.initRoot<::JoinAnswer>();
  out.setRefusal(answer.refusal.c_str());
  out.setCertificate(answer.certificate.c_str());
  out.setCluster(answer.cluster.c_str());
  return content_of(message);
}

std::optional<join_answer> parse_join_answer(std::string_view content) {
  return parsed<join_answer>(content, [](capnp::MessageReader& reader) {
    const auto in = reader.getRoot<::JoinAnswer>();
    return join_answer{text_of(in.getRefusal()), text_of(in.getCertificate()), text_of(in.getCluster())};
  });
}

} // namespace hearth::node
