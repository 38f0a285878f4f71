#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace hearth {

/// A shared, immutable slice of memory. Copying copies a reference, never the content; the content lives as long as
/// any slice of it. May be read from any thread.
class bytes {
public:
  bytes() = default;

  /// Shares `owner`; `data` must stay valid and unchanged as long as `owner` lives.
  bytes(std::shared_ptr<const void> owner, const char* data, std::size_t size)
    : owner_(std::move(owner)), data_(data), size_(size) {}

  static bytes copy_of(std::string_view content) {
    if (content.empty())
      return {};
    std::shared_ptr<char[]> memory(new char[content.size()]);
    std::memcpy(memory.get(), content.data(), content.size());
    const char* data = memory.get();
    return {std::move(memory), data, content.size()};
  }

  const char* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::string_view view() const noexcept { return {data_, size_}; }

  /// The part [offset, offset + count), sharing the memory. `offset + count <= size()`.
  bytes slice(std::size_t offset, std::size_t count) const { return {owner_, data_ + offset, count}; }

  /// The same content.
  friend bool operator==(const bytes& a, const bytes& b) noexcept { return a.view() == b.view(); }

private:
  std::shared_ptr<const void> owner_;
  const char* data_ = nullptr;
  std::size_t size_ = 0;
};

/// A value as it came: one part, or several when it was larger than a frame. The node never looks inside.
struct payload {
  bytes head;
  std::vector<bytes> rest;

  std::size_t size() const noexcept {
    auto total = head.size();
    for (const auto& part : rest)
      total += part.size();
    return total;
  }

  static payload text(std::string_view sentence) { return {bytes::copy_of(sentence), {}}; }
};

} // namespace hearth
