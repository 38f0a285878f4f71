#include "node/control/membership.hpp"

#include "node/paths.hpp"
#include "node/start_error.hpp"

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
  controller_ = loop_.system().spawn([actor](controller_actor::stateful_pointer<controller_state> me) {
    return me->state.make_behavior(me, actor);
  });
  control_ = std::make_unique<control_loop>(std::move(control), loop_, listener());
}

control_config membership::control_of(const membership_config& config) const {
  control_config control;
  control.self = self_;
  control.name = config.name;
  control.capacity = config.capacity;
  control.directory = config.state_directory / "control";
  control.voters = {self_};
  control.founders = {{self_, config.name}};
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
  return hears;
}

void membership::start(std::function<void(const failure&)> on_fatal) {
  on_fatal_ = std::move(on_fatal);
  control_->start();
}

} // namespace hearth::node
