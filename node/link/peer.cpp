#include "node/link/peer.hpp"

#include "actors/error.hpp"
#include "core/defaults.hpp"

#include <utility>

namespace hearth::node {

namespace {

std::size_t size_of(const std::vector<bytes>& frame) {
  std::size_t total = 0;
  for (const auto& part : frame)
    total += part.size();
  return total;
}

/// PEER: see actors/control.hpp.
///
/// Spawned by: the peer board, with a link.
/// Monitors:   nobody.
/// Dies:       with its link.
peer_actor::behavior_type peer(peer_actor::pointer self, const std::shared_ptr<peer_line>& line) {
  return {
    [line](atom::send, link::messages& what) { line->say(std::move(what)); },
    [self, line](atom::ping, std::uint32_t count) {
      auto promise = self->make_response_promise<std::vector<std::uint64_t>>();
      line->ping(count, [self, promise](const failure& why_not, std::vector<std::uint64_t> times) mutable {
        self->context(nullptr); // who answers is the transport; what ran the actor last may be gone
        if (why_not.code == ec::none)
          promise.deliver(std::move(times));
        else
          promise.deliver(error_of(why_not));
      });
      return promise;
    },
  };
}

} // namespace

// -- saying ----

void peer_line::say(link::messages what) {
  if (!transport_)
    return;
  auto frames = encoder_.encode(std::move(what));
  for (auto& frame : frames.calls) {
    waiting_bytes_ += size_of(frame);
    waiting_.push_back(std::move(frame));
  }
  for (auto& transfer : frames.transfers) {
    beside_bytes_ += transfer.value.size();
    beside_.push_back({std::move(transfer), 0});
  }
  write_calls();
  write_chunks();
  if (waiting_bytes_ > defaults::link_waiting_bytes_max)
    end("takes in messages too slowly: " + std::to_string(waiting_bytes_) + " bytes waited for it");
  else if (beside_bytes_ > defaults::unfinished_bytes_max)
    end("takes in values too slowly: " + std::to_string(beside_bytes_) + " bytes waited for it");
}

void peer_line::go_on(cluster::channel on) {
  silent_looks_ = 0; // it reads, however slowly
  if (on == cluster::channel::calls)
    write_calls();
  else if (on == cluster::channel::bulk)
    write_chunks();
}

void peer_line::write_calls() {
  while (transport_ && !waiting_.empty()) {
    if (!transport_->send(peer_, cluster::channel::calls, waiting_.front()))
      return; // `go_on` follows
    waiting_bytes_ -= size_of(waiting_.front());
    waiting_.pop_front();
  }
}

/// One chunk of each in turn, so that a short value does not wait for a long one.
void peer_line::write_chunks() {
  while (transport_ && !beside_.empty()) {
    auto& next = beside_.front();
    std::size_t size = 0;
    if (!transport_->send(peer_, cluster::channel::bulk, wire::link_chunk(next.what, next.sent, size)))
      return; // `go_on` follows
    next.sent += size;
    beside_bytes_ -= size;
    if (next.sent < next.what.value.size())
      beside_.push_back(std::move(next));
    beside_.pop_front();
  }
}

void peer_line::end(const std::string& why) {
  auto* transport = std::exchange(transport_, nullptr);
  close();
  transport->drop(peer_, why);
}

void peer_line::close() {
  transport_ = nullptr;
  waiting_.clear();
  beside_.clear();
  waiting_bytes_ = 0;
  beside_bytes_ = 0;
  for (auto& ping : std::exchange(pings_, {}))
    ping.done({ec::node_lost, "The link ended before all echoes were back."}, {});
}

// -- hearing ----

std::string peer_line::hear(cluster::channel on, const bytes& frame, link::messages& complete) {
  silent_looks_ = 0;
  if (on == cluster::channel::bulk)
    return assembler_.take_bulk(frame, complete);
  if (const auto echo = wire::echo_in(frame))
    return hear_echo(*echo);
  return assembler_.take_calls(frame, complete);
}

void peer_line::look() {
  if (!transport_)
    return;
  if (++silent_looks_ >= defaults::link_looks_max)
    return end("has said nothing for " + std::to_string((defaults::link_look_interval * silent_looks_).count()) + " s");
  if (silent_looks_ >= defaults::link_looks_until_echo && pings_.empty())
    ping(1, [](const failure&, const std::vector<std::uint64_t>&) { /* that it was heard is all that is asked */ });
}

// -- echoes ----

void peer_line::ping(std::uint32_t count, echoed done) {
  if (!transport_)
    return done({ec::node_lost, "The link has ended."}, {});
  if (count == 0)
    return done({}, {});
  if (pings_.size() >= defaults::pings_waiting_max)
    return done({ec::overloaded, "Others measure the link to this node already; try again later."}, {});
  pings_.push_back({count, {}, std::move(done)});
  if (pings_.size() == 1)
    ask_for_echo();
}

void peer_line::ask_for_echo() {
  asked_at_ = std::chrono::steady_clock::now();
  send_echo({++echo_, false});
}

/// In its turn behind what is said: it is to meet what a call meets.
void peer_line::send_echo(wire::link_echo what) {
  waiting_.push_back({wire::echo_frame(what)});
  waiting_bytes_ += waiting_.back().front().size();
  write_calls();
}

std::string peer_line::hear_echo(wire::link_echo what) {
  if (!what.is_answer) {
    send_echo({what.number, true});
    return {};
  }
  if (pings_.empty() || what.number != echo_)
    return "answered a frame that nobody has sent";
  auto& ping = pings_.front();
  const auto took = std::chrono::steady_clock::now() - asked_at_;
  ping.times.push_back(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()));
  if (ping.times.size() == ping.count) {
    auto ended = std::move(ping);
    pings_.pop_front();
    ended.done({}, std::move(ended.times));
  }
  if (!pings_.empty())
    ask_for_echo();
  return {};
}

peer_board::peer_board(caf::actor_system& system, switchboard_actor switchboard)
  : system_(system), switchboard_(std::move(switchboard)) {}

peer_board::~peer_board() {
  for (auto& [node, l] : lines_)
    end(l);
}

void peer_board::end(line& l) {
  l.state->close();
  caf::anon_send_exit(l.door, caf::exit_reason::user_shutdown);
}

void peer_board::on_up(node_uuid node, std::uint64_t incarnation) {
  auto& l = lines_[node];
  if (l.state)
    end(l);
  l.state = std::make_shared<peer_line>(*transport_, node);
  l.door = system_.spawn(peer, l.state);
  caf::anon_send(switchboard_, atom::up::value, node, incarnation, l.door);
}

void peer_board::on_frame(node_uuid node, cluster::channel on, bytes frame) {
  const auto l = lines_.find(node);
  if (l == lines_.end() || on == cluster::channel::control)
    return; // what was on its way when the link ended; control frames are another observer's
  link::messages complete;
  if (const auto fault = l->second.state->hear(on, frame, complete); !fault.empty())
    transport_->drop(node, fault);
  if (!complete.empty())
    caf::anon_send(switchboard_, atom::events::value, node, std::move(complete));
}

void peer_board::on_room(node_uuid node, cluster::channel on) {
  if (const auto l = lines_.find(node); l != lines_.end())
    l->second.state->go_on(on);
}

void peer_board::look() {
  for (const auto& [node, l] : lines_)
    l.state->look();
}

void peer_board::on_down(node_uuid node, std::uint64_t, const std::string& reason) {
  auto l = lines_.extract(node);
  if (l.empty())
    return;
  caf::anon_send(switchboard_, atom::down::value, node, reason);
  end(l.mapped());
}

} // namespace hearth::node
