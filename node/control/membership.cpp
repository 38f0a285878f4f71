#include "node/control/membership.hpp"

#include "actors/switchboard.hpp"
#include "node/identity/files.hpp"
#include "node/paths.hpp"
#include "node/start_error.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace hearth::node {

membership::membership(work_loop& loop, membership_config config) : loop_(loop) {
  const auto id = node_id(config.state_directory);
  const auto self = parse_node_uuid(id);
  if (!self)
    throw start_error("The file that names this node in " + config.state_directory.string() + " holds `" + id
                      + "`, which is no UUID. Remove it, and the node gets a new one.");
  self_ = *self;
  auto control = control_of(config);
  controller_config actor;
  actor.self = self_;
  actor.voters = control.voters;
  actor.submit = [this](std::uint64_t number, cluster::command command) {
    control_->submit(number, std::move(command));
  };
  actor.read = [this](std::uint64_t number) { control_->read(number); };
  controller_ = loop_.system().spawn(
    [actor](controller_actor::stateful_pointer<controller_state> me) { return me->state.make_behavior(me, actor); });
  control_ = std::make_unique<control_loop>(std::move(control), loop_, listener());
  if (links_)
    spawn_cluster_cast(*config.disk);
}

void membership::spawn_cluster_cast(writer& disk) {
  switchboard_ = loop_.system().spawn(
    [board = switchboard_config{self_, controller_}](switchboard_actor::stateful_pointer<switchboard_state> me) {
      return me->state.make_behavior(me, board);
    });
  // What the control log says of members and tokens reaches the links.
  const control_watcher watcher = loop_.system().spawn(
    [this](control_watcher::pointer) -> control_watcher::behavior_type {
      return {[this](atom::events, const control::facts& facts) { hear(facts); }};
    });
  member_watcher_ = caf::actor_cast<caf::actor>(watcher);
  auto joins = std::make_shared<register_of_joins>(links_->directory(), links_->file());
  registrar_config registrar;
  registrar.joins = joins;
  registrar.control = controller_;
  registrar.disk = &disk;
  registrar.back_up = [this](const std::filesystem::path& target) { control_->backup(target); };
  registrar.now = [] { return std::chrono::system_clock::now(); };
  registrar.authority = links_->authority_fingerprint();
  registrar_ = loop_.system().spawn(node::registrar, registrar);
  desk_ = std::make_unique<join_desk>(
    loop_, desk_of(registrar_, joins, [](std::string_view what) { spdlog::warn("{}", what); }));
  links_->on_join = [this](arrived connection) { desk_->receive(std::move(connection)); };
}

void membership::hear(const control::facts& facts) {
  for (const auto& fact : facts) {
    if (const auto* member = std::get_if<control::member_changed>(&fact))
      links_->learn(member->now);
    else if (const auto* tokens = std::get_if<control::tokens_changed>(&fact); tokens && client_desk_)
      client_desk_->learn(*tokens);
    else if (const auto* standing = std::get_if<control::standing>(&fact); standing && client_desk_)
      client_desk_->learn(*standing);
  }
}

void membership::serve_clients(std::function<connection_actor(arrived, client_rights)> serve) {
  if (!links_)
    return;
  client_desk::config config;
  config.serve = std::move(serve);
  config.now = [] { return std::chrono::system_clock::now(); };
  config.warn = [](std::string_view what) { spdlog::warn("{}", what); };
  client_desk_ = std::make_unique<client_desk>(loop_, std::move(config));
  links_->on_client = [this](arrived connection) { client_desk_->receive(std::move(connection)); };
}

std::variant<client_rights, failure> membership::judge(std::string_view secret) const {
  if (client_desk_)
    return client_desk_->judge(secret);
  return failure{ec::unauthenticated, "This node is not of a cluster and has given nobody a token."};
}

control_config membership::control_of(const membership_config& config) {
  const auto directory = cluster_directory(config.state_directory);
  auto file = read_cluster_file(directory);
  if (!file)
    return control_alone(config);
  if (file->node != self_)
    throw start_error(directory.string() + " belongs to node " + to_string(file->node) + ", and this is "
                      + to_string(self_) + ". Was the directory copied? Let this node join for itself.");
  control_config control;
  control.self = self_;
  control.name = file->name;
  control.address = to_string(file->listen);
  control.capacity = config.capacity;
  control.directory = config.state_directory / "control";
  control.voters = file->voters;
  control.founders.push_back({self_, file->name, control.address});
  for (const auto& peer : file->peers)
    control.founders.push_back({peer.node, peer.name, to_string(peer.address)});
  control.versions_ahead = config.versions_ahead;
  links_ = std::make_unique<cluster_links>(loop_, directory, std::move(*file), config.versions_ahead);
  links_->on_fatal = [this](const failure& why) { on_fatal_(why); };
  control.connect = [this](work_loop& loop, cluster::transport::observer& observer) {
    return links_->connect_control(loop, observer, control_->incarnation(), control_->process());
  };
  return control;
}

control_config membership::control_alone(const membership_config& config) const {
  control_config control;
  control.self = self_;
  control.name = config.name;
  control.capacity = config.capacity;
  control.directory = config.state_directory / "control";
  control.voters = {self_};
  control.founders = {{self_, config.name, {}}};
  return control;
}

control_listener membership::listener() {
  control_listener hears;
  hears.on_image = [this](control::image_ptr image) {
    caf::anon_send(controller_, atom::attach::value, std::move(image));
  };
  hears.on_entries = [this](control::entries entries) {
    caf::anon_send(controller_, atom::append::value, std::move(entries));
  };
  hears.on_consensus = [this](control::consensus now) {
    caf::anon_send(controller_, atom::status::value, std::move(now));
  };
  hears.on_decided = [this](std::uint64_t number, cluster::outcome outcome) {
    caf::anon_send(controller_, atom::done::value, number, std::move(outcome));
  };
  hears.on_fatal = [this](const failure& why) { on_fatal_(why); };
  hears.lease = lease_;
  return hears;
}

void membership::start(std::function<void(const failure&)> on_fatal, node_parts parts) {
  on_fatal_ = std::move(on_fatal);
  if (!links_)
    return control_->start();
  caf::anon_send(switchboard_, atom::attach::value, std::move(parts));
  caf::anon_send(controller_, atom::watch::value, caf::actor_cast<control_watcher>(member_watcher_));
  control_->start(); // the control log's endpoint is there when this returns
  links_->open(switchboard_, control_->incarnation(), control_->process());
}

void membership::stop(std::chrono::milliseconds patience) {
  control_->stop(patience);
  if (links_)
    links_->close();
  desk_.reset();
  client_desk_.reset();
}

session_cluster membership::for_sessions() const {
  session_cluster cluster;
  cluster.control = controller_;
  if (links_) {
    cluster.name = links_->file().cluster_name;
    cluster.self = self_;
    cluster.registrar = registrar_;
  }
  return cluster;
}

std::vector<std::pair<caf::actor, const char*>> membership::actors() const {
  std::vector<std::pair<caf::actor, const char*>> all{{caf::actor_cast<caf::actor>(controller_), "controller"}};
  if (switchboard_) {
    all.emplace_back(caf::actor_cast<caf::actor>(switchboard_), "switchboard");
    all.emplace_back(member_watcher_, "watcher of members");
    all.emplace_back(caf::actor_cast<caf::actor>(registrar_), "registrar");
  }
  return all;
}

} // namespace hearth::node
