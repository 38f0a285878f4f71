#include "node/wire/frame.hpp"

#include <bit>
#include <cstring>

namespace hearth::wire {

// Cap'n Proto is little-endian on the wire; fields are copied as they are.
static_assert(std::endian::native == std::endian::little);

namespace {

// The fields after `kind`, in the order of the schema. One list per frame serves both directions.
template <class Visit, class Frame>
void fields(const call*, Frame& f, Visit&& each) {
  each(f.flags, f.depth, f.attempt, f.environment, f.task, f.slot, f.generation, f.id, f.root, f.parent, f.deadline_ms,
       f.trace_hi, f.trace_lo, f.span, f.size);
}

template <class Visit, class Frame>
void fields(const reply*, Frame& f, Visit&& each) {
  each(f.flags, f.code, f.attempt, f.slot, f.generation, f.id, f.size, f.run_ns, f.queued_ns, f.start_ns, f.fork_ns,
       f.import_ns);
}

template <class Visit, class Frame>
void fields(const chunk*, Frame& f, Visit&& each) {
  each(f.flags, f.request, f.id, f.offset);
}

template <class Visit, class Frame>
void fields(const signal*, Frame& f, Visit&& each) {
  each(f.flags, f.what, f.code, f.slot, f.generation, f.id, f.value);
}

template <class Visit, class Frame>
void fields(const control*, Frame& f, Visit&& each) {
  each(f.flags, f.request);
}

template <class Visit, class Frame>
void fields(const log*, Frame& f, Visit&& each) {
  each(f.flags, f.dropped, f.id, f.unix_ns, f.replica);
}

template <class T>
void put(char*& out, const T& value) noexcept {
  std::memcpy(out, &value, sizeof value);
  out += sizeof value;
}

void put(char*& out, call_id id) noexcept {
  put(out, id.hi);
  put(out, id.lo);
}

template <class T>
void take(const char*& in, T& value) noexcept {
  std::memcpy(&value, in, sizeof value);
  in += sizeof value;
}

void take(const char*& in, call_id& id) noexcept {
  take(in, id.hi);
  take(in, id.lo);
}

template <class T>
T at(std::string_view frame, std::size_t offset) noexcept {
  T value;
  std::memcpy(&value, frame.data() + offset, sizeof value);
  return value;
}

constexpr std::size_t root_offset = prefix_bytes;
constexpr std::size_t data_offset = root_offset + 8;

// A struct pointer: offset 0, the data section's words, one pointer.
constexpr std::uint64_t root_pointer(std::size_t data_words) noexcept {
  return (std::uint64_t{data_words} << 32) | (std::uint64_t{1} << 48);
}

// A list pointer: offset 0, elements of one byte.
constexpr std::uint64_t list_tag = 1;
constexpr std::uint64_t byte_elements = 2;

constexpr std::uint64_t body_pointer(std::size_t bytes) noexcept {
  return list_tag | ((std::uint64_t{bytes} << 3 | byte_elements) << 32);
}

// The smallest struct of ours: root pointer, one word of data, body pointer.
constexpr std::size_t words_min = 2 + control::data_words;

struct frame_prefix {
  std::uint32_t segments_less_one = 0;
  std::uint32_t words = 0;

  std::size_t size() const noexcept { return prefix_bytes + std::size_t{words} * 8; }
};

frame_prefix read_prefix(const char* prefix) noexcept {
  frame_prefix p;
  std::memcpy(&p.segments_less_one, prefix, 4);
  std::memcpy(&p.words, prefix + 4, 4);
  return p;
}

} // namespace

std::optional<std::size_t> frame_size(const char* prefix) noexcept {
  const auto p = read_prefix(prefix);
  if (p.segments_less_one != 0 || p.words < words_min || p.size() > defaults::frame_bytes_max)
    return std::nullopt;
  return p.size();
}

std::string frame_fault(const char* prefix) {
  const auto p = read_prefix(prefix);
  if (p.segments_less_one != 0)
    return "sent what is no frame (it does not begin like one)";
  if (p.words < words_min)
    return "sent a frame of " + std::to_string(p.size()) + " bytes, less than the smallest";
  return "sent a frame of " + std::to_string(p.size()) + " bytes; at most " + std::to_string(defaults::frame_bytes_max)
         + " are accepted";
}

frame_kind kind_of(std::string_view frame) noexcept {
  if (frame.size() < prefix_bytes + 8 * words_min)
    return frame_kind::unspecified;
  const auto kind = at<std::uint16_t>(frame, data_offset);
  return kind <= static_cast<std::uint16_t>(frame_kind::log) ? static_cast<frame_kind>(kind) : frame_kind::unspecified;
}

template <class Frame>
bool parse(std::string_view frame, Frame& into) noexcept {
  constexpr auto head = head_bytes<Frame>;
  if (frame.size() < head || frame.size() != frame_size(frame.data())
      || at<std::uint64_t>(frame, root_offset) != root_pointer(Frame::data_words) || kind_of(frame) != Frame::kind)
    return false;
  const auto pointer = at<std::uint64_t>(frame, head - 8);
  const auto body_bytes = static_cast<std::size_t>(pointer >> 35);
  // Null is how Cap'n Proto writes a body that was never set.
  if (pointer != 0 && pointer != body_pointer(body_bytes))
    return false;
  if (head + body_bytes + padding(body_bytes) != frame.size() || body_bytes > defaults::frame_body_bytes_max)
    return false;
  const char* in = frame.data() + data_offset + sizeof(frame_kind);
  fields(static_cast<const Frame*>(nullptr), into, [&](auto&... field) { (take(in, field), ...); });
  into.body = frame.substr(head, body_bytes);
  return true;
}

template <class Frame>
void encode_head(const Frame& frame, char* out) noexcept {
  const auto body_bytes = frame.body.size();
  const auto words = (head_bytes<Frame> - prefix_bytes + body_bytes + padding(body_bytes)) / 8;
  put(out, std::uint64_t{words} << 32);
  put(out, root_pointer(Frame::data_words));
  put(out, Frame::kind);
  fields(static_cast<const Frame*>(nullptr), frame, [&](const auto&... field) { (put(out, field), ...); });
  put(out, body_pointer(body_bytes));
}

template <class Frame>
void encode(const Frame& frame, std::string& out) {
  const auto begin = out.size();
  out.resize(begin + head_bytes<Frame>);
  encode_head(frame, out.data() + begin);
  out.append(frame.body);
  out.append(padding(frame.body.size()), '\0');
}

// NOLINTBEGIN(bugprone-macro-parentheses)
#define HEARTH_WIRE_FRAME(T)                                                                                           \
  template bool parse<T>(std::string_view, T&) noexcept;                                                               \
  template void encode_head<T>(const T&, char*) noexcept;                                                              \
  template void encode<T>(const T&, std::string&);
HEARTH_WIRE_FRAME(call)
HEARTH_WIRE_FRAME(reply)
HEARTH_WIRE_FRAME(chunk)
HEARTH_WIRE_FRAME(signal)
HEARTH_WIRE_FRAME(control)
HEARTH_WIRE_FRAME(log)
#undef HEARTH_WIRE_FRAME
// NOLINTEND(bugprone-macro-parentheses)

} // namespace hearth::wire
