#pragma once

#include "node/link/arrival.hpp"
#include "node/link/wire.hpp"
#include "node/loop/stream.hpp"

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::node {

/// Where machines that want to become nodes are received, after a gate has read the token that they showed. Nothing else of
/// theirs is read before it was found good. Loop thread only.
class join_desk {
public:
  using reply = std::function<void(join_answer)>;

  struct config {
    /// Why a token is no good, as a sentence; empty: it is. Compares in constant time (join_ledger).
    std::function<std::string(std::string_view secret)> check;
    /// Uses up the token and decides. `reply` is called once, now or later, on the loop; it may outlive the desk.
    std::function<void(std::string secret, join_request request, reply reply)> decide;
    std::function<void(std::string_view)> warn;
  };

  /// `loop` outlives the desk.
  join_desk(work_loop& loop, config config) : loop_(loop), config_(std::move(config)) {}

  /// A connection of the kind `join`.
  void receive(arrived connection);

  std::size_t visits() const noexcept { return visits_.size(); }

private:
  class visit;

  void end(const visit& ended, const std::string& why);

  work_loop& loop_;
  config config_;
  std::list<std::shared_ptr<visit>> visits_;
};

} // namespace hearth::node
