#include "node/loop/output_queue.hpp"

#include "core/defaults.hpp"

#include <utility>

namespace hearth {

std::string& output_queue::tail() {
  if (pieces_.empty() || !pieces_.back().memory.empty() || pieces_.back().text.size() >= defaults::write_text_bytes)
    pieces_.push_back({std::exchange(spare_, {}), {}});
  return pieces_.back().text;
}

void output_queue::append(std::string_view text) {
  append_with([text](std::string& out) { out.append(text); });
}

void output_queue::append(bytes memory) {
  if (memory.size() < defaults::write_copy_max) {
    append(memory.view());
    return;
  }
  size_ += memory.size();
  pieces_.push_back({{}, std::move(memory)});
}

std::size_t output_queue::gather(std::span<iovec> parts) const noexcept {
  std::size_t count = 0;
  auto skip = front_written_;
  for (const auto& piece : pieces_) {
    if (count == parts.size())
      break;
    const auto rest = piece.view().substr(skip);
    skip = 0;
    if (!rest.empty())
      parts[count++] = {const_cast<char*>(rest.data()), rest.size()}; // iovec serves reads as well, hence no const
  }
  return count;
}

void output_queue::consume(std::size_t size) {
  size_ -= size;
  while (!pieces_.empty()) {
    const auto rest = pieces_.front().view().size() - front_written_;
    if (size < rest) {
      front_written_ += size;
      return;
    }
    size -= rest;
    drop_front();
  }
}

void output_queue::drop_front() {
  auto& text = pieces_.front().text;
  // A text that once grew large is not kept: a connection that is quiet again holds little.
  if (text.capacity() > spare_.capacity() && text.capacity() <= 2 * defaults::write_text_bytes) {
    spare_ = std::move(text);
    spare_.clear();
  }
  pieces_.pop_front();
  front_written_ = 0;
}

void output_queue::clear() {
  pieces_.clear();
  front_written_ = 0;
  size_ = 0;
}

} // namespace hearth
