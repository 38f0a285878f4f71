#include "node/link/peer_link.hpp"

#include <kj/exception.h>

#include <algorithm>
#include <utility>

namespace hearth::node {

peer_link::peer_link(link_terms& terms, node_uuid peer)
  : terms_(terms), peer_(peer), again_(terms.loop.timers(), [this] { try_again(); }) {}

peer_link::~peer_link() = default;

bool peer_link::dials() const noexcept { return terms_.self.node < peer_; }

// -- to reach the peer ----

void peer_link::set_address(const link_address& address) {
  if (address_ == address)
    return;
  address_ = address;
  pause_ = {};
  if (!is_up_)
    again_.set(dials() ? std::chrono::milliseconds{} : defaults::link_knock_after);
}

void peer_link::rest() {
  pause_ = pause_.count() == 0 ? defaults::link_redial_first : std::min(2 * pause_, defaults::link_redial_longest);
  const auto less = std::uniform_real_distribution<double>(0, defaults::link_redial_jitter)(terms_.chance);
  again_.set(std::chrono::duration_cast<std::chrono::milliseconds>(pause_ * (1 - less)));
}

void peer_link::try_again() {
  if (is_up_ || !address_)
    return;
  if (!dials())
    return may_be_gone_ && !host_answers_ ? ask_host() : knock();
  for (const auto on : terms_.channels)
    if (!at(on).current && !at(on).dialing)
      start_dial(on);
}

void peer_link::start_dial(channel on) {
  at(on).dialing = std::make_unique<dial>(terms_.loop, dial::request{peer_, *address_, on, terms_.dialing},
                                          [this, on](dial::outcome outcome) { on_dialed(on, std::move(outcome)); });
}

std::unique_ptr<line> peer_link::make_line(channel on, kj::AutoCloseFd socket, std::unique_ptr<tls_channel> tls) {
  const auto& self = terms_.self;
  const link_hello hello{self.version, self.version_min, self.cluster, self.node, self.incarnation, self.process};
  try {
    return std::make_unique<line>(terms_.loop, kj::mv(socket), std::move(tls), on, hello,
                                  static_cast<line::owner&>(*this));
  } catch (const kj::Exception& e) {
    trouble("cannot be spoken to: " + std::string(e.getDescription().cStr()));
    return nullptr;
  }
}

void peer_link::trouble(const std::string& what) { terms_.troubles.note(to_string(peer_), what); }

void peer_link::on_dialed(channel on, dial::outcome outcome) {
  auto& lane = at(on);
  const auto ended = std::move(lane.dialing);
  if (const auto* failed = std::get_if<unreached>(&outcome)) {
    trouble(failed->reason);
    if (failed->is_refused)
      on_nobody_listens();
    close();
    return;
  }
  auto& made = std::get<dial::connected>(outcome);
  if (made.peer && made.peer->node == peer_ && made.peer->cluster == terms_.self.cluster)
    lane.current = make_line(on, kj::mv(made.socket), std::move(made.tls));
  else
    trouble("answered with a certificate that is not its own");
  if (!lane.current)
    close();
}

void peer_link::ask_host() {
  if (question_)
    return;
  question_ = std::make_unique<dial>(terms_.loop, dial::request{peer_, *address_, std::nullopt, nullptr},
                                     [this](const dial::outcome& outcome) {
                                       const auto ended = std::move(question_);
                                       const auto* failed = std::get_if<unreached>(&outcome);
                                       host_answers_ = failed == nullptr;
                                       if (failed && failed->is_refused)
                                         on_nobody_listens();
                                       if (!is_up_ && (may_be_gone_ || host_answers_))
                                         rest();
                                       else if (!is_up_)
                                         again_.set(defaults::link_knock_interval);
                                     });
}

/// Not a way in: the peer hangs up on whoever dials in its place.
void peer_link::knock() {
  if (question_)
    return;
  question_ = std::make_unique<dial>(
    terms_.loop, dial::request{peer_, *address_, terms_.channels.front(), terms_.dialing, true},
    [this](const dial::outcome& outcome) {
      const auto ended = std::move(question_);
      const auto* failed = std::get_if<unreached>(&outcome);
      if (failed && failed->is_revoked)
        return terms_.on_expelled({"was removed from the cluster", false, true});
      if (failed && failed->is_refused)
        on_nobody_listens();
      if (!is_up_)
        again_.set(may_be_gone_ ? defaults::link_redial_longest : defaults::link_knock_interval);
    });
}

void peer_link::on_nobody_listens() {
  if (std::exchange(may_be_gone_, false))
    terms_.observer.on_gone(peer_, incarnation_);
}

// -- connections ----

void peer_link::adopt(arrived connection) {
  const auto on = *channel_of(connection.kind);
  if (dials()) // it should know that we dial
    return trouble("dialed, which is for the node with the lower uuid to do");
  at(on).coming = make_line(on, kj::mv(connection.socket), std::move(connection.tls));
}

/// What is wrong with a hello.
std::optional<link_refusal> peer_link::judge(const link_hello& hello) const {
  const auto& self = terms_.self;
  if (hello.cluster != self.cluster)
    return link_refusal{"belongs to the cluster " + to_string(hello.cluster)};
  if (hello.node != peer_)
    return link_refusal{"says that it is " + to_string(hello.node)};
  if (std::min(hello.version, self.version) < std::max(hello.version_min, self.version_min))
    return link_refusal{"speaks versions " + std::to_string(hello.version_min) + " to " + std::to_string(hello.version)
                        + " of the link, this node " + std::to_string(self.version_min) + " to "
                        + std::to_string(self.version) + "; upgrade the older one"};
  if (hello.incarnation < incarnation_)
    return link_refusal{"has started as number " + std::to_string(hello.incarnation) + ", but number "
                          + std::to_string(incarnation_) + " was here already: an old copy of its disk",
                        true};
  if (hello.incarnation == incarnation_ && process_ != 0 && hello.process != process_)
    return link_refusal{"is a second process with the number " + std::to_string(incarnation_)
                          + ": two nodes ran on copies of one disk",
                        true};
  return std::nullopt;
}

void peer_link::on_hello(line& from, const link_hello& hello) {
  if (const auto wrong = judge(hello)) {
    from.refuse(*wrong);
    return on_end(from, wrong->sentence);
  }
  auto& lane = at(from.on());
  const bool is_other = hello.incarnation != incarnation_ || hello.process != process_;
  auto fresh = std::move(lane.coming.get() == &from ? lane.coming : lane.current);
  if (is_other)
    forget_older();
  else if (lane.current)
    go_down("connected anew"); // it knows nothing of these any more
  if (is_retired_)
    return;
  lane.current = std::move(fresh);
  incarnation_ = hello.incarnation;
  process_ = hello.process;
  lane.current->agree();
  if (lane.current->is_agreed())
    go_up();
}

/// Another process of the peer is there: what we have of an older one goes. Dials that are under way may have met the new one.
void peer_link::forget_older() {
  if (is_up_)
    return go_down("has started anew");
  bool has_gone = false;
  for (auto& lane : lanes_) {
    if (lane.current && lane.current->has_greeted()) {
      lane.current.reset();
      has_gone = true;
    }
  }
  if (has_gone && dials())
    rest();
}

void peer_link::on_agreed(line& from) {
  if (from.is_agreed())
    go_up();
}

void peer_link::on_refused(line& from, const link_refusal& why) {
  if (why.is_old_copy || why.is_removed)
    terms_.on_expelled(why);
  on_end(from, "refuses this node, which " + why.sentence);
}

void peer_link::on_frame(line& from, bytes content) { terms_.observer.on_frame(peer_, from.on(), std::move(content)); }

void peer_link::on_room(line& from) { terms_.observer.on_room(peer_, from.on()); }

void peer_link::on_end(line& from, const std::string& reason) {
  trouble(reason);
  auto& lane = at(from.on());
  if (lane.coming.get() == &from)
    lane.coming.reset();
  else
    go_down(std::string(reason));
}

// -- up and down ----

void peer_link::go_up() {
  for (const auto on : terms_.channels)
    if (!at(on).current || !at(on).current->is_agreed())
      return;
  for (const auto on : terms_.channels)
    at(on).current->open();
  is_up_ = true;
  up_since_ = std::chrono::steady_clock::now();
  may_be_gone_ = false;
  again_.cancel();
  question_.reset();
  terms_.observer.on_up(peer_, incarnation_);
}

bool peer_link::close() {
  for (auto& lane : lanes_) {
    lane.current.reset();
    lane.dialing.reset();
  }
  const bool was_up = std::exchange(is_up_, false);
  may_be_gone_ = may_be_gone_ || was_up;
  host_answers_ = host_answers_ && !was_up;
  if (was_up && std::chrono::steady_clock::now() - up_since_ > defaults::link_redial_longest) {
    pause_ = {};
    again_.set({}); // whether its host refuses is worth knowing at once
  } else if (dials() || may_be_gone_) {
    rest(); // so that two which never get on do not try all the time
  }
  return was_up;
}

bool peer_link::retire() {
  const bool was_up = close();
  for (auto& lane : lanes_)
    lane.coming.reset();
  is_retired_ = true;
  question_.reset();
  address_.reset();
  again_.cancel();
  return was_up;
}

void peer_link::go_down(const std::string& reason) {
  if (close())
    terms_.observer.on_down(peer_, incarnation_, reason);
}

// -- frames ----

bool peer_link::send(channel on, std::span<const bytes> parts) {
  return is_up_ && at(on).current && at(on).current->send(parts);
}

std::size_t peer_link::queued_bytes(channel on) const noexcept {
  const auto& current = lanes_[static_cast<std::size_t>(on)].current;
  return current ? current->queued_bytes() : 0;
}

} // namespace hearth::node
