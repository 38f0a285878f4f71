#pragma once

#include "node/identity/authority.hpp"
#include "node/link/endpoint.hpp"
#include "node/link/gate.hpp"
#include "node/link/tcp.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace hearth::test {

/// Nodes of a test are numbered; the lower number dials.
inline node_uuid numbered(std::uint64_t number) { return {0x0192'0000'0000'4000, 0x8000'0000'0000'0000 + number}; }

inline bytes frame_of(std::string_view text) { return bytes::copy_of(text); }

/// What an endpoint has told.
struct link_recorder final : cluster::transport::observer {
  struct heard {
    node_uuid peer;
    cluster::channel on;
    std::string frame;
  };
  struct ended {
    node_uuid peer;
    std::uint64_t incarnation;
    std::string reason;
  };

  std::vector<std::pair<node_uuid, std::uint64_t>> ups;
  std::vector<heard> frames;
  std::size_t frames_heard = 0;
  bool keeps_frames = true;
  std::vector<std::pair<node_uuid, cluster::channel>> rooms;
  std::vector<ended> downs;
  std::vector<std::pair<node_uuid, std::uint64_t>> gone;
  std::function<void(node_uuid, cluster::channel, const bytes&)> on_each;

  void on_up(node_uuid peer, std::uint64_t incarnation) override { ups.emplace_back(peer, incarnation); }
  void on_frame(node_uuid peer, cluster::channel on, bytes frame) override {
    ++frames_heard;
    if (keeps_frames)
      frames.push_back({peer, on, std::string(frame.view())});
    if (on_each)
      on_each(peer, on, frame);
  }
  void on_room(node_uuid peer, cluster::channel on) override { rooms.emplace_back(peer, on); }
  void on_down(node_uuid peer, std::uint64_t incarnation, const std::string& reason) override {
    downs.push_back({peer, incarnation, reason});
  }
  void on_gone(node_uuid peer, std::uint64_t incarnation) override { gone.emplace_back(peer, incarnation); }
};

/// How a node of a test differs from others.
struct link_node_options {
  std::uint64_t incarnation = 1;
  std::uint64_t process = 0; // 0: one of its own
  std::uint16_t port = 0;
  node::link_self self_changes;
  bool has_changes = false;
  std::size_t strangers_max = defaults::link_strangers_max;
  std::size_t strangers_per_address_max = defaults::link_strangers_per_address_max;
};

/// A node reduced to its links: a gate and two endpoints.
struct link_node {
  using options = link_node_options;

  node_uuid id;
  std::set<node_uuid> members;
  std::vector<std::string> warnings;
  std::set<node_uuid> removed;              // of those, once
  std::vector<node::link_refusal> expelled; // what peers say when this node has to end
  kj::AutoCloseFd socket;
  link_recorder control_heard;
  link_recorder work_heard;
  std::vector<node::arrived> clients;
  std::vector<node::arrived> joining;
  node::link_endpoint control;
  node::link_endpoint work;
  node::link_gate gate;

  static std::uint64_t new_process() {
    static std::uint64_t count = 1000;
    return ++count;
  }

  static node::link_self self_of(node_uuid cluster, node_uuid id, const options& o) {
    if (o.has_changes)
      return o.self_changes;
    return {cluster, id, o.incarnation, o.process ? o.process : new_process()};
  }

  link_node(work_loop& loop, const node::credentials& own, node_uuid cluster, node_uuid id, options o = {})
    : link_node(loop, own, self_of(cluster, id, o), id, o) {}

  std::uint16_t port() const { return node::port_of(socket.get()); }
  node::link_address address() const { return {"127.0.0.1", port()}; }

  void knows(const link_node& peer) { knows(peer.id, peer.address()); }
  void knows(node_uuid peer, const node::link_address& at) {
    members.insert(peer);
    control.set_peer(peer, at);
    work.set_peer(peer, at);
  }

  bool is_up(node_uuid peer) const { return control.is_up(peer) && work.is_up(peer); }

  bool was_warned_of(std::string_view what) const {
    for (const auto& warning : warnings)
      if (warning.find(what) != std::string::npos)
        return true;
    return false;
  }

private:
  link_node(work_loop& loop, const node::credentials& own, const node::link_self& self, node_uuid id, const options& o)
    : id(id), socket(node::listen_at({"127.0.0.1", o.port})),
      control(loop, {self, {cluster::channel::control}, node::tls_context::of_member_dialing(own), warn(), ends()},
              control_heard),
      work(loop,
           {self,
            {cluster::channel::calls, cluster::channel::bulk},
            node::tls_context::of_member_dialing(own),
            warn(),
            ends()},
           work_heard),
      gate(loop, socket.get(), gate_config(own, self.cluster, o)) {}

  std::function<void(std::string_view)> warn() {
    return [this](std::string_view what) { warnings.emplace_back(what); };
  }

  std::function<void(const node::link_refusal&)> ends() {
    return [this](const node::link_refusal& why) { expelled.push_back(why); };
  }

  node::link_gate::config gate_config(const node::credentials& own, node_uuid cluster, const options& o) {
    node::link_gate::config config;
    config.contexts = {
      node::tls_context::of_member_accepting(own, [this](node_uuid peer) { return removed.contains(peer); }),
      node::tls_context::for_guests(own)};
    config.cluster = cluster;
    config.is_member = [this](node_uuid peer) { return members.contains(peer); };
    config.on_peer = [this](node::arrived connection) {
      auto& to = connection.kind == node::link_kind::control ? control : work;
      to.adopt(std::move(connection));
    };
    config.on_client = [this](node::arrived connection) { clients.push_back(std::move(connection)); };
    config.on_join = [this](node::arrived connection) { joining.push_back(std::move(connection)); };
    config.warn = warn();
    config.strangers_max = o.strangers_max;
    config.strangers_per_address_max = o.strangers_per_address_max;
    return config;
  }
};

/// A loop, a cluster's authority, and nodes of it.
struct link_fixture : loop_fixture {
  scratch directory;
  node::authority authority = node::authority::create(directory / "cluster", "test");

  node::credentials credentials_of(std::uint64_t number) {
    return authority.issue(numbered(number), "n" + std::to_string(number), defaults::certificate_validity);
  }

  std::unique_ptr<link_node> make_node(std::uint64_t number, link_node::options o = {}) {
    return std::make_unique<link_node>(loop, credentials_of(number), authority.cluster(), numbered(number), o);
  }

  static void introduce(link_node& a, link_node& b) {
    a.knows(b);
    b.knows(a);
  }

  void run_until_up(const link_node& a, const link_node& b) {
    BOOST_REQUIRE(run_until([&] { return a.is_up(b.id) && b.is_up(a.id); }));
  }
};

} // namespace hearth::test
