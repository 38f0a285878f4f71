#pragma once

#include "node/loop/stream.hpp"
#include "node/wire/value.hpp"

#include <string_view>
#include <utility>

namespace hearth::wire {

/// Writes to a connection, which outlives it.
class stream_writer final : public frame_writer {
public:
  explicit stream_writer(frame_stream& to) : stream_(to) {}

  void write(std::string_view text) override { stream_.write(text); }
  void write(bytes memory) override { stream_.write(std::move(memory)); }

private:
  frame_stream& stream_;
};

} // namespace hearth::wire
