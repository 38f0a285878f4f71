#include "actors/controller.hpp"

#include "actors/error.hpp"

#include <algorithm>
#include <utility>

namespace hearth {

using namespace cluster;

namespace {

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

} // namespace

// -- the log ----

void controller_state::attach(const control::image_ptr& image) {
  state_.emplace(*image);
  std::vector<call_id> gone;
  for (const auto& [root, run] : runs_)
    if (!state_->find_run(root))
      gone.push_back(root);
  for (auto root : gone)
    forget(root);
  settle_standing();
  for (auto& fact : everything())
    tell(std::move(fact));
  for (const auto& [name, run] : state_->image().runs)
    refresh(name);
  flush();
}

void controller_state::append(const control::entries& entries) {
  for (const auto& entry : entries) {
    if (entry.index <= state_->applied())
      continue; // in the image already
    if (!entry.command) {
      state_->pass(entry.index);
      continue;
    }
    for (const auto& fact : state_->apply(entry.index, *entry.command).facts)
      take(fact);
  }
  flush();
}

void controller_state::take(const fact& fact) {
  const auto member_of = [this](node_uuid node) {
    if (const auto* found = state_->find_member(node))
      tell(control::member_changed{row_of(*found)});
    if (node == config_.self)
      settle_standing();
  };
  std::visit(overloaded{
               [&](const facts::member_changed& f) { member_of(f.node); },
               [&](const facts::seat_began& f) { member_of(f.node); },
               [&](const facts::seat_ended& f) { member_of(f.node); },
               [&](const facts::voters_changed&) {
                 for (const auto& [node, member] : state_->image().members)
                   member_of(node);
               },
               [&](const facts::spec_put& f) {
                 if (auto deployed = deployed_of(f.key); deployed && deployed->version == f.version)
                   tell(std::move(*deployed));
               },
               [&](const facts::undeployed& f) {
                 tell(control::deployed_changed{f.key, {}, {}});
               },
               [&](const facts::owner_changed& f) {
                 tell(control::owner_changed{f.key, owner_of(f.key)});
               },
               [&](const facts::run_accepted& f) { refresh(f.name); },
               [&](const facts::run_claimed& f) { refresh(f.name); },
               [&](const facts::run_orphaned& f) { refresh(f.name); },
               [&](const facts::run_rehomed& f) { refresh(f.name); },
               [&](const facts::run_abort_wanted& f) { refresh(f.name); },
               [&](const facts::run_ended& f) { refresh(f.name); },
               [&](const facts::run_forgotten& f) { forget(f.root); },
               [&](const facts::token_changed&) {
                 tell(control::tokens_changed{std::make_shared<const std::vector<token_record>>(tokens())});
               },
               [&](const facts::generation_raised&) { tell(generations()); },
               [&](const facts::cache_limited&) { tell(cache_limits()); },
               [](const auto&) { /* nobody here reacts to it */ },
             },
             fact);
}

void controller_state::refresh(const std::string& run_name) {
  const auto* run = state_->find_run(run_name);
  if (!run)
    return; // forgotten by the same entry
  auto now = durable(*run);
  runs_.insert_or_assign(run->order.root, now);
  tell(control::run_changed{std::move(now)});
}

void controller_state::forget(call_id root) {
  if (auto known = runs_.extract(root); !known.empty())
    tell(control::run_forgotten{std::move(known.mapped())});
}

void controller_state::settle_standing() {
  control::standing now;
  // A node that starts finds the seat of its former life on its disk: what that had has gone on elsewhere meanwhile.
  const auto* seat = state_->find_seat(consensus_.seat);
  now.holds = seat && consensus_.has_lease;
  now.seat = seat ? seat->seat : seat_id{};
  if (!now.holds)
    now.why_not = !consensus_.why_not.empty() ? consensus_.why_not
                                              : "This node has no seat in its cluster yet; try again in a moment.";
  if (now.holds == standing_.holds && now.seat == standing_.seat && now.why_not == standing_.why_not)
    return;
  standing_ = now;
  tell(std::move(now));
}

// -- as actors know it ----

durable_run_ptr controller_state::durable(const run_record& run) const {
  auto d = std::make_shared<durable_run>();
  d->submitted = run.order;
  d->attempt = run.attempt;
  d->is_claimed = run.phase == run_phase::claimed;
  d->seat = run.home;
  if (const auto* seat = state_->find_seat(run.home))
    d->home = seat->node;
  d->is_to_end = run.abort_wanted;
  d->abort_reason = run.abort_reason;
  if (!run.open())
    d->end = run.end;
  return d;
}

member_row controller_state::row_of(const member& member) const {
  member_row row;
  row.node = member.node;
  row.name = member.name;
  row.draining = member.draining;
  row.is_removed = member.removed;
  row.address = member.address;
  row.incarnation = member.incarnation;
  const auto& voters = state_->image().voters;
  row.is_voter = std::find(voters.begin(), voters.end(), member.node) != voters.end();
  row.is_leader = member.node == consensus_.leader;
  if (const auto* seat = state_->seat_of(member.node)) {
    row.seat = seat->seat;
    row.capacity = seat->capacity;
  }
  return row;
}

ownership controller_state::owner_of(const std::string& key) const {
  const auto [seat, epoch] = state_->owner_of(key);
  const auto* record = state_->find_seat(seat);
  const bool is_former = record && record->node == config_.self && seat != standing_.seat;
  return {record && !is_former ? record->node : node_uuid{}, seat, epoch};
}

std::vector<token_record> controller_state::tokens() const {
  std::vector<token_record> all;
  for (const auto& [name, token] : state_->image().tokens)
    all.push_back(token);
  return all;
}

std::optional<control::deployed_changed> controller_state::deployed_of(const std::string& key) const {
  const auto& environments = state_->image().environments;
  const auto found = environments.find(key);
  if (found == environments.end())
    return std::nullopt;
  const auto spec = found->second.specs.find(found->second.deployed);
  if (spec == found->second.specs.end())
    return std::nullopt;
  return control::deployed_changed{key, spec->first, spec->second.spec};
}

control::generations_changed controller_state::generations() const {
  return {std::make_shared<const std::map<std::string, log_index>>(state_->image().cache_generations)};
}

control::cache_limits_changed controller_state::cache_limits() const {
  return {std::make_shared<const std::map<std::string, cache_limit>>(state_->image().cache_limits)};
}

control::facts controller_state::everything() const {
  control::facts all{control::tokens_changed{std::make_shared<const std::vector<token_record>>(tokens())},
                     generations(), cache_limits(), standing_};
  const auto& image = state_->image();
  for (const auto& [node, member] : image.members)
    if (!member.removed)
      all.push_back(control::member_changed{row_of(member)});
  for (const auto& [key, environment] : image.environments) {
    all.push_back(control::owner_changed{key, owner_of(key)});
    if (auto deployed = deployed_of(key))
      all.push_back(std::move(*deployed));
  }
  return all;
}

// -- actors ----

void controller_state::watch(const control_watcher& watcher) {
  self_->monitor(watcher);
  watchers_.push_back(watcher);
  auto all = everything();
  std::vector<durable_run_ptr> runs;
  for (const auto& [root, run] : runs_)
    runs.push_back(run);
  std::sort(runs.begin(), runs.end(), [this](const auto& a, const auto& b) { // in the order of their acceptance
    const auto* x = state_->find_run(a->submitted.root);
    const auto* y = state_->find_run(b->submitted.root);
    return (x ? x->accepted : 0) < (y ? y->accepted : 0);
  });
  for (auto& run : runs)
    all.push_back(control::run_changed{std::move(run)});
  self_->send(watcher, atom::events::value, std::move(all));
}

void controller_state::tell(control::fact fact) {
  if (!watchers_.empty())
    news_.push_back(std::move(fact));
}

void controller_state::flush() {
  if (news_.empty())
    return;
  for (const auto& watcher : watchers_)
    self_->send(watcher, atom::events::value, news_);
  news_.clear();
}

caf::result<outcome> controller_state::propose(const command& command) {
  const auto number = ++numbers_;
  auto promise = self_->make_response_promise<outcome>();
  proposed_.emplace(number, promise);
  config_.submit(number, command);
  return promise;
}

caf::result<outcome> controller_state::read() {
  const auto number = ++numbers_;
  auto promise = self_->make_response_promise<outcome>();
  proposed_.emplace(number, promise);
  config_.read(number);
  return promise;
}

caf::result<ownership> controller_state::own(const std::string& key) {
  if (const auto now = owner_of(key); now.node)
    return now;
  auto promise = self_->make_response_promise<ownership>();
  auto& wanted = owners_wanted_[key];
  wanted.push_back(promise);
  if (wanted.size() == 1) {
    const auto number = ++numbers_;
    granted_.emplace(number, key);
    config_.submit(number, grant{key, seat_id{}}); // no seat: the leader chooses
  }
  return promise;
}

void controller_state::decided(std::uint64_t number, const outcome& outcome) {
  if (auto proposed = proposed_.extract(number); !proposed.empty()) {
    proposed.mapped().deliver(outcome);
    return;
  }
  auto granted = granted_.extract(number);
  if (granted.empty())
    return;
  auto wanted = owners_wanted_.extract(granted.mapped());
  const auto now = owner_of(granted.mapped());
  for (auto& promise : wanted.mapped()) {
    if (now.node)
      promise.deliver(now);
    else
      promise.deliver(error_of(
        outcome.code != ec::none
          ? failure{outcome.code, outcome.message}
          : failure{ec::no_quorum, "The owner of environment " + granted.mapped() + " was lost at once; try again."}));
  }
}

caf::result<bytes> controller_state::find(const std::string& key, const std::string& version) {
  if (const auto* environment = state_->find_environment(key))
    if (const auto spec = environment->specs.find(version); spec != environment->specs.end())
      return spec->second.spec;
  return error_of({ec::unknown_environment,
                   "The cluster does not know version " + version + " of environment " + key + " any more."});
}

controller_actor::behavior_type controller_state::make_behavior(controller_actor::pointer self,
                                                                controller_config config) {
  self_ = self;
  config_ = std::move(config);
  state_.emplace(config_.voters);
  self->set_down_handler([this](const caf::down_msg& down) {
    std::erase_if(watchers_, [&](const auto& watcher) { return watcher.address() == down.source; });
  });
  return {
    [this](atom::propose, const command& command) { return propose(command); },
    [this](atom::read) { return read(); },
    [this](atom::own, const std::string& key) { return own(key); },
    [this](atom::find, const std::string& key, const std::string& version) { return find(key, version); },
    [this](atom::list) {
      std::vector<member_row> rows;
      for (const auto& [node, member] : state_->image().members)
        if (!member.removed)
          rows.push_back(row_of(member));
      return rows;
    },
    [this](atom::token) { return tokens(); },
    [this](atom::status) { return standing_; },
    [this](atom::watch, const control_watcher& watcher) { watch(watcher); },
    [this](atom::attach, const control::image_ptr& image) { attach(image); },
    [this](atom::append, const control::entries& entries) { append(entries); },
    [this](atom::status, const control::consensus& now) {
      consensus_ = now;
      settle_standing();
      flush();
    },
    [this](atom::done, std::uint64_t number, const outcome& outcome) { decided(number, outcome); },
  };
}

} // namespace hearth
