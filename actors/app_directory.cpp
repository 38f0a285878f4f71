#include "actors/app_directory.hpp"

#include "actors/error.hpp"
#include "core/defaults_http.hpp"

#include <map>
#include <string>
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
    [this](atom::list) { return list(); },
    [this](atom::find, const std::string& key) { return find(key); },
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
  const auto spec = fact.version.empty() ? nullptr : config_.decode_spec(fact.spec);
  if (!spec || !spec->is_app())
    return config_.table->erase(fact.key); // a set of tasks may take the name of an app
  opened_.erase(fact.key);
  config_.table->put(spec);
}

caf::result<spec_ptr> app_directory_state::find(const std::string& key) const {
  const auto found = config_.table->all().find(key);
  if (found == config_.table->all().end())
    return error_of(
      {ec::unknown_environment, "There is no app " + key + "; `hearth get apps` lists those that there are."});
  return found->second.spec;
}

/// An app that keeps replicas without requests is opened where it has no owner; whoever may act does it, and it is the same
/// for all: the control log makes one of them the owner.
void app_directory_state::look() {
  if (!holds_)
    return;
  for (const auto& [key, app] : config_.table->all())
    if (!app.spec->app.inactive && app.spec->reuse.min_replicas > 0 && !opened_.contains(key))
      open(app.spec);
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

// -- listings ----

namespace {

/// What is deployed, before anything is known of a pool.
app_row row_of(const environment_spec& spec) {
  app_row row;
  row.project = spec.project;
  row.domain = spec.domain;
  row.name = spec.name;
  row.version = spec.version;
  row.kind = spec.app.kind;
  row.state = spec.app.inactive ? "inactive" : "idle";
  row.hosts = spec.app.hosts;
  row.min_replicas = spec.reuse.min_replicas;
  row.max_replicas = spec.reuse.max_replicas;
  row.concurrency = spec.reuse.concurrency;
  row.requires_auth = spec.app.requires_auth;
  row.metric = spec.app.metric;
  row.target = spec.app.target;
  row.scaledown_ms = static_cast<std::uint64_t>(spec.reuse.scaledown_ttl.count());
  return row;
}

/// Pools of other versions finish what they have: their replicas are the app's as well.
void add_pool(app_part& into, const environment_row& pool) {
  into.has_pool = true;
  auto& row = into.row;
  row.replicas += pool.replicas;
  row.starting += pool.starting;
  row.running += pool.running;
  row.waiting += pool.queued;
  row.starts += pool.cold_starts;
  row.draining += pool.draining;
  if (pool.version != row.version)
    return;
  if (row.state != "inactive")
    row.state = pool.state;
  row.serving = pool.replicas;
  row.message = pool.message;
  row.failure = pool.failure;
  row.retry_ms = pool.retry_ms;
  row.failed_replica = pool.failed_replica;
  row.waiting_for = pool.waiting;
}

} // namespace

caf::result<std::vector<app_part>> app_directory_state::list() {
  auto promise = self_->make_response_promise<std::vector<app_part>>();
  self_->request(config_.agent, defaults::inner_request_timeout, atom::list::value)
    .then(
      [this, promise](const std::vector<environment_row>& pools, const std::vector<replica_row>&) mutable {
        std::map<std::string, app_part> parts;
        for (const auto& [key, app] : config_.table->all()) {
          auto& part = parts[key];
          part.row = row_of(*app.spec);
          app.figures->tell(part, self_->clock().now());
        }
        for (const auto& pool : pools)
          if (const auto at = parts.find(pool.project + '/' + pool.domain + '/' + pool.name); at != parts.end())
            add_pool(at->second, pool);
        std::vector<app_part> all;
        all.reserve(parts.size());
        for (auto& [key, part] : parts)
          all.push_back(std::move(part));
        promise.deliver(std::move(all));
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

} // namespace hearth
