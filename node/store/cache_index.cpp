#include "node/store/cache_index.hpp"

#include "core/defaults_cache.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace hearth::node {

namespace {

void add_to(cache_figures& figures, cache_index::cause why) {
  switch (why) {
    case cache_index::cause::evicted:
      ++figures.evicted;
      break;
    case cache_index::cause::expired:
      ++figures.expired;
      break;
    case cache_index::cause::damaged:
      ++figures.damaged;
      break;
    case cache_index::cause::refused:
      ++figures.refused;
      break;
    case cache_index::cause::outdated:
      ++figures.outdated;
      break;
    case cache_index::cause::mended:
      ++figures.mended;
      break;
    case cache_index::cause::forgotten:
      break;
  }
}

/// What has to go so that `bytes` are within the limit: somewhat more, so that it is not the same for the next ones.
std::uint64_t beyond(std::uint64_t limit, std::uint64_t bytes) {
  const auto slack = static_cast<std::uint64_t>(static_cast<double>(limit) * defaults::cache_slack_share);
  return bytes > limit ? bytes - limit + slack : 0;
}

/// As many cards as that, or all: those that follow a place drawn at random. Names are digests, so any run of them is as
/// good as single ones.
template <class See>
void draw(const cache_index::pool& from, std::size_t count, std::minstd_rand& random, See see) {
  const auto slots = from.cards.bucket_count();
  auto slot = random() % slots;
  for (std::size_t looked = 0; looked < slots && count > 0; ++looked, slot = (slot + 1) % slots)
    for (auto card = from.cards.begin(slot); card != from.cards.end(slot) && count > 0; ++card, --count)
      see(*card);
}

} // namespace

cache_index::cache_index(cache_limits limits) : limits_(std::move(limits)), buckets_(defaults::cache_buckets) {}

void cache_index::add_scope(const digest& name, const std::string& project) {
  scopes_.try_emplace(name, scope{project, 0});
}

std::uint64_t cache_index::charge_of(const stored_entry& entry, std::uint64_t record_bytes) {
  const auto elsewhere = entry.is_elsewhere ? entry.size : 0;
  return std::min<std::uint64_t>(record_bytes + defaults::cache_overhead_bytes + elsewhere,
                                 std::numeric_limits<std::uint32_t>::max());
}

std::uint64_t cache_index::charge_at_most(const cache_entry& entry) {
  return entry.size + entry.producer.size() + entry.holder.size() + entry.inputs.size() * sizeof(digest)
         + defaults::cache_head_bytes + defaults::cache_overhead_bytes;
}

void cache_index::expect(std::uint64_t entries) {
  const auto is_of_first = [this](const auto& one) { return one.second.project == scopes_.begin()->second.project; };
  if (entries > 0 && !scopes_.empty() && std::all_of(scopes_.begin(), scopes_.end(), is_of_first))
    projects_[scopes_.begin()->second.project].pools.front().cards.reserve(entries);
}

void cache_index::add(const stored_entry& entry, std::uint64_t record_bytes) {
  const auto of = scopes_.find(entry.key.scope);
  auto& into = projects_[of->second.project];
  const entry_name name(entry.key);
  auto& where = into.pools[entry.is_elsewhere ? 1 : 0];
  auto before = take(into, into.pools[entry.is_elsewhere ? 0 : 1], name);
  const auto [place, is_new] = where.cards.try_emplace(name);
  if (!is_new) {
    before = place->second;
    discount(into, where, *place);
  }
  of->second.entries += before ? 0 : 1;
  card c;
  c.bytes = static_cast<std::uint32_t>(charge_of(entry, record_bytes));
  c.hits = before ? before->hits : 0;
  c.created_unix_ms = entry.created_unix_ms;
  c.expires_unix_ms = entry.expires_unix_ms;
  c.mark = hash_of(mark_of(entry));
  c.gain = std::chrono::duration<double>(entry.run).count() / c.bytes;
  c.worth = clock_ + (1.0 + c.hits) * c.gain;
  c.scope = &of->first;
  place->second = c;
  where.bytes += c.bytes;
  bytes_ += c.bytes;
  bytes_in_files_ += entry.is_elsewhere ? c.bytes : 0;
  buckets_[name.bucket()] ^= c.mark;
}

std::optional<cache_index::card> cache_index::take(project& from, pool& where, const entry_name& name) {
  const auto found = where.cards.find(name);
  if (found == where.cards.end())
    return {};
  const auto c = found->second;
  discount(from, where, *found);
  where.cards.erase(found);
  return c;
}

void cache_index::discount(const project& of, pool& where, const std::pair<const entry_name, card>& entry) {
  const auto& [name, c] = entry;
  where.bytes -= c.bytes;
  bytes_ -= c.bytes;
  bytes_in_files_ -= &where == &of.pools[1] ? c.bytes : 0;
  buckets_[name.bucket()] ^= c.mark;
}

bool cache_index::remove(const entry_name& name, const digest& scope, cause why) {
  const auto of = scopes_.find(scope);
  if (of == scopes_.end())
    return false;
  const auto whose = of->second.project;
  auto& from = projects_[whose];
  if (!take(from, from.pools[0], name) && !take(from, from.pools[1], name))
    return false;
  count(whose, why);
  if (--of->second.entries > 0)
    return false;
  scopes_.erase(of);
  drop_if_idle(whose);
  return true;
}

void cache_index::count(const std::string& whose, cause why) {
  add_to(all_, why);
  if (whose.empty())
    return;
  add_to(projects_[whose].figures, why);
  drop_if_idle(whose);
}

std::vector<digest> cache_index::drop_unused_scopes() {
  std::vector<digest> result;
  for (auto one = scopes_.begin(); one != scopes_.end();) {
    if (one->second.entries == 0)
      result.push_back(one->first);
    one = one->second.entries == 0 ? scopes_.erase(one) : std::next(one);
  }
  return result;
}

void cache_index::drop_if_idle(const std::string& name) {
  const auto found = projects_.find(name);
  if (projects_.size() <= defaults::cache_projects_kept || found == projects_.end())
    return;
  const auto& pools = found->second.pools;
  if (pools[0].cards.empty() && pools[1].cards.empty())
    projects_.erase(found);
}

cache_index::card* cache_index::find(const entry_name& name, const digest& scope) {
  const auto of = scopes_.find(scope);
  const auto whose = of == scopes_.end() ? projects_.end() : projects_.find(of->second.project);
  if (whose == projects_.end())
    return nullptr;
  for (auto& where : whose->second.pools)
    if (const auto found = where.cards.find(name); found != where.cards.end())
      return &found->second;
  return nullptr;
}

const digest* cache_index::scope_of(const entry_name& name) const {
  for (const auto& [whose, p] : projects_)
    for (const auto& where : p.pools)
      if (const auto found = where.cards.find(name); found != where.cards.end())
        return found->second.scope;
  return nullptr;
}

void cache_index::used(const cache_key& key, std::uint32_t times) {
  if (auto* c = find(entry_name(key), key.scope)) {
    all_.hits += times;
    projects_.at(scopes_.at(key.scope).project).figures.hits += times;
    c->hits += std::min(times, std::numeric_limits<std::uint32_t>::max() - c->hits);
    c->worth = clock_ + (1.0 + c->hits) * c->gain;
  }
}

std::uint64_t cache_index::hits(const entry_name& name, const digest& scope) {
  const auto* c = find(name, scope);
  return c ? c->hits : 0;
}

std::uint64_t cache_index::limit_of(const std::string& name) const {
  const auto own = limits_.projects.find(name);
  return own != limits_.projects.end() ? own->second : limits_.project_bytes_max;
}

void cache_index::limit(const cache_bounds::limits& projects) {
  limits_.projects.clear();
  ttls_.clear();
  for (const auto& [name, limit] : projects) {
    if (limit.bytes_max > 0)
      limits_.projects.emplace(name, limit.bytes_max);
    if (limit.ttl_ms > 0)
      ttls_.emplace(name, limit.ttl_ms);
  }
}

std::uint64_t cache_index::bytes_of(const std::string& name) const {
  const auto found = projects_.find(name);
  return found == projects_.end() ? 0 : found->second.pools[0].bytes + found->second.pools[1].bytes;
}

std::uint64_t cache_index::excess(const std::string& name, std::uint64_t bytes) const {
  return beyond(limit_of(name), bytes_of(name) + bytes);
}

bool cache_index::fits(double share, const std::string& name, std::uint64_t bytes, std::uint64_t bytes_of_all) const {
  const auto is_within = [share](std::uint64_t used, std::uint64_t limit) {
    return static_cast<double>(used) <= share * static_cast<double>(limit);
  };
  return is_within(bytes_of(name) + bytes, limit_of(name)) && is_within(bytes_ + bytes_of_all, limits_.bytes_max);
}

std::uint64_t cache_index::excess(std::uint64_t bytes) const { return beyond(limits_.bytes_max, bytes_ + bytes); }

std::vector<cache_index::pool*> cache_index::pools(among which, const std::string& name) {
  std::vector<pool*> result;
  for (auto& [whose, p] : projects_) {
    if (which == among::project && whose != name)
      continue;
    if (which != among::files)
      result.push_back(&p.pools[0]);
    result.push_back(&p.pools[1]);
  }
  return result;
}

std::vector<cache_index::leaving> cache_index::worth_least(among which, const std::string& name, std::uint64_t bytes,
                                                           std::size_t count) {
  const auto from = pools(which, name);
  std::uint64_t cards = 0, there = 0;
  for (const auto* p : from)
    cards += p->cards.size(), there += p->bytes;
  if (cards == 0)
    return {};
  count = std::min<std::uint64_t>(count, bytes / (there / cards + 1) + 1);
  const auto wanted = count * defaults::cache_candidates;
  std::vector<const std::pair<const entry_name, card>*> candidates;
  for (const auto* p : from)
    draw(*p, p->cards.size() * wanted / cards + 1, random_, [&](const auto& one) { candidates.push_back(&one); });
  std::sort(candidates.begin(), candidates.end(),
            [](const auto* a, const auto* b) { return a->second.worth < b->second.worth; });
  std::vector<leaving> result;
  std::uint64_t found = 0;
  for (const auto* one : candidates) {
    if (found >= bytes || result.size() == count)
      break;
    found += one->second.bytes;
    clock_ = std::max(clock_, one->second.worth);
    result.push_back({one->first, *one->second.scope});
  }
  return result;
}

std::uint64_t cache_index::ttl_of(const std::string& name) const {
  const auto found = ttls_.find(name);
  return found == ttls_.end() ? 0 : found->second;
}

bool cache_index::is_over(const stored_entry& entry, std::uint64_t unix_ms) const {
  const auto of = scopes_.find(entry.key.scope);
  const auto ttl = of == scopes_.end() ? 0 : ttl_of(of->second.project);
  return hearth::is_over(expiry_of(entry.created_unix_ms, entry.expires_unix_ms, ttl), unix_ms);
}

std::vector<cache_index::leaving> cache_index::expired(std::uint64_t unix_ms, std::size_t looks) {
  std::vector<leaving> result;
  auto at = projects_.lower_bound(expiry_project_);
  if (at == projects_.end() || at->first != expiry_project_)
    expiry_pool_ = expiry_slot_ = 0;
  for (; at != projects_.end(); ++at, expiry_pool_ = 0)
    for (; expiry_pool_ < at->second.pools.size(); ++expiry_pool_, expiry_slot_ = 0) {
      const auto& cards = at->second.pools[expiry_pool_].cards;
      const auto ttl = ttl_of(at->first);
      for (; expiry_slot_ < cards.bucket_count(); ++expiry_slot_, --looks) {
        if (looks == 0) {
          expiry_project_ = at->first;
          return result;
        }
        for (auto one = cards.begin(expiry_slot_); one != cards.end(expiry_slot_); ++one)
          if (const auto& c = one->second;
              hearth::is_over(expiry_of(c.created_unix_ms, c.expires_unix_ms, ttl), unix_ms))
            result.push_back({one->first, *one->second.scope});
      }
    }
  expiry_project_.clear(); // from the beginning
  expiry_pool_ = expiry_slot_ = 0;
  return result;
}

void cache_index::each(const std::function<void(const entry_name&, const card&)>& see) const {
  for (const auto& [whose, p] : projects_)
    for (const auto& where : p.pools)
      for (const auto& [name, c] : where.cards)
        see(name, c);
}

std::vector<cache_figures> cache_index::figures() const {
  std::vector<cache_figures> result{all_};
  result[0].bytes = bytes_;
  result[0].bytes_max = limits_.bytes_max;
  for (const auto& [whose, p] : projects_) {
    auto f = p.figures;
    f.project = whose;
    f.bytes_max = limit_of(whose);
    for (const auto& where : p.pools)
      f.entries += where.cards.size(), f.bytes += where.bytes;
    result[0].entries += f.entries;
    result.push_back(std::move(f));
  }
  return result;
}

} // namespace hearth::node
