#include "node/interpreter/foundry.hpp"

#include "actors/error.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <utility>

namespace hearth::node {

namespace {

std::string place_of(const std::string& key, const std::string& version) { return key + '@' + version; }

} // namespace

void foundry_state::start(replica_order& order) {
  const auto spec = order.spec;
  if (auto why = unusable_python(*spec)) {
    self_->send(order.replica, atom::unmade::value, std::move(*why));
    return;
  }
  if (auto why = unusable_isolation(tools_->isolation, *spec)) {
    self_->send(order.replica, atom::unmade::value, std::move(*why));
    return;
  }
  auto& place = workshops_[place_of(spec->key(), spec->version)];
  if (!place)
    place = std::make_shared<workshop>(*tools_, spec);
  if (!stopping_.empty())
    place->stop();
  const auto shop = place;
  if (shop->take(std::move(order)))
    self_->request(bundles_, defaults::inner_request_timeout, atom::open::value, spec->bundle)
      .then([this, shop, spec](const std::string& directory) { launch(shop, spec, directory); },
            [this, shop](const caf::error& error) {
              shop->refuse(failure_of(error));
              tick_soon();
            });
  look_again();
}

/// One `open` per workshop is kept; it ends with the workshop.
void foundry_state::launch(const std::shared_ptr<workshop>& shop, const spec_ptr& spec, const std::string& directory) {
  const auto place = place_of(spec->key(), spec->version);
  if (workshops_.count(place) == 0 || !bundles_in_use_.emplace(place, spec->bundle).second)
    on_bundle_unused_(spec->bundle);
  shop->launch(directory);
}

/// Reading page tables takes milliseconds per replica, which calls on the loop would feel: a thread does it.
void foundry_state::look_at_memory(bool with_growth) {
  if (is_looking_) // what it finds sets the timers again
    return;
  std::vector<std::shared_ptr<interpreter_link>> limited, grown;
  for (const auto& [place, shop] : workshops_) {
    shop->limited(limited);
    if (with_growth)
      shop->grown(grown);
  }
  std::vector<looked_at> links;
  std::vector<memory_bound> bounds;
  const auto add = [&](const std::shared_ptr<interpreter_link>& link, bool is_measured) {
    links.push_back({link, is_measured});
    bounds.push_back({link->pid(), is_measured ? 0 : link->watched_limit()});
  };
  for (const auto& link : grown)
    add(link, true);
  for (const auto& link : limited)
    if (std::find(grown.begin(), grown.end(), link) == grown.end())
      add(link, false);
  if (links.empty())
    return look_again();
  if (!watcher_)
    watcher_.emplace(0); // one look at a time
  is_looking_ = watcher_->submit(
    0, [this, door = foundry_shell(self_), links = std::move(links), bounds = std::move(bounds)] {
      completion then = [this, links, used = excesses(bounds)] { found(links, used); };
      caf::anon_send(door, atom::tick::value, std::move(then));
    });
  if (!is_looking_)
    look_again();
}

void foundry_state::found(const std::vector<looked_at>& links, const std::vector<std::uint64_t>& used) {
  is_looking_ = false;
  for (std::size_t i = 0; i < links.size(); ++i) {
    const auto link = links[i].link.lock();
    if (!link || used[i] == 0)
      continue;
    if (link->watched_limit() != 0 && used[i] > link->watched_limit())
      link->exceeded_memory(used[i]);
    else if (links[i].is_measured)
      link->measured(used[i]);
  }
  look_again();
}

void foundry_state::look_again() {
  const auto any = [this](auto is_so) {
    return std::any_of(workshops_.begin(), workshops_.end(), [&](const auto& entry) { return is_so(*entry.second); });
  };
  if (!memory_timer_->is_set() && any([](const workshop& shop) { return shop.is_limited(); }))
    memory_timer_->set(defaults::memory_watch_interval);
  if (!growth_timer_->is_set() && any([](const workshop& shop) { return shop.may_grow(); }))
    growth_timer_->set(defaults::memory_growth_interval);
}

void foundry_state::tick_soon() {
  if (!std::exchange(tick_is_coming_, true))
    caf::anon_send(foundry_shell(self_), atom::tick::value);
}

/// Something ended.
void foundry_state::tick() {
  tick_is_coming_ = false;
  if (orphans_)
    orphans_->look_soon();
  for (const auto& [place, shop] : workshops_)
    shop->tidy();
  std::erase_if(workshops_, [this](const auto& entry) {
    const bool is_over = entry.second->forgotten() && entry.second->empty();
    if (is_over)
      if (const auto held = bundles_in_use_.extract(entry.first); !held.empty())
        on_bundle_unused_(held.mapped());
    return is_over;
  });
  if (stopping_.empty() || !is_empty())
    return;
  for (auto& promise : std::exchange(stopping_, {}))
    promise.deliver(true);
}

bool foundry_state::is_empty() {
  return std::all_of(workshops_.begin(), workshops_.end(), [](const auto& entry) { return entry.second->empty(); })
         && (!orphans_ || orphans_->none_left());
}

foundry_shell::behavior_type foundry_state::make_behavior(foundry_shell::pointer self, const foundry_config& config) {
  self_ = self;
  bundles_ = config.bundles;
  on_bundle_unused_ = config.on_bundle_unused;
  tools_.emplace(workshop_tools{config.loop, config.boot, config.variables, config.default_python,
                                config.default_memory_limit, config.force_spawn, config.sets_gpus, config.cpu_bars,
                                config.groups, config.isolation, [this] { tick_soon(); }});
  memory_timer_ = std::make_unique<loop_timer>(config.loop.timers(), [this] { look_at_memory(false); });
  growth_timer_ = std::make_unique<loop_timer>(config.loop.timers(), [this] { look_at_memory(true); });
  kernel_ended_for_memory(); // what happened before us does not count
  if (config.ends_orphans) {
    const auto is_known = [this, of_others = config.is_known_child](pid_t pid) {
      return of_others(pid) || std::any_of(workshops_.begin(), workshops_.end(), [pid](const auto& entry) {
               return entry.second->knows(pid);
             });
    };
    const auto in_sandboxes = [this] {
      std::vector<pid_t> strays;
      for (const auto& [place, shop] : workshops_)
        shop->strays(strays);
      return strays;
    };
    orphans_ = std::make_unique<orphans>(config.loop, is_known, in_sandboxes);
    orphans_->on_change([this] { tick_soon(); });
  }
  return {
    [this](atom::start, replica_order& order) { start(order); },
    [this](atom::forget, const std::string& key, const std::string& version) {
      if (const auto found = workshops_.find(place_of(key, version)); found != workshops_.end())
        found->second->forget();
      tick_soon();
    },
    [this](atom::list) {
      std::vector<std::pair<replica_id, std::uint64_t>> rows;
      for (const auto& [place, shop] : workshops_)
        shop->list(rows);
      return rows;
    },
    [this](atom::stop) {
      auto promise = self_->make_response_promise<caf::typed_response_promise<bool>>();
      stopping_.push_back(promise);
      for (const auto& [place, shop] : workshops_)
        shop->stop();
      tick_soon();
      return promise;
    },
    [this](atom::tick) { tick(); },
    [](atom::tick, completion& then) { then(); },
  };
}

foundry_actor spawn_foundry(const foundry_config& config) {
  return config.loop.system().spawn(
    [config](foundry_shell::stateful_pointer<foundry_state> self) { return self->state.make_behavior(self, config); });
}

} // namespace hearth::node
