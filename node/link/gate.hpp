#pragma once

#include "node/link/arrival.hpp"
#include "node/link/complaints.hpp"
#include "node/loop/loop.hpp"

#include <kj/async-unix.h>
#include <kj/io.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::node {

/// The port of a node, at which peers, remote clients and machines that want to join arrive. Who is not trusted yet has a
/// few seconds and one of few places; when they are taken, the oldest goes, so that those who never finish keep nobody out.
/// Nothing that happens at the gate ends the listening: without a free descriptor a connection is closed, without memory the
/// gate rests a little. Loop thread only.
class link_gate final : private arrival::owner {
public:
  struct config {
    gate_contexts contexts;
    std::optional<link_kind> only; // all connections are of this kind and do not say so: the port is for nothing else
    node_uuid cluster;
    std::function<bool(node_uuid)> is_member;
    std::function<void(arrived)> on_peer; // control, calls, bulk: a member's
    std::function<void(arrived)>
      on_client; // HTTP too; without it, nobody is let in; without a `place` there is none left
    std::function<void(arrived)> on_join;
    std::function<void(std::string_view)> warn;
    std::size_t strangers_max = defaults::link_strangers_max;
    std::size_t strangers_per_address_max = defaults::link_strangers_per_address_max;
    std::size_t guests_max = defaults::link_guests_max;
    std::size_t guests_per_address_max = defaults::link_guests_per_address_max;
  };

  /// `socket` listens and does not block; it and `loop` outlive the gate. Throws kj::Exception.
  link_gate(work_loop& loop, int socket, config config);
  ~link_gate();

  /// For certificates that were renewed: holds for who comes from now on.
  void use(gate_contexts contexts);

  std::size_t strangers() const noexcept { return strangers_.size(); }
  std::size_t guests() const noexcept;
  /// Connections that were not let in, those that came and went without a word included.
  std::uint64_t refused() const noexcept { return complaints_.total() + silent_; }

private:
  struct stranger {
    std::shared_ptr<const gate_contexts> contexts;
    std::unique_ptr<arrival> who;
  };
  using stranger_list = std::list<stranger>;
  using counts = std::map<std::string, std::size_t>;

  void on_arrived(arrival& who, arrived connection) override;
  void on_failed(arrival& who, const std::string& why) override;

  void accept();
  bool accept_one();
  void take_in(kj::AutoCloseFd socket, const std::string& origin);
  void make_room(const std::string& origin);
  void forget(stranger_list::iterator who);
  stranger_list::iterator find(const arrival& who);
  void admit_peer(arrived connection);
  void admit_guest(arrived connection);
  bool turn_away();
  void rest(int error);

  work_loop& loop_;
  int socket_;
  config config_;
  complaints complaints_;
  std::uint64_t silent_ = 0;
  std::shared_ptr<const gate_contexts> contexts_;
  stranger_list strangers_; // the oldest first
  counts strangers_of_;
  std::shared_ptr<counts> guests_of_ = std::make_shared<counts>();
  kj::AutoCloseFd spare_; // given up to accept a connection that is then closed
  kj::UnixEventPort::FdObserver observer_;
  turn_hook hook_;
  std::unique_ptr<loop_timer> pause_;
  kj::Promise<void> readable_ = nullptr;
};

} // namespace hearth::node
