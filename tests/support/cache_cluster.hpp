#pragma once

#include "tests/support/cache_world.hpp"
#include "tests/support/scripted_switchboard.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The caches of several nodes in one thread and virtual time: the real CACHEs with their MENDERs on one scripted control log,
/// each with a scripted disk, and switchboards that bring questions from one to the other.
namespace hearth::test {

struct cache_node {
  node_uuid id;
  std::string name;
  std::shared_ptr<scripted_entries> entries = std::make_shared<scripted_entries>();
  std::optional<scripted_control> control;
  scripted_disk_actor disk;
  switchboard_actor switchboard;
  cache_actor cache;
  std::vector<std::string> asked; // by other nodes: words
};

class cache_cluster : public actor_fixture {
public:
  explicit cache_cluster(std::size_t count = 3) : log(std::make_shared<scripted_log>()) {
    for (std::size_t i = 0; i < count; ++i) {
      auto& n = *nodes.emplace_back(std::make_unique<cache_node>());
      n.id = i == 0 ? this_node : node_uuid{1, 1 + i};
      n.name = "node-" + std::to_string(i + 1);
      log->commit(cluster::admit_node{n.id, n.name});
      n.disk = sys.spawn(scripted_cache_disk, n.entries);
      come(i);
    }
    run();
  }

  ~cache_cluster() {
    for (std::size_t i = 0; i < nodes.size(); ++i)
      go(i);
    for (auto& n : nodes)
      caf::anon_send_exit(n->disk, caf::exit_reason::kill);
    run();
  }

  /// The node starts, or comes back with what its disk had.
  void come(std::size_t i) {
    auto& n = *nodes[i];
    n.control.emplace(sys, log, n.id);
    n.switchboard = sys.spawn([this](switchboard_actor::pointer self) {
      return scripted_switchboard([this, self](node_uuid to, link::ask& what) { return bring(self, to, what); });
    });
    cache_config config{n.name, n.entries, n.disk, n.control->actor, [this] { return unix_ms; }};
    config.self = n.id;
    config.switchboard = n.switchboard;
    n.cache = sys.spawn(
      [config](cache_actor::stateful_pointer<cache_state> self) { return self->state.make_behavior(self, config); });
    log->commit(cluster::take_seat{n.id, ++incarnations_, {}, {}, 0, incarnations_});
    catch_up();
  }

  /// Its process is gone, and its seat ends.
  void go(std::size_t i) {
    auto& n = *nodes[i];
    if (!n.control)
      return;
    if (const auto* seat = log->state.seat_of(n.id))
      log->commit(cluster::end_seat{seat->seat, cluster::departure::died});
    for (const auto& actor : {caf::actor_cast<caf::actor>(n.cache), caf::actor_cast<caf::actor>(n.switchboard),
                              caf::actor_cast<caf::actor>(n.control->actor)})
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    n.cache = cache_actor{};
    n.switchboard = switchboard_actor{};
    run();
    n.control.reset();
    catch_up();
  }

  void catch_up() {
    for (auto& n : nodes)
      if (n->control)
        n->control->catch_up();
    run();
  }

  static cache_scope scope(const std::string& task = "env.square", const std::string& project = "default") {
    return {project, "development", task, "1", "(int) -> int", "default", {}};
  }

  /// An entry that is kept since long; keys of different numbers are in different buckets.
  cache_entry entry(std::uint64_t number, std::uint64_t generation = 0) const {
    cache_entry e;
    e.key = {digest_called("scope"), digest_called("input " + std::to_string(number))};
    e.generation = generation;
    e.created_unix_ms = unix_ms - 3'600'000;
    e.content = payload::text("value");
    e.size = e.content.size();
    return e;
  }

  void keep(std::size_t i, std::uint64_t first, std::uint64_t end, std::uint64_t generation = 0) {
    for (auto number = first; number < end; ++number)
      nodes[i]->entries->put(entry(number, generation), scope());
  }

  std::size_t kept(std::size_t i) const { return nodes[i]->entries->kept.size(); }

  std::size_t times_asked(std::size_t i, const std::string& words) const {
    const auto& asked = nodes[i]->asked;
    return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), words));
  }

  std::uint64_t unix_ms = 1'700'000'000'000;
  std::shared_ptr<scripted_log> log;
  std::vector<std::unique_ptr<cache_node>> nodes;

private:
  caf::result<link::answer> bring(switchboard_actor::pointer self, node_uuid to, link::ask& what) {
    for (auto& n : nodes)
      if (n->id == to && n->cache) {
        std::string words;
        for (const auto& word : what.words)
          words += (words.empty() ? "" : " ") + word;
        n->asked.push_back(words);
        return self->delegate(n->cache, atom::ask::value, std::move(what));
      }
    return error_of({ec::node_lost, "The node is not there."});
  }

  std::uint64_t incarnations_ = 0;
};

} // namespace hearth::test
