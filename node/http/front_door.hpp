#pragma once

#include "actors/app_directory.hpp"
#include "actors/app_table.hpp"
#include "node/gateway/listener.hpp"
#include "node/gateway/listening_socket.hpp"
#include "node/http/http_connection.hpp"
#include "node/http/node_page.hpp"
#include "node/link/gate.hpp"
#include "node/loop/loop.hpp"
#include "node/settings.hpp"

#include <caf/all.hpp>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hearth::node {

/// Where requests come in over TLS; without a socket: nowhere.
struct http_port {
  std::shared_ptr<const tls_context> context;
  kj::AutoCloseFd socket;
};

/// As the settings say. Throws start_error.
http_port open_http_port(const settings& wanted);

struct front_door_config {
  std::filesystem::path socket; // of the node; the one for HTTP lies beside it
  http_port port;
  std::shared_ptr<app_table> apps; // the front door's to fill
  agent_actor agent;
  control_actor control;
  std::function<spec_ptr(const bytes&)> decode_spec;
  /// Whose this secret of a token is, or why nobody's.
  std::function<std::variant<client_rights, failure>(std::string_view secret)> judge;
  page_sources pages; // what is told of the node; `agent`, `apps` and `door` are the front door's to fill
};

/// Where HTTP comes in: a Unix socket for the node's own user, and if asked for a port with TLS, for who has a token and for
/// apps that want none. Loop thread only.
class front_door {
public:
  /// `loop` outlives it. Throws start_error.
  front_door(work_loop& loop, front_door_config config);

  const std::filesystem::path& socket() const noexcept { return socket_.path(); }

  /// Lets nobody in any more; who is in stays.
  void close() {
    listener_.reset();
    gate_.reset();
  }

  /// Who knows the apps.
  app_lister_actor apps() const { return directory_; }

  /// What the node cannot be without, and what it is to people.
  std::vector<std::pair<caf::actor, const char*>> parts() const;
  /// All actors to be ended with the node.
  std::vector<caf::actor> actors() const;

private:
  void listen_outside();
  void serve(listener::client client);
  void serve(arrived client);
  void serve(http_connection_config config);
  std::variant<client_rights, http::refusal> judge(std::string_view token) const;

  work_loop& loop_;
  front_door_config config_;
  listening_socket socket_;
  std::shared_ptr<door_figures> figures_ = std::make_shared<door_figures>();
  std::shared_ptr<const page_sources> pages_;
  app_directory_actor directory_;
  std::unique_ptr<listener> listener_;
  std::unique_ptr<link_gate> gate_; // at the port
  std::function<call_id()> next_id_;
  std::uint64_t clients_ = 0; // so far
  std::map<std::uint64_t, stream_caller_actor> connections_;
};

} // namespace hearth::node
