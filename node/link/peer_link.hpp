#pragma once

#include "cluster/transport.hpp"
#include "node/link/arrival.hpp"
#include "node/link/complaints.hpp"
#include "node/link/dial.hpp"
#include "node/link/line.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace hearth::node {

/// Who this node is on its links.
struct link_self {
  node_uuid cluster;
  node_uuid node;
  std::uint64_t incarnation = 0; // counted on the disk
  std::uint64_t process = 0;     // random, the same on all links of this process
  std::uint32_t version = defaults::link_version;
  std::uint32_t version_min = defaults::link_version_min;
};

/// What the links of one endpoint share.
struct link_terms {
  work_loop& loop;
  link_self self;
  std::vector<channel> channels;
  std::shared_ptr<const tls_context> dialing;
  cluster::transport::observer& observer;
  complaints troubles;
  std::function<void(const std::string&)> on_old_copy;
  std::minstd_rand chance; // for pauses alone
};

/// The link to one peer, on the channels of one endpoint: up while all of them are open to the same process. The lower uuid
/// dials, again and again; the other one, while it waits, only asks the peer's host whether anybody listens there. Loop thread
/// only.
class peer_link final : private line::owner {
public:
  /// `terms` outlive the link.
  peer_link(link_terms& terms, node_uuid peer);
  ~peer_link();

  node_uuid peer() const noexcept { return peer_; }
  bool is_up() const noexcept { return is_up_; }
  std::uint64_t incarnation() const noexcept { return incarnation_; }

  /// Where the peer listens. Begins to dial, if that is for us to do.
  void set_address(const link_address& address);

  /// A connection that the peer has dialed.
  void adopt(arrived connection);

  bool send(channel on, std::span<const bytes> parts);
  std::size_t queued_bytes(channel on) const noexcept;

  /// Ends what there is, silently, and dials anew after a pause. True when the link was up.
  bool close();

  /// Ends what there is, for good and silently. True when the link was up.
  bool retire();

private:
  struct lane {
    std::unique_ptr<line> current;
    std::unique_ptr<line> coming; // dialed by the peer, and it has not said a good hello yet
    std::unique_ptr<dial> dialing;
  };

  void on_hello(line& from, const link_hello& hello) override;
  void on_agreed(line& from) override;
  void on_refused(line& from, const link_refusal& why) override;
  void on_frame(line& from, bytes content) override;
  void on_room(line& from) override;
  void on_end(line& from, const std::string& reason) override;

  bool dials() const noexcept;
  lane& at(channel on) noexcept { return lanes_[static_cast<std::size_t>(on)]; }
  void try_again();
  void rest();
  void start_dial(channel on);
  void on_dialed(channel on, dial::outcome outcome);
  void ask_host();
  void on_nobody_listens();
  std::unique_ptr<line> make_line(channel on, kj::AutoCloseFd socket, std::unique_ptr<tls_channel> tls);
  void trouble(const std::string& what);
  std::optional<link_refusal> judge(const link_hello& hello) const;
  void forget_older();
  void go_up();
  void go_down(const std::string& reason);

  link_terms& terms_;
  const node_uuid peer_;
  std::optional<link_address> address_;
  std::array<lane, cluster::channels> lanes_;
  std::unique_ptr<dial> question_; // whether anybody listens there
  loop_timer again_;
  std::chrono::milliseconds pause_{0};
  std::chrono::steady_clock::time_point up_since_;
  bool is_up_ = false;
  bool is_retired_ = false;
  bool may_be_gone_ = false;      // was up, and nobody has answered for its host since
  std::uint64_t incarnation_ = 0; // of the newest process that said hello
  std::uint64_t process_ = 0;
};

} // namespace hearth::node
