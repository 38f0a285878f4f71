#pragma once

#include "node/wire/value.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace hearth::test {

/// Keeps what is written to it, as the other side of a socket would see it.
struct frame_recorder final : wire::frame_writer {
  std::string text;
  std::vector<const char*> referred; // memory that was handed over by reference

  void write(std::string_view part) override { text.append(part); }
  void write(bytes part) override {
    referred.push_back(part.data());
    text.append(part.view());
  }

  /// The frames written since the last call, each whole.
  std::vector<bytes> take() {
    const auto all = bytes::copy_of(text);
    text.clear();
    std::vector<bytes> result;
    for (std::size_t at = 0; at < all.size();) {
      const auto size = wire::frame_size(all.data() + at).value();
      result.push_back(all.slice(at, size));
      at += size;
    }
    return result;
  }
};

} // namespace hearth::test
