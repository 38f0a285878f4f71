#pragma once

#include "core/bytes.hpp"
#include "node/loop/read_arena.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <sys/uio.h>
#include <vector>

namespace hearth {

/// How frames on a connection begin: with 8 bytes that tell how long they are. Or, where `size` is null, not at all: what a
/// read brings is a frame.
struct framing {
  /// Size of the whole frame, prefix included and at least as long as that; nothing when no frame begins so.
  std::optional<std::size_t> (*size)(const char* prefix, std::size_t bytes_max) noexcept;
  /// Why there was none, in words that follow the name of the peer.
  std::string (*fault)(const char* prefix, std::size_t bytes_max);
  std::size_t bytes_max; // of a frame
  /// Memory for a frame that does not come as one piece is taken as it arrives, not when its size is announced. Costs a
  /// copy.
  bool grows;
};

/// Bytes as they come.
extern const framing no_framing;

/// Between a node, its clients and its interpreters: schema/frame.capnp.
extern const framing client_framing;

/// Cuts the bytes of one connection into frames. A frame that arrives whole becomes a slice of the
/// arena; of one that does not, what is there is moved to memory of its own size, and the rest is read straight into
/// it. No descriptor, no clock: whoever owns the socket calls `prepare`, reads, and calls `commit`. Loop thread only.
class frame_splitter {
public:
  /// `arena` and `frames` must outlive the splitter.
  explicit frame_splitter(read_arena& arena, const framing& frames = client_framing)
    : arena_(arena), framing_(frames) {}

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
  void take_partial(std::size_t capacity);

  read_arena& arena_;
  const framing& framing_;
  read_arena::space space_{nullptr, 0};
  std::array<char, 8> stash_{}; // the beginning of a frame whose size is not known yet
  std::size_t stash_size_ = 0;
  std::shared_ptr<char> partial_; // the beginning of a frame whose size is known
  std::size_t partial_size_ = 0;
  std::size_t partial_capacity_ = 0; // at most its size
  std::size_t partial_filled_ = 0;
  std::string fault_;
};

} // namespace hearth
