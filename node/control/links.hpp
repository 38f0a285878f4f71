#pragma once

#include "actors/control.hpp"
#include "core/errors.hpp"
#include "node/control/control_loop.hpp"
#include "node/identity/authority.hpp"
#include "node/identity/cluster_file.hpp"
#include "node/link/endpoint.hpp"
#include "node/link/gate.hpp"
#include "node/link/peer.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace hearth::node {

/// The links of a node of a cluster: the port at which others arrive, the endpoint of calls and bulk values on the work loop,
/// and that of the control log on the control loop. Work loop's thread only, but where it is said otherwise.
class cluster_links {
public:
  /// Reads the node's certificate and listens: throws start_error. `loop` outlives the links.
  cluster_links(work_loop& loop, const std::filesystem::path& directory, cluster_file file,
                std::uint32_t versions_ahead = 0);
  ~cluster_links();

  const cluster_file& file() const noexcept { return file_; }
  const std::filesystem::path& directory() const noexcept { return directory_; }

  /// Makes the endpoint of the control log. On the control loop's thread, where it ends too.
  std::unique_ptr<cluster::transport> connect_control(work_loop& control, cluster::transport::observer& observer,
                                                      std::uint64_t incarnation, std::uint64_t process);

  /// Lets others in and calls them, once the control loop runs.
  void open(const switchboard_actor& switchboard, std::uint64_t incarnation, std::uint64_t process);
  /// Before the control loop ends.
  void close();

  /// A member, as the control log knows it from now on.
  void learn(const member_row& member);

  /// Hears, once or more, why this node must not go on; set before it opens.
  std::function<void(const failure& why)> on_fatal;

  /// Where machines that want to join, and remote clients, are received; before `open`.
  std::function<void(arrived)> on_join, on_client;

  /// SHA-256 of the authority's certificate; 32 bytes.
  std::string authority_fingerprint() const { return fingerprint(*certificate_from_pem(own_.authority)); }

private:
  struct known_peer {
    link_address address;
    bool is_member = true;
  };

  link_self self_with(std::uint64_t incarnation, std::uint64_t process) const;
  link_endpoint::config endpoint_of(link_self self, std::vector<channel> channels);
  void admit(arrived connection);
  void tell_control(std::function<void(link_endpoint&)> what);

  work_loop& loop_;
  std::filesystem::path directory_;
  cluster_file file_;
  const std::uint32_t versions_ahead_;
  credentials own_;
  kj::AutoCloseFd socket_;
  std::shared_ptr<const tls_context> dialing_;
  std::map<node_uuid, known_peer> peers_;
  std::unique_ptr<peer_board> board_;
  std::unique_ptr<link_endpoint> calls_;
  std::unique_ptr<link_gate> gate_;
  std::unique_ptr<loop_timer> look_;          // at peers that say nothing
  work_loop* control_loop_ = nullptr;         // while it runs
  link_endpoint* control_endpoint_ = nullptr; // on it
};

} // namespace hearth::node
