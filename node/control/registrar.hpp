#pragma once

#include "actors/control.hpp"
#include "node/identity/authority.hpp"
#include "node/identity/cluster_file.hpp"
#include "node/identity/join_ledger.hpp"
#include "node/link/join_desk.hpp"
#include "node/store/off_loop.hpp"
#include "node/store/writer.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::node {

/// What a member knows of the machines that may join through it: the tokens that it gave out, and the authority's key where it
/// has that. Loop thread only; its file is written by the registrar.
class register_of_joins {
public:
  using time_point = std::chrono::system_clock::time_point;

  /// Reads the ledger in `directory`, and the authority's key if it is there. Throws start_error.
  register_of_joins(std::filesystem::path directory, cluster_file own);

  bool has_authority() const noexcept { return authority_.has_value(); }
  const cluster_file& own() const noexcept { return own_; }
  std::filesystem::path file() const;
  std::string text() const { return ledger_.text(); }

  /// A new token, remembered until its time is over. There is an authority.
  std::string give_out(std::chrono::milliseconds valid, time_point now);

  /// Why a token is no good, as a sentence; empty: it is.
  std::string check(std::string_view secret, time_point now) const;

  /// Uses the token up; the same sentence.
  std::string redeem(std::string_view secret, time_point now);

  /// The answer to who showed a good token and was admitted; `members` of the cluster, without itself.
  join_answer welcome(const join_request& request, const std::vector<member_row>& members) const;

private:
  std::filesystem::path directory_;
  cluster_file own_;
  std::optional<authority> authority_;
  join_ledger ledger_;
};

namespace registrar_messages {

/// A machine showed a good token and wants to be a node.
struct newcomer {
  std::string secret;
  join_request request;
  join_desk::reply reply;
};

} // namespace registrar_messages

/// The REGISTRAR as its node knows it.
using registrar_door = registrar_actor::extend<
  // From the join desk.
  caf::reacts_to<atom::open, registrar_messages::newcomer>,
  // INTERNAL: the disk has done something.
  takes_completions>;

struct registrar_config {
  std::shared_ptr<register_of_joins> joins;
  control_actor control;
  writer* disk = nullptr; // outlives the actor
  /// Copies the control log; blocks, on the disk's thread.
  std::function<void(const std::filesystem::path&)> back_up;
  std::function<std::chrono::system_clock::time_point()> now;
  std::string authority{}; // SHA-256 of its certificate, for tokens of remote clients
};

/// Gives out join tokens and those of remote clients, receives the machines that bring the former, copies the control log.
///
/// Spawned by: the node, once, where it belongs to a cluster. Monitors nobody.
/// Dies:       with the node; the writer finishes what it has taken.
/// Promises:   a token is on disk before anybody hears of it; it is used up on disk before the machine that brought it is
///             admitted, so that it serves once whatever crashes.
registrar_door::behavior_type registrar(registrar_door::pointer self, registrar_config config);

/// The desk that sends machines to this registrar.
join_desk::config desk_of(const registrar_door& door, std::shared_ptr<const register_of_joins> joins,
                          std::function<void(std::string_view)> warn);

} // namespace hearth::node

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::node::registrar_messages::newcomer)
