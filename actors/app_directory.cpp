#include "actors/app_directory.hpp"

#include "core/defaults_http.hpp"

#include <utility>
#include <variant>

namespace hearth {

app_directory_actor::behavior_type app_directory_state::make_behavior(app_directory_actor::pointer self,
                                                                      app_directory_config config) {
  self_ = self;
  config_ = std::move(config);
  self_->send(config_.control, atom::watch::value,
              caf::actor_cast<control_watcher>(caf::strong_actor_ptr(self_->ctrl())));
  return {
    [this](atom::events, const control::facts& facts) { take(facts); },
    [this](atom::tick) {
      is_looking_ = false;
      look();
    },
  };
}

void app_directory_state::take(const control::facts& facts) {
  for (const auto& fact : facts)
    if (const auto* deployed = std::get_if<control::deployed_changed>(&fact)) {
      take(*deployed);
    } else if (const auto* owner = std::get_if<control::owner_changed>(&fact)) {
      if (!owner->now.node)
        opened_.erase(owner->key); // its next owner has to hear of it
    } else if (const auto* standing = std::get_if<control::standing>(&fact)) {
      holds_ = standing->holds;
    }
  look();
}

void app_directory_state::take(const control::deployed_changed& fact) {
  auto spec = config_.decode_spec(fact.spec);
  if (!spec || !spec->is_app())
    return config_.table->erase(fact.key); // a set of tasks may take the name of an app
  opened_.erase(fact.key);
  config_.table->put(std::move(spec));
}

/// An app that keeps replicas without requests is opened where it has no owner; whoever may act does it, and it is the same
/// for all: the control log makes one of them the owner.
void app_directory_state::look() {
  if (!holds_)
    return;
  for (const auto& [key, spec] : config_.table->all())
    if (!spec->app.inactive && spec->reuse.min_replicas > 0 && !opened_.contains(key))
      open(spec);
}

void app_directory_state::open(const spec_ptr& spec) {
  opened_.insert(spec->key());
  self_->request(config_.agent, defaults::inner_request_timeout, atom::open::value, spec, true)
    .then([](const opened_environment&) { /* it lives */ },
          [this, key = spec->key()](const caf::error&) {
            opened_.erase(key);
            look_soon();
          });
}

void app_directory_state::look_soon() {
  if (std::exchange(is_looking_, true))
    return;
  self_->delayed_send(self_, defaults::app_open_pause, atom::tick::value);
}

} // namespace hearth
