#include "cluster/control_state.hpp"
#include "core/defaults.hpp"

#include <algorithm>

/// Generations and limits of the cache, and tokens of remote clients.
namespace hearth::cluster {

outcome control_state::on(const raise_generation& order) {
  if (order.scope.size() > defaults::command_text_bytes_max)
    return refused(ec::bad_request, "The name of what is to be invalidated is too long.");
  // What lies below the scope is bounded by it from now on.
  const auto prefix = order.scope.empty() ? std::string() : order.scope + "/";
  auto& all = image_.cache_generations;
  for (auto it = all.lower_bound(prefix); it != all.end() && it->first.starts_with(prefix);)
    it = all.erase(it);
  all.insert_or_assign(order.scope, image_.applied);
  happened(facts::generation_raised{order.scope});
  if (all.size() > defaults::generation_scopes_max)
    merge_oldest_generation();
  return done();
}

// Raises the narrowest scope above the oldest one that holds another one too. That invalidates more than was asked for: a
// miss is always right, a stale hit never.
void control_state::merge_oldest_generation() {
  const auto& all = image_.cache_generations;
  const auto oldest
    = std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  auto above = oldest->first;
  while (!above.empty()) {
    const auto slash = above.rfind('/');
    above = slash == std::string::npos ? std::string() : above.substr(0, slash);
    const auto prefix = above.empty() ? std::string() : above + "/";
    auto second = all.lower_bound(prefix);
    if (above.empty() || all.contains(above)
        || (second != all.end() && ++second != all.end() && second->first.starts_with(prefix)))
      break;
  }
  on(raise_generation{above});
}

outcome control_state::on(const limit_cache& order) {
  if (order.project.empty() || order.project.size() > defaults::command_text_bytes_max)
    return refused(ec::bad_request, "The name of a project has some characters, but not that many.");
  auto& all = image_.cache_limits;
  const auto known = all.find(order.project);
  auto limit = known != all.end() ? known->second : cache_limit{};
  limit.bytes_max = order.bytes_max.value_or(limit.bytes_max);
  limit.ttl_ms = order.ttl_ms.value_or(limit.ttl_ms);
  if (limit == cache_limit{})
    all.erase(order.project);
  else if (known == all.end() && all.size() >= defaults::cache_limits_max)
    return refused(ec::overloaded, std::to_string(all.size())
                                     + " projects have limits of their own in the cache, as many as can; give some back "
                                       "with `hearth cache limit --project P --size none --ttl none`.");
  else
    all.insert_or_assign(order.project, limit);
  happened(facts::cache_limited{order.project});
  return done();
}

outcome control_state::on(const put_token& order) {
  std::size_t text = order.name.size() + order.digest.size();
  for (const auto& scope : order.scopes)
    text += scope.size();
  if (order.name.empty() || order.digest.empty() || text > 4 * defaults::kib)
    return refused(ec::bad_request, "A token needs a name and a digest of reasonable length.");
  const auto known = image_.tokens.find(order.name);
  if (known == image_.tokens.end() && image_.tokens.size() >= defaults::tokens_max)
    return refused(ec::overloaded, "There are " + std::to_string(image_.tokens.size())
                                     + " tokens already, the limit; revoke some with `hearth cluster token revoke`.");
  if (const auto* other = find_token(order.digest); other != nullptr && other->name != order.name)
    return refused(ec::conflict, "Another token, " + other->name + ", has the same secret.");
  if (known != image_.tokens.end() && known->second.digest != order.digest)
    return refused(ec::name_taken, "There is a token called " + order.name + " already; revoke it first.");
  image_.tokens.insert_or_assign(order.name,
                                 token_record{order.name, order.digest, order.scopes, order.expires_unix_ms});
  tokens_by_digest_.insert_or_assign(order.digest, order.name);
  happened(facts::token_changed{order.name});
  return done();
}

outcome control_state::on(const revoke_token& order) {
  const auto found = image_.tokens.find(order.name);
  if (found == image_.tokens.end())
    return done();
  tokens_by_digest_.erase(found->second.digest);
  image_.tokens.erase(found);
  happened(facts::token_changed{order.name});
  return done();
}

} // namespace hearth::cluster
