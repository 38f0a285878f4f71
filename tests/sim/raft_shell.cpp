#include "tests/sim/raft_world.hpp"

#include <algorithm>
#include <utility>

/// What the shell around each node does with its effects.
namespace hearth::sim {

namespace {

constexpr std::size_t piece_bytes = 128;

std::string text(std::uint64_t number) { return std::to_string(number); }

machine read_back(const std::string& content) {
  const auto colon = content.find(':');
  return {std::stoull(content.substr(0, colon)), std::stoull(content.substr(colon + 1))};
}

} // namespace

std::string shown(const raft::message& what) {
  auto line = "g" + text(what.generation) + " t" + text(what.term) + " ";
  if (const auto* vote = std::get_if<raft::vote_request>(&what.body))
    line += std::string(vote->pre ? "pre-" : "") + "vote? last " + text(vote->last_index) + "/t"
            + text(vote->last_term);
  else if (const auto* reply = std::get_if<raft::vote_reply>(&what.body))
    line += std::string(reply->pre ? "pre-" : "") + "vote " + (reply->granted ? "yes" : "no");
  else if (const auto* more = std::get_if<raft::append>(&what.body))
    line += "append after " + text(more->prev_index) + "/t" + text(more->prev_term) + " +" + text(more->entries.size())
            + " commit " + text(more->commit) + " round " + text(more->round);
  else if (const auto* ack = std::get_if<raft::append_reply>(&what.body))
    line += ack->accepted ? "has " + text(ack->match) + " round " + text(ack->round)
                          : "rejects " + text(ack->rejected) + ", hint " + text(ack->hint);
  else if (const auto* chunk = std::get_if<raft::snapshot_chunk>(&what.body))
    line += "state " + text(chunk->mark.index) + " of g" + text(chunk->mark.generation) + " from byte "
            + text(chunk->offset);
  else if (const auto* got = std::get_if<raft::snapshot_reply>(&what.body))
    line += "state " + text(got->index) + (got->done ? " is here" : " wants byte " + text(got->offset));
  else if (const auto* notice = std::get_if<raft::generation_notice>(&what.body))
    line += "generation " + text(notice->mark.generation) + (notice->origin ? " began at " : " has ")
            + text(notice->mark.index);
  else if (const auto* asks = std::get_if<raft::behind>(&what.body))
    line += asks->needs_snapshot ? "send me your state" : "what began your generation?";
  else
    line += "campaign now";
  return line;
}

void raft_world::step(std::size_t node, const raft::event& what) {
  auto& it = nodes_[node];
  ++steps_;
  generation_before_ = it.core->generation();
  voters_before_ = it.core->voters();
  led_before_ = it.core->role() == raft::role::kind::leader ? it.core->term() : 0;
  trace_.mix(static_cast<std::uint64_t>(now().count()));
  trace_.mix(node << 8 | what.index());
  auto effects = it.core->step(what, it.clock.local(now()));
  check_foreign(node, what, effects);
  for (auto& effect : effects) {
    trace_.mix(effect.index());
    std::visit([&](auto& each) { on(node, each); }, effect);
  }
  check_step(node);
  const bool due = it.state.index >= it.on_disk.mark.index + how_.snapshot_every;
  if (due && !it.snapshotting && !it.replacing)
    take_snapshot(node);
}

void raft_world::on(std::size_t node, raft::send& what) {
  check_sent(node, what.message);
  if (const auto* vote = std::get_if<raft::vote_reply>(&what.message.body); vote && vote->granted && !vote->pre)
    truth_.voted(node, what.message.term, what.to);
  if (const auto* own = std::get_if<raft::vote_request>(&what.message.body); own && !own->pre)
    truth_.voted(node, what.message.term, id_of(node));
  trace_.mix(what.message.term << 8 | what.message.body.index());
  const auto to = node_of(what.to);
  const auto arrivals = network_.send(node, to, now(), random_);
  if (telling())
    say(called(node) + " -> " + called(to) + ": " + shown(what.message) + (arrivals.count == 0 ? " (lost)" : ""),
        false);
  if (network_.cut(node, to) && random_.happens(0.2))
    timeline_.plan(now() + from_ms(5), event{node, nodes_[node].life, asked{raft::unreachable{what.to}}});
  for (std::size_t i = 0; i < arrivals.count; ++i)
    if (i + 1 < arrivals.count)
      timeline_.plan(arrivals.at[i], event{to, 0, arrival{node, what.message}});
    else
      timeline_.plan(arrivals.at[i], event{to, 0, arrival{node, std::move(what.message)}});
}

void raft_world::on(std::size_t node, raft::store& what) {
  auto& it = nodes_[node];
  if (what.truncate_from) {
    if (*what.truncate_from <= it.chain_base)
      throw violation("I3: " + called(node) + " truncates its log from entry " + text(*what.truncate_from)
                      + ", which is part of its snapshot.");
    it.chain.resize(std::min<std::size_t>(it.chain.size(), *what.truncate_from - it.chain_base));
  }
  for (const auto& next : what.append) {
    if (next.index != it.chain_base + it.chain.size())
      throw violation("I1: the log of " + called(node) + " would have a gap before entry " + text(next.index) + ".");
    it.chain.push_back(chained(it.chain.back(), next));
    truth_.appended(node, generation_before_, next, it.chain.back());
    trace_.mix(it.chain.back());
  }
  if (telling())
    say(called(node) + " stores " + (what.hard ? "term " + text(what.hard->term) + " " : "")
          + (what.truncate_from ? "truncation from " + text(*what.truncate_from) + " " : "") + text(what.append.size())
          + " entries",
        false);
  put(node, {what.token, what.hard, what.truncate_from, std::move(what.append), {}, {}, false, false});
}

void raft_world::on(std::size_t node, raft::commit& what) {
  const auto& it = nodes_[node];
  for (const auto& next : what.entries)
    apply(node, next);
  // What leader completeness rests on (3.6.2): an old entry on a majority may still be overwritten.
  const auto& last = what.entries.back();
  if (led_before_ != 0 && led_before_ == it.core->term() && last.term != led_before_
      && last.type != raft::entry::kind::seal)
    throw violation("I1, commitment: " + called(node) + " leads term " + text(led_before_) + " and takes entry "
                    + text(last.index) + " of term " + text(last.term)
                    + " for committed before an entry of its own is.");
}

void raft_world::apply(std::size_t node, const raft::entry& what) {
  auto& it = nodes_[node];
  if (what.index != it.state.index + 1)
    throw violation("I3: " + called(node) + " applies entry " + text(what.index) + " after entry "
                    + text(it.state.index) + ".");
  it.state = {what.index, chained(it.state.hash, what)};
  trace_.mix(it.state.hash);
  if (truth_.committed(node, generation_before_, it.core->term(), what, it.state.hash)) {
    check_durable(node, what);
    if (telling() && what.type != raft::entry::kind::nothing)
      say("entry " + text(what.index) + " of term " + text(what.term)
            + " is committed: " + (what.type == raft::entry::kind::seal ? "the generation ends" : what.data),
          true);
  }
  const auto found = it.open.find(what.index);
  if (found == it.open.end() || found->second.term != what.term)
    return;
  const auto request = requests_.find(found->second.id);
  it.open.erase(found);
  if (request == requests_.end())
    return;
  truth_.answered(what.index, it.state.hash);
  reply(std::move(request->second.done), result::done, node);
  requests_.erase(request);
}

/// I2: what is committed is durable on a majority of the voters of its generation.
void raft_world::check_durable(std::size_t node, const raft::entry& what) {
  std::size_t holders = 0;
  for (const auto& voter : voters_before_) {
    const auto& there = nodes_[node_of(voter)].on_disk;
    const auto& mark = there.mark;
    const bool later = mark.generation > generation_before_
                       || (mark.generation == generation_before_ && mark.index >= what.index);
    holders += later || (mark.generation == generation_before_ && there.term_at(what.index) == what.term) ? 1 : 0;
  }
  if (holders < voters_before_.size() / 2 + 1)
    throw violation("I2: " + called(node) + " takes entry " + text(what.index)
                    + " for committed while it is durable on " + text(holders) + " of " + text(voters_before_.size())
                    + " voters.");
}

void raft_world::on(std::size_t node, raft::seal& what) {
  auto& it = nodes_[node];
  if (it.state.index != what.mark.index)
    throw violation("I3: " + called(node) + " has applied entry " + text(it.state.index)
                    + " when its generation ends with entry " + text(what.mark.index) + ".");
  say(called(node) + " begins generation " + text(what.mark.generation), true);
  it.replacing = true;
  chain_from(node, what.mark, it.state.hash);
  put(node, {0, {}, {}, {}, what.mark, it.state, true, false});
}

void raft_world::on(std::size_t node, raft::keep_chunk& what) {
  auto& arriving = nodes_[node].arriving;
  if (what.offset == 0)
    arriving.clear();
  if (arriving.size() != what.offset)
    throw violation("a piece of a state comes to " + called(node) + " out of order");
  arriving += what.data;
}

void raft_world::on(std::size_t node, raft::install& what) {
  auto& it = nodes_[node];
  it.replacing = true;
  if (what.digest != text(std::hash<std::string>{}(it.arriving)) || random_.happens(how_.damage)) {
    it.replacing = false;
    const raft::snapshot_damaged damaged{what.mark.generation, what.mark.index};
    timeline_.plan(now(), event{node, it.life, asked{damaged}});
    return;
  }
  const auto state = read_back(it.arriving);
  if (state.index != what.mark.index || state.index > truth_.last() || truth_.at(state.index).hash != state.hash)
    throw violation("I1: " + called(node) + " is sent a state that was never committed.");
  say(called(node) + " takes over the state at entry " + text(state.index) + " of generation "
        + text(what.mark.generation),
      true);
  put(node, {0, {}, {}, {}, what.mark, state, true, true});
}

void raft_world::on(std::size_t node, raft::fetch_chunk& what) {
  const auto& it = nodes_[node];
  const auto whole = content(it.on_disk.state);
  const auto offset = std::min<std::size_t>(what.offset, whole.size());
  raft::snapshot_data data{what.to,
                           it.on_disk.mark.index,
                           offset,
                           whole.substr(offset, piece_bytes),
                           offset + piece_bytes >= whole.size(),
                           text(std::hash<std::string>{}(whole))};
  timeline_.plan(now() + random_.time(from_ms(0.1), from_ms(2)), event{node, it.life, piece{std::move(data)}});
}

void raft_world::on(std::size_t node, raft::proposed& what) { nodes_[node].open[what.index] = {what.term, what.id}; }

void raft_world::on(std::size_t node, raft::refused& what) {
  const auto request = requests_.find(what.id);
  if (request == requests_.end())
    throw violation("I16: " + called(node) + " refuses a request twice, or after it was answered.");
  reply(std::move(request->second.done),
        what.reason == raft::refusal::leadership_lost ? result::unknown : result::refused,
        what.leader ? std::optional(node_of(what.leader)) : std::nullopt);
  requests_.erase(request);
}

void raft_world::on(std::size_t node, raft::readable& what) {
  const auto request = requests_.find(what.id);
  if (request == requests_.end())
    throw violation("I10: " + called(node) + " answers a read twice.");
  if (what.index < request->second.floor)
    throw violation("stale read: " + called(node) + " answers from entry " + text(what.index) + " although entry "
                    + text(request->second.floor) + " had been answered before the read began.");
  reply(std::move(request->second.done), result::done, node);
  requests_.erase(request);
}

void raft_world::on(std::size_t node, raft::role& what) {
  const bool leads = what.now == raft::role::kind::leader;
  if (telling() && leads)
    say(called(node) + " leads term " + text(what.term) + " of generation " + text(what.generation), true);
  else if (telling() && std::exchange(nodes_[node].led, false))
    say(called(node) + " leads no more", true);
  if (telling() && what.leader && !leads)
    say(called(node) + " follows " + called(node_of(what.leader)) + " in term " + text(what.term), true);
  nodes_[node].led = leads;
  if (!leads)
    return;
  truth_.leads(node, what.generation, what.term);
  check_complete(node, what);
}

void raft_world::on(std::size_t node, raft::set_timer& what) {
  auto& it = nodes_[node];
  timeline_.plan(it.clock.world(what.at), event{node, it.life, timer{++it.timers}});
}

// -- the disk ----

std::optional<std::uint64_t> raft_world::image::term_at(log_index index) const {
  if (index <= mark.index || index > mark.index + log.size())
    return std::nullopt;
  return log[index - mark.index - 1].term;
}

void raft_world::put(std::size_t node, write what) {
  auto& it = nodes_[node];
  const auto at = it.writes.write(std::move(what), now(), random_);
  timeline_.plan(at, event{node, it.life, written{}});
}

void raft_world::keep(image& on_disk, const write& what) {
  if (what.hard)
    on_disk.hard = *what.hard;
  auto& log = on_disk.log;
  const auto base = on_disk.mark.index;
  if (what.truncate_from)
    while (base + log.size() >= *what.truncate_from && !log.empty())
      log.pop_back();
  log.insert(log.end(), what.append.begin(), what.append.end());
  if (what.token != 0)
    return;
  for (auto left = what.mark.index - std::min(base, what.mark.index); left > 0 && !log.empty(); --left)
    log.pop_front();
  if (what.whole)
    log.clear();
  on_disk.mark = what.mark;
  on_disk.state = what.state;
}

void raft_world::complete(std::size_t node) {
  auto& it = nodes_[node];
  const auto done = it.writes.complete();
  keep(it.on_disk, done);
  if (done.token != 0)
    return step(node, raft::stored{done.token});
  if (!done.whole) {
    it.snapshotting = false;
    return step(node, raft::snapshot_taken{done.mark.index});
  }
  it.replacing = false;
  if (done.installs) {
    it.state = done.state;
    chain_from(node, done.mark, done.state.hash);
  }
  step(node, raft::snapshot_stored{done.mark.generation, done.mark.index});
}

void raft_world::take_snapshot(std::size_t node) {
  auto& it = nodes_[node];
  const auto term = it.core->term_at(it.state.index);
  if (!term)
    return;
  it.snapshotting = true;
  put(node, {0, {}, {}, {}, {it.state.index, *term, it.core->generation(), it.core->voters()}, it.state, false, false});
}

std::string raft_world::content(const machine& state) const {
  auto whole = text(state.index) + ":" + text(state.hash) + " ";
  whole.resize(std::max(whole.size(), how_.snapshot_bytes), '.');
  return whole;
}

// -- more invariants ----

/// Rule 3 of the generations: campaigns and entries of another one change nothing.
void raft_world::check_foreign(std::size_t node, const raft::event& what, const raft::effects& effects) const {
  const auto* came = std::get_if<raft::received>(&what);
  if (came == nullptr || came->message.generation == generation_before_)
    return;
  const auto& body = came->message.body;
  if (!std::holds_alternative<raft::vote_request>(body) && !std::holds_alternative<raft::append>(body))
    return;
  for (const auto& effect : effects) {
    const auto* stores = std::get_if<raft::store>(&effect);
    if (stores == nullptr)
      continue;
    const bool own_campaign = stores->hard && stores->hard->vote == id_of(node);
    if ((stores->hard && !own_campaign) || stores->truncate_from || !stores->append.empty())
      throw violation("I1, one generation at a time: " + called(node) + " of generation " + text(generation_before_)
                      + " stores what a message of generation " + text(came->message.generation) + " brought.");
  }
}

void raft_world::chain_from(std::size_t node, const raft::snapshot_mark& mark, std::uint64_t hash) {
  nodes_[node].chain_base = mark.index;
  nodes_[node].chain.assign(1, hash);
}

std::uint64_t raft_world::chain_at(const member& it, log_index index) const {
  return index < it.chain_base || index >= it.chain_base + it.chain.size() ? 0 : it.chain[index - it.chain_base];
}

/// I3 over crashes: what a node has said in a term or generation, it remembers.
void raft_world::check_sent(std::size_t node, const raft::message& what) {
  auto& it = nodes_[node];
  const auto* request = std::get_if<raft::vote_request>(&what.body);
  const auto* reply = std::get_if<raft::vote_reply>(&what.body);
  const bool notice = std::holds_alternative<raft::generation_notice>(what.body)
                      || std::holds_alternative<raft::behind>(what.body);
  if ((request != nullptr && request->pre) || (reply != nullptr && reply->pre) || notice)
    return;
  if (what.term < it.sent_term || what.generation < it.sent_generation)
    throw violation("I3: " + called(node) + " speaks in term " + text(what.term) + " of generation "
                    + text(what.generation) + " after term " + text(it.sent_term) + " of generation "
                    + text(it.sent_generation) + ".");
  it.sent_term = what.term;
  it.sent_generation = what.generation;
}

/// I1, leader completeness.
void raft_world::check_complete(std::size_t node, const raft::role& what) {
  for (auto index = truth_.last(); index > 0; --index) {
    const auto& fact = truth_.at(index);
    if (fact.generation < what.generation || index <= nodes_[node].chain_base)
      return;
    if (fact.generation > what.generation || fact.leader_term >= what.term)
      continue;
    if (chain_at(nodes_[node], index) != fact.hash)
      throw violation("I1, leader completeness: " + called(node) + " leads term " + text(what.term) + " without entry "
                      + text(index) + ", committed in term " + text(fact.leader_term) + ".");
    return;
  }
}

} // namespace hearth::sim
