#include "actors/agent.hpp"
#include "actors/error.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <utility>

/// The code of a replica comes to this node before it: from its owner's node, else from any other. Orders for the same code
/// wait together.
namespace hearth {

void agent_state::fetch(replica_order order, const supervisor_actor& supervisor) {
  const auto digest = order.spec->bundle;
  auto [at, is_new] = awaited_.try_emplace(digest);
  at->second.orders.emplace_back(std::move(order), supervisor);
  if (!is_new)
    return;
  for (const auto& [node, view] : nodes_->all())
    if (view.is_up && node != config_.node)
      at->second.sources.push_back(node);
  // The last one is asked first.
  const auto owner = std::find_if(absent_owners_.begin(), absent_owners_.end(),
                                  [&](const auto& entry) { return entry.second.handle == supervisor; });
  if (owner != absent_owners_.end())
    std::stable_partition(at->second.sources.begin(), at->second.sources.end(),
                          [&](node_uuid node) { return node != owner->second.node; });
  self_->request(config_.bundles, defaults::inner_request_timeout, atom::has::value, digest)
    .then(
      [this, digest](bool has) {
        if (has)
          bundle_is_here(digest);
        else
          ask_next_source(digest,
                          {ec::unknown_bundle, "No node of the cluster has the code of this environment; open it "
                                               "again from the program that declares it."});
      },
      [this, digest](const caf::error& error) { no_bundle(digest, failure_of(error)); });
}

void agent_state::ask_next_source(const std::string& digest, failure last) {
  const auto waits = awaited_.find(digest);
  if (waits == awaited_.end())
    return;
  if (waits->second.sources.empty())
    return no_bundle(digest, last);
  const auto node = waits->second.sources.back();
  waits->second.sources.pop_back();
  link::ask question;
  question.what = "bundle";
  question.words = {digest};
  self_
    ->request(config_.switchboard, caf::infinite, atom::ask::value, node, std::move(question),
              milliseconds(defaults::bundle_store_timeout))
    .then(
      [this, digest, last](link::answer& answer) {
        if (const auto* content = std::get_if<payload>(&answer.content); content && answer.error.code == ec::none)
          store_bundle(digest, *content);
        else
          ask_next_source(digest, last);
      },
      [this, digest, last](const caf::error&) { ask_next_source(digest, last); });
}

void agent_state::store_bundle(const std::string& digest, const payload& content) {
  std::vector<bytes> parts{content.head};
  parts.insert(parts.end(), content.rest.begin(), content.rest.end());
  self_->request(config_.bundles, defaults::bundle_store_timeout, atom::store::value, digest, std::move(parts))
    .then([this, digest](bool) { bundle_is_here(digest); },
          [this, digest](const caf::error& error) { no_bundle(digest, failure_of(error)); });
}

void agent_state::bundle_is_here(const std::string& digest) {
  auto waited = awaited_.extract(digest);
  if (!waited.empty())
    for (auto& [order, supervisor] : waited.mapped().orders)
      launch(std::move(order), supervisor);
}

void agent_state::no_bundle(const std::string& digest, const failure& why) {
  auto waited = awaited_.extract(digest);
  if (waited.empty())
    return;
  for (auto& [order, supervisor] : waited.mapped().orders) {
    release(order.id);
    replica::events no{replica::start_failed{order.id, why}};
    self_->send(supervisor, atom::events::value, std::move(no));
  }
  serve_orders();
}

void agent_state::stop_waiting_for_bundle(replica_id id) {
  for (auto& [digest, waited] : awaited_)
    if (std::erase_if(waited.orders, [id](const auto& o) { return o.first.id == id; }) > 0) {
      release(id);
      return serve_orders();
    }
}

} // namespace hearth
