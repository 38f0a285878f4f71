#include "actors/cache_key_item.hpp"

#include <string_view>

namespace hearth {

namespace {

constexpr std::string_view tag("\xd9\xbe\x16", 3);
constexpr unsigned char short_text = 0x58, long_text = 0x59; // a byte string with its length in one byte, or in two
constexpr std::size_t digest_bytes = 32;
constexpr unsigned char format = 1, overwrite_flag = 1;

std::size_t byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

/// Where the content of an item is; empty: `head` does not begin with a whole one.
std::string_view content_of(std::string_view head) {
  if (head.size() < tag.size() + 3)
    return {};
  const auto kind = byte_at(head, tag.size());
  const auto begin = tag.size() + (kind == short_text ? 2 : 3);
  if (kind != short_text && kind != long_text)
    return {};
  const auto size = kind == short_text ? byte_at(head, tag.size() + 1)
                                       : byte_at(head, tag.size() + 1) << 8 | byte_at(head, tag.size() + 2);
  if (head.size() < begin + size || size < 2 + digest_bytes || (size - 2) % digest_bytes != 0
      || byte_at(head, begin) != format)
    return {};
  return head.substr(begin, size);
}

} // namespace

std::variant<std::monostate, cache_key_item, broken_key_item> take_key_item(payload& arguments) {
  const auto head = arguments.head.view();
  if (!head.starts_with(tag))
    return std::monostate{};
  const auto content = content_of(head);
  if (content.empty())
    return broken_key_item{};
  cache_key_item item;
  item.overwrite = (byte_at(content, 1) & overwrite_flag) != 0;
  item.inputs = digest::at(content.data() + 2);
  for (auto at = 2 + digest_bytes; at < content.size(); at += digest_bytes)
    item.each.push_back(digest::at(content.data() + at));
  const auto end = static_cast<std::size_t>(content.data() + content.size() - head.data());
  arguments.head = arguments.head.slice(end, head.size() - end);
  return item;
}

std::optional<digest> looked_up_inputs(const payload& arguments) {
  const auto head = arguments.head.view();
  const auto content = head.starts_with(tag) ? content_of(head) : std::string_view();
  if (content.empty() || (byte_at(content, 1) & overwrite_flag) != 0)
    return std::nullopt;
  return digest::at(content.data() + 2);
}

} // namespace hearth
