#include "actors/cache_mender.hpp"

#include "actors/cache_asking.hpp"
#include "actors/cache_buckets.hpp"
#include "actors/cache_wire.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

/// MENDERs ask each other, in words after "mend":
///
///   sums    the digests of all buckets                 a number for each
///   marks   what is in these buckets: numbers          marks
///   give    entries: keys                              how many of them were looked up, then scopes and entries
namespace hearth {

namespace {

constexpr std::size_t stride = 1327; // odd: the rounds begin at one bucket after the other, and all have their turn

void write(cache_writer& out, const cache_mark& m) {
  out.key(m.key).number(m.generation).number(m.overwrite).sum(m.value).number(m.created_unix_ms);
}

std::vector<cache_mark> marks_in(const payload& from) {
  std::vector<cache_mark> all;
  cache_reader in(from);
  while (!in.is_at_end() && in.is_whole()) {
    cache_mark m;
    m.key = in.key();
    m.generation = in.number();
    m.overwrite = in.number();
    m.value = in.sum();
    m.created_unix_ms = in.number();
    if (in.is_whole())
      all.push_back(std::move(m));
  }
  return all;
}

template <class Item>
std::vector<Item> taken(std::vector<Item>& from, std::size_t count) {
  const auto end = from.begin() + static_cast<std::ptrdiff_t>(std::min(from.size(), count));
  std::vector<Item> some(from.begin(), end);
  from.erase(from.begin(), end);
  return some;
}

bool holds(const std::vector<node_uuid>& holders, node_uuid node) {
  return std::find(holders.begin(), holders.end(), node) != holders.end();
}

} // namespace

std::vector<cache_key> wanted(const std::vector<cache_mark>& here, const std::vector<cache_mark>& there,
                              std::uint64_t young_unix_ms) {
  std::unordered_map<cache_key, const cache_mark*> known;
  for (const auto& mark : here)
    known.emplace(mark.key, &mark);
  std::vector<cache_key> result;
  for (const auto& mark : there) {
    const auto own = known.find(mark.key);
    const bool is_better = own == known.end() || precedence(mark, *own->second) < 0;
    if (is_better && mark.created_unix_ms < young_unix_ms)
      result.push_back(mark.key);
  }
  return result;
}

// -- comparing ----

void cache_mender_state::compare_in(nanoseconds time) {
  if (compares_)
    compares_again_ = true;
  else
    self_->delayed_send(self_, time, atom::sum::value, ++compare_timer_);
}

/// With all other nodes, another one first each time.
void cache_mender_state::compare() {
  compares_ = true;
  compares_again_ = false;
  round_ = {};
  for (const auto& [node, seat] : nodes_)
    if (node != config_.self)
      round_.others.push_back(node);
  ++turn_;
  if (!round_.others.empty())
    std::rotate(round_.others.begin(),
                round_.others.begin() + static_cast<std::ptrdiff_t>(turn_ % round_.others.size()), round_.others.end());
  next_node();
}

/// Each with what is here by then. One that does not answer is left for the next time.
void cache_mender_state::next_node() {
  if (!may_act() || round_.others.empty())
    return end();
  round_.other = round_.others.back();
  round_.others.pop_back();
  self_->request(config_.disk, defaults::cache_disk_patience, atom::sum::value)
    .then(
      [this](const cache_sums& here) {
        if (!here.has_room)
          return end();
        ask("sums", {}, defaults::cache_compare_patience, [this, here](const payload& there) { differ(here, there); });
      },
      [this](const caf::error&) { end(); });
}

void cache_mender_state::differ(const cache_sums& here, const payload& there) {
  std::vector<node_uuid> all;
  for (const auto& [node, seat] : nodes_)
    all.push_back(node);
  cache_reader in(there);
  round_.buckets.clear();
  for (std::uint32_t bucket = 0; bucket < here.buckets.size() && !in.is_at_end(); ++bucket)
    if (in.number() != here.buckets[bucket] && in.is_whole())
      if (const auto holders = holders_of_bucket(bucket, all);
          holds(holders, config_.self) && holds(holders, round_.other))
        round_.buckets.push_back(bucket);
  const auto start = turn_ * stride % defaults::cache_buckets;
  const auto first = std::lower_bound(round_.buckets.begin(), round_.buckets.end(), start);
  std::rotate(round_.buckets.begin(), first, round_.buckets.end());
  round_.helps = true;
  next_buckets();
}

/// Goes on with this node as long as that brings something: what does not, such as what had to go here and not there, costs
/// one look in each round.
void cache_mender_state::next_buckets() {
  if (!may_act() || round_.buckets.empty() || !std::exchange(round_.helps, false))
    return next_node();
  auto some = taken(round_.buckets, defaults::cache_compare_buckets);
  cache_writer question;
  for (const auto bucket : some)
    question.number(bucket);
  ask("marks", question.take(), defaults::cache_compare_patience, [this, some = std::move(some)](const payload& there) {
    self_->request(config_.disk, defaults::cache_disk_patience, atom::mark::value, some)
      .then(
        [this, there](const std::vector<cache_mark>& here) {
          const auto age = static_cast<std::uint64_t>(milliseconds(defaults::cache_mend_age_min).count());
          round_.wanted = wanted(here, marks_in(there), config_.unix_ms() - age);
          std::erase_if(round_.wanted, [this](const cache_key& key) { return config_.shelf->was_evicted(key); });
          next_batch();
        },
        [this](const caf::error&) { end(); });
  });
}

void cache_mender_state::next_batch() {
  if (!may_act() || round_.wanted.empty())
    return next_buckets();
  const auto count = std::min(round_.wanted.size(), defaults::cache_mend_batch);
  cache_writer question;
  for (std::size_t i = 0; i < count; ++i)
    question.key(round_.wanted[i]);
  ask("give", question.take(), defaults::cache_disk_patience, [this](const payload& parcel) { brought(parcel); });
}

/// Keeps what came, unless it was invalidated meanwhile. When nothing of it was of use, nor will be the rest: there is no room.
void cache_mender_state::brought(const payload& parcel) {
  cache_reader in(parcel);
  const auto looked_up = in.number();
  std::vector<cache_row> rows;
  while (!in.is_at_end() && in.is_whole()) {
    cache_row row;
    row.scope = in.scope();
    row.entry = in.entry();
    if (in.is_whole() && bounds_.allows(row.scope, row.entry, config_.unix_ms()))
      rows.push_back(std::move(row));
  }
  if (looked_up == 0)
    return next_node(); // it has not what it said
  taken(round_.wanted, looked_up);
  if (rows.empty())
    return next_batch();
  self_->request(config_.disk, defaults::cache_disk_patience, atom::mend::value, std::move(rows))
    .then(
      [this](std::uint64_t mended) {
        round_.helps = round_.helps || mended > 0;
        round_.has_helped = round_.has_helped || mended > 0;
        if (mended == 0)
          round_.wanted.clear();
        self_->delayed_send(self_, defaults::cache_mend_pause, atom::mend::value);
      },
      [this](const caf::error&) { end(); });
}

void cache_mender_state::end() {
  compares_ = false;
  compare_in(compares_again_ || round_.has_helped ? defaults::cache_compare_soon : defaults::cache_compare_interval);
  round_ = {};
}

/// The node of this round; without its answer the next one has its turn.
void cache_mender_state::ask(const char* verb, payload value, milliseconds patience,
                             std::function<void(const payload&)> then) {
  ask_cache(self_, config_.switchboard, round_.other, {"mend", verb}, std::move(value), patience,
            [this, then = std::move(then)](const payload* found, ec) {
              if (found)
                then(*found);
              else
                next_node();
            });
}

// -- looking through ----

void cache_mender_state::look_in(nanoseconds time) {
  if (!looks_)
    self_->delayed_send(self_, time, atom::look::value, ++look_timer_);
}

void cache_mender_state::look() {
  if (!may_act())
    return look_in(defaults::cache_look_interval);
  if (look_bucket_ == 0)
    looks_again_ = false;
  looks_ = true;
  const auto go_on = [this](std::uint32_t next) {
    looks_ = false;
    look_bucket_ = next;
    look_in(next == 0 && !looks_again_ ? defaults::cache_look_rest : defaults::cache_look_interval);
  };
  self_->request(config_.disk, defaults::cache_disk_patience, atom::look::value, cache_look{look_bucket_, generations_})
    .then(go_on, [this, go_on](const caf::error&) { go_on(look_bucket_); });
}

// -- what others ask ----

caf::result<link::answer> cache_mender_state::respond(const link::ask& what) {
  auto promise = self_->make_response_promise<link::answer>();
  const auto fail = [promise](caf::error& error) mutable { promise.deliver(std::move(error)); };
  const auto verb = what.words.size() == 2 ? what.words[1] : std::string();
  cache_reader in(what.value);
  if (verb == "sums") {
    self_->request(config_.disk, defaults::cache_disk_patience, atom::sum::value)
      .then(
        [promise](const cache_sums& sums) mutable {
          cache_writer answer;
          for (const auto sum : sums.buckets)
            answer.number(sum);
          promise.deliver(answer_with(answer.take()));
        },
        fail);
  } else if (verb == "marks") {
    std::vector<std::uint32_t> buckets;
    while (!in.is_at_end() && in.is_whole() && buckets.size() < defaults::cache_compare_buckets)
      buckets.push_back(static_cast<std::uint32_t>(in.number()));
    self_->request(config_.disk, defaults::cache_disk_patience, atom::mark::value, std::move(buckets))
      .then(
        [promise](const std::vector<cache_mark>& marks) mutable {
          cache_writer answer;
          for (const auto& mark : marks)
            write(answer, mark);
          promise.deliver(answer_with(answer.take()));
        },
        fail);
  } else if (verb == "give") {
    std::vector<cache_key> keys;
    while (!in.is_at_end() && in.is_whole() && keys.size() < defaults::cache_mend_batch)
      keys.push_back(in.key());
    self_->request(config_.disk, defaults::cache_disk_patience, atom::read::value, std::move(keys))
      .then(
        [this, promise](const cache_parcel& parcel) mutable {
          cache_writer answer;
          answer.number(parcel.looked_up);
          for (const auto& row : parcel.rows)
            if (bounds_.allows(row.scope, row.entry, config_.unix_ms()))
              answer.scope(row.scope).entry(row.entry);
          promise.deliver(answer_with(answer.take()));
        },
        fail);
  } else {
    promise.deliver(refusal(ec::bad_request));
  }
  return promise;
}

// -- turns ----

void cache_mender_state::heard(const control::facts& facts) {
  bool is_other = false;
  for (const auto& fact : facts)
    if (const auto* generations = std::get_if<control::generations_changed>(&fact)) {
      generations_ = generations->now;
      bounds_.learn(generations_);
      looks_again_ = true;
      if (look_bucket_ == 0)
        look_in(defaults::cache_look_interval);
    } else if (const auto* limits = std::get_if<control::cache_limits_changed>(&fact)) {
      bounds_.learn(limits->now);
    } else if (const auto* standing = std::get_if<control::standing>(&fact)) {
      is_other = is_other || (standing->holds && standing->seat != standing_.seat);
      standing_ = *standing;
    } else if (const auto* member = std::get_if<control::member_changed>(&fact)) {
      const auto& now = member->now;
      const auto known = nodes_.find(now.node);
      is_other = is_other || (known == nodes_.end() ? bool{now.seat} : known->second != now.seat);
      if (now.seat)
        nodes_.insert_or_assign(now.node, now.seat);
      else
        nodes_.erase(now.node);
    }
  if (is_other)
    compare_in(defaults::cache_compare_soon);
}

cache_mender_actor::behavior_type cache_mender_state::make_behavior(cache_mender_actor::pointer self,
                                                                    cache_mender_config config) {
  self_ = self;
  config_ = std::move(config);
  self->send(config_.control, atom::watch::value, control_watcher(self));
  compare_in(defaults::cache_compare_interval);
  look_in(defaults::cache_look_interval);
  return {
    [this](atom::ask, const link::ask& what) { return respond(what); },
    [this](atom::events, const control::facts& facts) { heard(facts); },
    [this](atom::sum, std::uint64_t timer) {
      if (timer == compare_timer_)
        compare();
    },
    [this](atom::mend) { next_batch(); },
    [this](atom::look, std::uint64_t timer) {
      if (timer == look_timer_)
        look();
    },
  };
}

} // namespace hearth
