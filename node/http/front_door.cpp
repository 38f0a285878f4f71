#include "node/http/front_door.hpp"

#include "core/defaults_http.hpp"
#include "node/calendar.hpp"
#include "node/http/app_text.hpp"
#include "node/http/http_connection.hpp"

#include <unistd.h>

#include <random>
#include <utility>

namespace hearth::node {

namespace {

/// "node.http.sock" beside "node.sock".
std::filesystem::path beside(const std::filesystem::path& socket) {
  return socket.parent_path() / (socket.stem().string() + ".http.sock");
}

/// UUIDv7 (RFC 9562, 5.7).
std::function<call_id()> ids() {
  return [random = std::mt19937_64{std::random_device{}()}]() mutable -> call_id {
    return {unix_ms() << 16 | 0x7000 | (random() & 0xfff), std::uint64_t{1} << 63 | random() >> 2};
  };
}

std::string in_http(ec, const std::string& why) { return http::plain_answer(503, why, false); }

} // namespace

front_door::front_door(work_loop& loop, front_door_config config)
  : loop_(loop), config_(std::move(config)),
    socket_(beside(config_.socket), config_.is_usual_place ? privacy::ours_alone : privacy::ours_to_write),
    next_id_(ids()) {
  directory_ = loop_.system().spawn(
    [directory = app_directory_config{apps_, config_.control, config_.agent, config_.decode_spec}](
      app_directory_actor::stateful_pointer<app_directory_state> self) {
      return self->state.make_behavior(self, directory);
    });
  config_.pages.agent = config_.agent;
  config_.pages.apps = directory_;
  config_.pages.door = figures_;
  pages_ = std::make_shared<const page_sources>(std::move(config_.pages));
  listener::config door;
  door.user = ::getuid();
  door.clients_max = defaults::http_connections_max;
  door.warn = config_.warn;
  door.last_words = in_http;
  door.on_client = [this](listener::client client) { serve(std::move(client)); };
  listener_ = std::make_unique<listener>(loop_, socket_.fd(), std::move(door));
}

std::vector<std::pair<caf::actor, const char*>> front_door::parts() const {
  return {{caf::actor_cast<caf::actor>(directory_), "app directory"}};
}

std::vector<caf::actor> front_door::actors() const {
  std::vector<caf::actor> all{caf::actor_cast<caf::actor>(directory_)};
  for (const auto& [client, connection] : connections_)
    all.push_back(caf::actor_cast<caf::actor>(connection));
  return all;
}

void front_door::serve(listener::client client) {
  http_connection_config config;
  config.loop = &loop_;
  config.socket = std::make_shared<kj::AutoCloseFd>(kj::mv(client.socket));
  config.address = "unix";
  config.place = std::move(client.place);
  config.apps = apps_;
  config.pages = pages_;
  config.door = figures_;
  config.agent = config_.agent;
  config.next_id = [this] { return next_id_(); }; // one source for all: a copy of it would give the same ids again
  // Whoever can connect here is the user to whom the node belongs, and needs no token.
  config.judge = [](std::string_view) { return client_rights{}; };
  const auto client_number = ++clients_;
  config.ended = [this, client_number] {
    connections_.erase(client_number);
    figures_->connections = connections_.size();
  };
  connections_[client_number] = loop_.system().spawn(
    [config = std::move(config)](stream_caller_actor::stateful_pointer<http_connection_state> self) {
      return self->state.make_behavior(self, config);
    });
  figures_->connections = connections_.size();
}

} // namespace hearth::node
