#include "node/http/http_connection.hpp"

#include "core/defaults_http.hpp"

#include <caf/all.hpp>

#include <algorithm>
#include <memory>
#include <utility>

/// From the client to an app that has its request already: a body as it comes, or messages over a WebSocket. The app says how much
/// it has room for, and the client is read no further than that.
namespace hearth::node {

void http_connection_state::begin_input(bool is_socket) {
  outgoing_.emplace();
  outgoing_->is_socket = is_socket;
}

/// Null: none is open.
http::web_socket* http_connection_state::socket() { return incoming_ ? incoming_->response.socket() : nullptr; }

void http_connection_state::take_input(std::string_view data) {
  auto& out = *outgoing_;
  out.heard += data.size();
  if (auto* open = socket()) {
    open->feed(data, out.held);
    stream_->write(std::string_view(open->take_output()));
    out.is_complete = open->is_deaf();
  } else if (out.is_socket) {
    rest_.append(data); // no client sends much before it has an answer, and it is read no further
  } else {
    data.remove_prefix(parser_->feed(data));
    out.held.append(parser_->take_body());
    out.is_complete = parser_->is_done();
    rest_.append(data);
    if (parser_->fault().status != 0)
      return spoilt(parser_->fault());
  }
  pump();
}

/// What the client sends cannot be read.
void http_connection_state::spoilt(const http::refusal& why) {
  cancel("The body of the request cannot be read: " + why.why);
  if (std::exchange(incoming_, std::nullopt))
    return break_off(); // an answer is on its way already
  keeps_alive_ = false;
  answer(why.status, why.why);
}

/// The app has room for more.
void http_connection_state::wanted(std::uint64_t size) {
  if (!outgoing_ || outgoing_->is_over)
    return;
  auto& out = *outgoing_;
  if (!out.replica && !out.is_socket && parser_->head().expects_continue)
    stream_->write(http::go_ahead);
  out.replica = caf::actor_cast<replica_actor>(self_->current_sender());
  out.room += size;
  pump();
}

void http_connection_state::pump() {
  auto& out = *outgoing_;
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(out.room, out.held.size()));
  const bool is_last = out.is_complete && size == out.held.size();
  if (out.replica && !out.is_over && (size > 0 || is_last)) {
    const auto part = std::make_shared<const std::string>(size == out.held.size() ? std::exchange(out.held, {})
                                                                                  : out.held.substr(0, size));
    out.held.erase(0, out.held.empty() ? 0 : size);
    out.room -= size;
    out.is_over = is_last;
    self_->send(out.replica, atom::input::value,
                input_part{question_->id, {part, part->data(), part->size()}, is_last});
  }
  // Who lets answers to its pings pile up is not read either, until they are gone.
  const bool is_stuck = stream_->queued_bytes() > defaults::http_unsent_bytes_max;
  const bool reads = !out.is_complete && !is_stuck && out.held.size() <= defaults::http_untaken_bytes_max
                     && (!out.is_socket || socket() != nullptr);
  reads ? stream_->resume_reading() : stream_->pause_reading();
  if (is_stuck) {
    wait_for_transfer(stream_->queued_bytes());
    stream_->tell_when_drained();
  }
  watch_client();
}

// -- a client that says nothing ----

void http_connection_state::watch_client() {
  const auto& out = *outgoing_;
  const bool waits = !out.is_complete && (out.is_socket ? socket() != nullptr : out.held.empty() && out.room > 0);
  if (!waits)
    return input_deadline_->cancel();
  if (!input_deadline_->is_set()) {
    outgoing_->heard = 0;
    input_deadline_->set(out.is_socket ? defaults::http_socket_ping_interval : defaults::http_transfer_time);
  }
}

void http_connection_state::client_is_silent() {
  if (phase_ == phase::closing)
    return stream_->resume_reading(); // the pause of `drop` is over
  if (!outgoing_ || !question_)
    return;
  auto& out = *outgoing_;
  if (auto* open = socket()) {
    const bool reads = out.held.size() <= defaults::http_untaken_bytes_max; // else it has no chance to be heard
    if (std::exchange(out.was_pinged, true) && out.heard == 0 && reads)
      return end();
    open->ping();
    stream_->write(std::string_view(open->take_output()));
  } else if (out.heard < body_bytes_min) {
    return spoilt({408, "The request did not come in time."});
  }
  watch_client();
}

} // namespace hearth::node
