#pragma once

#include "core/bytes.hpp"
#include "node/loop/read_arena.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <sys/uio.h>
#include <vector>

namespace hearth {

/// Cuts the bytes of one connection into frames (schema/frame.capnp). A frame that arrives whole becomes a slice of the
/// arena; of one that does not, what is there is moved to memory of its own size, and the rest is read straight into
/// it. No descriptor, no clock: whoever owns the socket calls `prepare`, reads, and calls `commit`. Loop thread only.
class frame_splitter {
public:
  /// `arena` must outlive the splitter.
  explicit frame_splitter(read_arena& arena) : arena_(arena) {}

  struct target {
    std::array<iovec, 2> parts;
    int count;
    std::size_t size; // of all parts
  };

  /// Where the next bytes belong. Valid until anybody else uses the arena.
  target prepare();

  /// The first `size` bytes of the target are there: appends each frame that is complete. False when what comes next is
  /// no frame: `fault` says why, and the connection is of no further use.
  bool commit(std::size_t size, std::vector<bytes>& frames);

  /// Whether the bytes so far end between two frames.
  bool between_frames() const noexcept { return !partial_ && stash_size_ == 0; }

  const std::string& fault() const noexcept { return fault_; }

private:
  bool split(char* data, std::size_t size, std::vector<bytes>& frames);
  void keep_rest(const char* data, std::size_t size, std::size_t frame);
  bool finish_partial(std::size_t& size, std::vector<bytes>& frames);

  read_arena& arena_;
  read_arena::space space_{nullptr, 0};
  std::array<char, 8> stash_{}; // the beginning of a frame whose size is not known yet
  std::size_t stash_size_ = 0;
  std::shared_ptr<char> partial_; // the beginning of a frame whose size is known
  std::size_t partial_size_ = 0;
  std::size_t partial_filled_ = 0;
  std::string fault_;
};

} // namespace hearth
