#include "node/http/front_door.hpp"

#include "core/client_token.hpp"
#include "core/defaults_http.hpp"
#include "core/http_socket.hpp"
#include "node/calendar.hpp"
#include "node/http/app_text.hpp"
#include "node/link/tcp.hpp"
#include "node/start_error.hpp"

#include <spdlog/spdlog.h>

#include <unistd.h>

#include <random>
#include <utility>

namespace hearth::node {

namespace {

/// UUIDv7 (RFC 9562, 5.7).
std::function<call_id()> ids() {
  return [random = std::mt19937_64{std::random_device{}()}]() mutable -> call_id {
    return {unix_ms() << 16 | 0x7000 | (random() & 0xfff), std::uint64_t{1} << 63 | random() >> 2};
  };
}

std::string in_http(ec, const std::string& why) { return http::plain_answer(503, why, false); }

void warn_of(std::string_view trouble) { spdlog::warn("{}", trouble); }

http::refusal unauthenticated(std::string why) { return {401, std::move(why)}; }

} // namespace

http_port open_http_port(const settings& wanted) {
  http_port port;
  if (!wanted.http_listen)
    return port;
  try {
    port.context = tls_context::for_http(wanted.http_certificate, wanted.http_key);
  } catch (const crypto_error& e) {
    throw start_error("Requests over HTTPS cannot be taken: " + std::string(e.what()) + ".");
  }
  port.socket = listen_at(*wanted.http_listen, "http_listen");
  spdlog::info("apps are served at https://{}",
               to_string(link_address{wanted.http_listen->host, port_of(port.socket.get())}));
  return port;
}

front_door::front_door(work_loop& loop, front_door_config config)
  : loop_(loop), config_(std::move(config)), socket_(http_socket_of(config_.socket), privacy_around(config_.socket)),
    next_id_(ids()) {
  directory_ = loop_.system().spawn(
    [directory = app_directory_config{config_.apps, config_.control, config_.agent, config_.decode_spec}](
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
  door.warn = warn_of;
  door.last_words = in_http;
  door.on_client = [this](listener::client client) { serve(std::move(client)); };
  listener_ = std::make_unique<listener>(loop_, socket_.fd(), std::move(door));
  if (config_.port.socket.get() >= 0)
    listen_outside();
}

void front_door::listen_outside() {
  link_gate::config gate;
  gate.contexts.guests = config_.port.context;
  gate.only = link_kind::http;
  gate.on_client = [this](arrived client) { serve(std::move(client)); };
  gate.warn = warn_of;
  gate.guests_max = defaults::http_connections_max;
  gate.guests_per_address_max = defaults::http_connections_per_address_max;
  gate_ = std::make_unique<link_gate>(loop_, config_.port.socket.get(), std::move(gate));
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
  config.socket = std::make_shared<kj::AutoCloseFd>(kj::mv(client.socket));
  config.address = "unix";
  config.place = std::move(client.place);
  // Whoever can connect here is the user to whom the node belongs, and needs no token.
  config.judge = [](std::string_view) { return client_rights{}; };
  serve(std::move(config));
}

void front_door::serve(arrived client) {
  if (!client.place) {
    auto text = in_http(ec::queue_full, "This node serves as many connections as it can, or as one address may have.");
    const iovec part{text.data(), text.size()};
    // Who does not even take this learns from the end of the connection.
    [[maybe_unused]] const auto sent = client.tls->send({&part, 1});
    return;
  }
  http_connection_config config;
  config.socket = std::make_shared<kj::AutoCloseFd>(kj::mv(client.socket));
  config.channel = std::make_shared<std::unique_ptr<byte_channel>>(std::move(client.tls));
  config.address = std::move(client.address);
  config.is_encrypted = true;
  config.place = std::move(client.place);
  config.judge = [this](std::string_view token) { return judge(token); };
  serve(std::move(config));
}

std::variant<client_rights, http::refusal> front_door::judge(std::string_view text) const {
  if (text.empty())
    return unauthenticated("A token is needed: send it as `Authorization: Bearer TOKEN`; `hearth cluster token create` "
                           "makes one.");
  const auto token = parse_client_token(text);
  if (!token)
    return unauthenticated("This is no token of Hearth, or it was cut off; it begins with \"hearth-token-1-\".");
  auto judged = config_.judge(token->secret);
  if (const auto* why = std::get_if<failure>(&judged))
    return http::refusal{why->code == ec::unauthenticated ? 401 : 503, why->message};
  return std::get<client_rights>(std::move(judged));
}

void front_door::serve(http_connection_config config) {
  config.loop = &loop_;
  config.apps = config_.apps;
  config.pages = pages_;
  config.door = figures_;
  config.agent = config_.agent;
  config.next_id = [this] { return next_id_(); }; // one source for all: a copy of it would give the same ids again
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
