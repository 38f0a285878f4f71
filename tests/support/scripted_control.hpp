#pragma once

#include "actors/controller.hpp"
#include "actors/stores.hpp"
#include "tests/support/actor_fixture.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace hearth::test {

inline constexpr node_uuid this_node{1, 1};

class scripted_control;

/// A control log of one voter, in memory: commits what is submitted at once, or when the test says so. It outlives the
/// controllers that follow it.
struct scripted_log {
  cluster::control_state state{std::vector<node_uuid>{this_node}};
  std::vector<control::entry> entries;
  bool is_slow = false; // commands wait for `go_on`
  bool is_cut = false;  // commands are answered with `no_quorum`
  std::vector<std::pair<std::uint64_t, cluster::command>> waiting;
  std::vector<cluster::command> seen;
  seat_id seat; // of this node
  std::vector<scripted_control*> followers;

  /// Appends a command without anybody who waits for it.
  cluster::outcome commit(const cluster::command& command) {
    const auto index = state.applied() + 1;
    entries.push_back({index, command});
    return state.apply(index, command).result;
  }

  /// What the leader does for runs that have lost their home.
  void rehome(seat_id to) {
    std::vector<std::string> names;
    for (const auto* run : state.orphaned_runs(1000))
      names.push_back(run->order.name);
    if (!names.empty())
      commit(cluster::rehome_runs{names, to, 1000});
  }

  template <class T>
  std::vector<T> all() const {
    std::vector<T> result;
    for (const auto& command : seen)
      if (const auto* x = std::get_if<T>(&command))
        result.push_back(*x);
    return result;
  }
};

/// The real controller on a scripted log; one of several, when several nodes follow it.
class scripted_control {
public:
  scripted_control(caf::actor_system& system, std::shared_ptr<scripted_log> log, node_uuid self = this_node)
    : log_(std::move(log)), self_(self) {
    log_->followers.push_back(this);
    controller_config config;
    config.self = self;
    config.voters = {this_node};
    config.submit = [this](std::uint64_t number, cluster::command command) { submit(number, std::move(command)); };
    config.read = [this](std::uint64_t number) { read(number); };
    actor = system.spawn([config](controller_actor::stateful_pointer<controller_state> self) {
      return self->state.make_behavior(self, config);
    });
    caf::anon_send(actor, atom::attach::value,
                   std::make_shared<const cluster::control_image>(cluster::control_image(log_->state.image())));
    told_ = log_->entries.size();
    have_lease();
  }

  scripted_control(const scripted_control&) = delete;
  scripted_control& operator=(const scripted_control&) = delete;
  ~scripted_control() { std::erase(log_->followers, this); }

  /// A daemon has started: it takes a seat, and gets back what it had.
  void start(std::uint64_t incarnation) {
    log_->commit(cluster::admit_node{this_node, "node"});
    log_->seat = {log_->commit(cluster::take_seat{this_node, incarnation, {}, {}, 0, incarnation}).index};
    log_->rehome(log_->seat);
    catch_up();
  }

  /// What waited is decided.
  void go_on() {
    log_->is_slow = false;
    for (auto& [number, command] : std::exchange(log_->waiting, {}))
      decide(number, command);
  }

  /// What others have committed arrives.
  void catch_up() {
    control::entries news(log_->entries.begin() + static_cast<std::ptrdiff_t>(told_), log_->entries.end());
    told_ = log_->entries.size();
    caf::anon_send(actor, atom::append::value, std::move(news));
    if (has_lease_)
      have_lease();
  }

  void have_lease() {
    has_lease_ = true;
    const auto* seat = log_->state.seat_of(self_);
    const bool is_of_this_life = seat && seat->seat.value > born_;
    caf::anon_send(actor, atom::status::value,
                   control::consensus{is_of_this_life, is_of_this_life ? seat->seat : seat_id{}, this_node, {}});
  }

  void lose_lease() {
    has_lease_ = false;
    const auto* seat = log_->state.seat_of(self_);
    caf::anon_send(actor, atom::status::value,
                   control::consensus{false, seat ? seat->seat : seat_id{}, {}, "Too few voters are reached."});
  }

  controller_actor actor;
  bool is_behind = false; // hears what was decided only when it asks

private:
  void submit(std::uint64_t number, cluster::command command) {
    log_->seen.push_back(command);
    if (log_->is_cut)
      caf::anon_send(actor, atom::done::value, number, cluster::outcome{ec::no_quorum, "Too few voters are reached."});
    else if (log_->is_slow)
      log_->waiting.emplace_back(number, std::move(command));
    else
      decide(number, command);
  }

  void read(std::uint64_t number) {
    if (!log_->is_cut)
      catch_up();
    caf::anon_send(actor, atom::done::value, number,
                   log_->is_cut ? cluster::outcome{ec::no_quorum, "Too few voters are reached."} : cluster::outcome{});
  }

  void decide(std::uint64_t number, const cluster::command& command) {
    const auto outcome = log_->commit(command);
    for (auto* follower : log_->followers)
      if (!follower->is_behind)
        follower->catch_up();
    caf::anon_send(actor, atom::done::value, number, outcome);
  }

  std::shared_ptr<scripted_log> log_;
  const node_uuid self_;
  const cluster::log_index born_ = log_->state.applied(); // seats from before are of its node's former life
  std::size_t told_ = 0;
  bool has_lease_ = true;
};

/// Values on a disk that outlives the node.
struct scripted_blobs : std::map<std::string, payload> {
  bool is_full = false; // nothing more can be stored
};

inline blobs_actor spawn_blobs(caf::actor_system& system, std::shared_ptr<scripted_blobs> blobs) {
  return system.spawn([blobs](blobs_actor::pointer) -> blobs_actor::behavior_type {
    return {
      [blobs](atom::store, const payload& value) -> caf::result<std::string> {
        if (blobs->is_full)
          return caf::error(static_cast<std::uint8_t>(ec::storage_failed), caf::atom("hearth"),
                            caf::make_message(std::string("The disk is full.")));
        auto digest = "blob-" + std::to_string(blobs->size());
        blobs->emplace(digest, value);
        return digest;
      },
      [blobs](atom::read, const std::string& digest) -> caf::result<payload> {
        if (const auto found = blobs->find(digest); found != blobs->end())
          return found->second;
        return caf::error(static_cast<std::uint8_t>(ec::gone), caf::atom("hearth"),
                          caf::make_message(std::string("It is not on this node.")));
      },
      [blobs](atom::has, const std::string& digest) { return blobs->contains(digest); },
      [blobs](atom::pin, const std::set<std::string>& needed) {
        std::erase_if(*blobs, [&](const auto& blob) { return !needed.contains(blob.first); });
      },
    };
  });
}

/// Any text of its own for each content.
inline std::string scripted_digest(std::string_view content) {
  return std::to_string(std::hash<std::string_view>()(content)) + '-' + std::to_string(content.size());
}

} // namespace hearth::test
