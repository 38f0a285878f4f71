#include "node/control/links.hpp"

#include "node/link/tcp.hpp"
#include "node/start_error.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace hearth::node {

namespace {

void warn(std::string_view what) { spdlog::warn("{}", what); }

} // namespace

cluster_links::cluster_links(work_loop& loop, const std::filesystem::path& directory, cluster_file file,
                             std::uint32_t versions_ahead)
  : loop_(loop), directory_(directory), file_(std::move(file)), versions_ahead_(versions_ahead),
    own_(read_credentials(directory, file_.node)), socket_(listen_at(file_.listen)),
    dialing_(tls_context::of_member_dialing(own_)) {
  for (const auto& peer : file_.peers)
    peers_.emplace(peer.node, known_peer{peer.address});
}

cluster_links::~cluster_links() { close(); }

link_self cluster_links::self_with(std::uint64_t incarnation, std::uint64_t process) const {
  link_self self;
  self.cluster = file_.cluster;
  self.node = file_.node;
  self.incarnation = incarnation;
  self.process = process;
  self.version += versions_ahead_;
  self.version_min = std::max(self.version_min, self.version - 1);
  return self;
}

link_endpoint::config cluster_links::endpoint_of(link_self self, std::vector<channel> channels) {
  const auto on_expelled = [this](const link_refusal& why) {
    const auto what = why.is_removed ? "was removed from cluster " + file_.cluster_name
                                         + " for good. With an empty state directory it can join again."
                                     : "was started from an old copy of its state directory: it " + why.sentence
                                         + ". Give it an empty one and join again.";
    loop_.post([this, what] { on_fatal({ec::not_a_member, "Node " + file_.name + " " + what}); });
  };
  return {self, std::move(channels), dialing_, warn, on_expelled};
}

std::unique_ptr<cluster::transport> cluster_links::connect_control(work_loop& control,
                                                                   cluster::transport::observer& observer,
                                                                   std::uint64_t incarnation, std::uint64_t process) {
  auto config = endpoint_of(self_with(incarnation, process), {channel::control});
  auto endpoint = std::make_unique<link_endpoint>(control, std::move(config), observer);
  for (const auto& peer : file_.peers)
    endpoint->set_peer(peer.node, peer.address);
  control_loop_ = &control;
  control_endpoint_ = endpoint.get();
  return endpoint;
}

void cluster_links::open(const switchboard_actor& switchboard, std::uint64_t incarnation, std::uint64_t process) {
  board_ = std::make_unique<peer_board>(loop_.system(), switchboard);
  auto config = endpoint_of(self_with(incarnation, process), {channel::calls, channel::bulk});
  calls_ = std::make_unique<link_endpoint>(loop_, std::move(config), *board_);
  board_->attach(*calls_);
  for (const auto& peer : file_.peers)
    calls_->set_peer(peer.node, peer.address);
  const auto is_removed = [this](node_uuid node) {
    const auto peer = peers_.find(node);
    return peer != peers_.end() && !peer->second.is_member;
  };
  link_gate::config gate;
  gate.contexts = {tls_context::of_member_accepting(own_, is_removed), tls_context::for_guests(own_)};
  gate.cluster = file_.cluster;
  gate.is_member = [this](node_uuid node) {
    const auto peer = peers_.find(node);
    return peer != peers_.end() && peer->second.is_member;
  };
  gate.on_peer = [this](arrived connection) { admit(std::move(connection)); };
  gate.on_join = on_join;
  gate.on_client = on_client;
  gate.warn = warn;
  gate_ = std::make_unique<link_gate>(loop_, socket_.get(), std::move(gate));
  look_ = loop_.after(defaults::link_look_interval, [this] {
    look_->set(defaults::link_look_interval);
    board_->look();
  });
  spdlog::info("node {} of cluster {} listens at {}", file_.name, file_.cluster_name, to_string(file_.listen));
}

void cluster_links::close() {
  look_.reset();
  gate_.reset();
  calls_.reset();
  board_.reset();
  control_endpoint_ = nullptr;
  control_loop_ = nullptr;
}

void cluster_links::admit(arrived connection) {
  if (connection.kind != link_kind::control)
    calls_->adopt(std::move(connection));
  else if (control_endpoint_)
    control_endpoint_->adopt(std::move(connection));
}

void cluster_links::learn(const member_row& member) {
  if (member.node == file_.node)
    return;
  auto& peer = peers_[member.node];
  peer.is_member = !member.is_removed;
  if (member.is_removed) {
    const std::string why = "it was removed from the cluster";
    calls_->remove_peer(member.node, why);
    tell_control([node = member.node, why](link_endpoint& control) { control.remove_peer(node, why); });
    return;
  }
  const auto address = parse_link_address(member.address);
  if (!address || *address == peer.address)
    return;
  peer.address = *address;
  calls_->set_peer(member.node, *address);
  tell_control([node = member.node, address](link_endpoint& control) { control.set_peer(node, *address); });
}

void cluster_links::tell_control(std::function<void(link_endpoint&)> what) {
  if (control_loop_)
    control_loop_->post([endpoint = control_endpoint_, what = std::move(what)] { what(*endpoint); });
}

} // namespace hearth::node
