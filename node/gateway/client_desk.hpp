#pragma once

#include "actors/client_rights.hpp"
#include "actors/control_messages.hpp"
#include "actors/interfaces.hpp"
#include "node/link/arrival.hpp"
#include "node/loop/loop.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace hearth::node {

/// Where remote clients are received, after a gate has read the token that they showed. The answer to it is a Control frame
/// with the request number 0, `done` or `error`; nothing else of theirs is read before they have been let in. Who is in goes
/// when its token is revoked or ends. Loop thread only.
class client_desk {
public:
  using time_point = std::chrono::system_clock::time_point;

  struct config {
    /// Makes the CONNECTION of a client that was let in; it holds `place` as long as it lives.
    std::function<connection_actor(arrived connection, client_rights rights)> serve;
    std::function<time_point()> now;
    std::function<void(std::string_view)> warn;
  };

  /// `loop` outlives the desk.
  client_desk(work_loop& loop, config config);

  /// A connection of the kind `client`; without a `place` there is none for it.
  void receive(arrived connection);

  /// Whose token this is now, or why nobody's (unauthenticated, no_quorum). Takes the same time for every secret.
  std::variant<client_rights, failure> judge(std::string_view secret) const;

  /// What the control log says of tokens, and whether this node may act for the cluster: one that may not cannot judge.
  void learn(const control::tokens_changed& fact);
  void learn(const control::standing& fact) { standing_ = fact; }

  /// Clients that are in.
  std::size_t clients();

private:
  struct guest {
    connection_actor connection;
    std::weak_ptr<void> place; // gone: so is the client
    std::string token;         // its digest
  };

  void admit(arrived connection);
  const cluster::token_record* find(std::string_view secret) const;
  failure refusal(const cluster::token_record* token) const;
  failure end_of(const std::string& digest) const;
  void look();

  work_loop& loop_;
  config config_;
  control::standing standing_;
  std::map<std::string, cluster::token_record> tokens_; // by digest
  std::vector<guest> guests_;
  loop_timer next_look_;
};

} // namespace hearth::node
