#include "node/http/http_connection.hpp"

#include "core/defaults_http.hpp"

#include <caf/all.hpp>
#include <sys/socket.h>

#include <exception>
#include <utility>

/// The side of the client: bytes become requests, answers become bytes, and everything has its time.
namespace hearth::node {

using std::chrono::milliseconds;

namespace {

/// So long may a transfer of so many bytes take.
milliseconds transfer_time(std::uint64_t size) {
  return defaults::http_transfer_time + std::chrono::seconds(size / defaults::http_bytes_per_second_min);
}

} // namespace

// Out of line: the stream has to be gone while the loop exists, which it does as long as actors do.
http_connection_state::~http_connection_state() = default;

// -- reading ----

void http_connection_state::on_frames(std::vector<bytes>& pieces) {
  try {
    for (const auto& piece : pieces)
      if (phase_ == phase::reading)
        read(piece.view());
      else if (phase_ == phase::asking && outgoing_ && !outgoing_->is_complete)
        take_input(piece.view());
      else if (phase_ == phase::closing)
        drop(piece.view().size());
      else if (phase_ != phase::put_off) // what follows on what is no request is none
        rest_.append(piece.view());      // little: the stream reads no further
  } catch (const std::exception&) {      // memory, for instance: this client's loss alone
    end();
  }
}

/// Requests that came together are answered one after the other.
void http_connection_state::read(std::string_view data) {
  while (!data.empty() && phase_ == phase::reading) {
    const bool begins = !parser_->has_begun();
    const bool had_head = parser_->has_head();
    data.remove_prefix(parser_->feed(data));
    if (parser_->fault().status != 0)
      return put_off(); // the rest of it is of no use
    if (!parser_->has_head())
      begins ? wait_for(defaults::http_header_time) : void();
    else if ((had_head || route()) && parser_->is_done())
      serve();
  }
  if (phase_ == phase::reading && data.empty())
    return await_body();
  if (phase_ == phase::asking && outgoing_)
    return take_input(data);
  rest_.append(data);
}

/// The header is here: where the request goes. False: nowhere, and the client has been told.
bool http_connection_state::route() {
  const auto& head = parser_->head();
  keeps_alive_ = head.keeps_alive;
  const auto* host = http::find(head.header, "host");
  match_ = config_.apps->find(host != nullptr ? *host : std::string{}, head.target);
  if (match_)
    return route_app();
  if (!http::is_own_path(head.target))
    return refuse({404,
                   "No app answers to this host and path; apps are found by /apps/PROJECT/DOMAIN/NAME/ or by their "
                   "host."}),
           false;
  if (head.is_chunked || head.length.value_or(0) > 0) {
    keeps_alive_ = false; // nothing of it is read
    return refuse_page({413, "What a node tells of itself is asked for without a body."}), false;
  }
  parser_->await_body(false);
  return parser_->fault().status == 0 || (refuse(parser_->fault()), false);
}

/// Who sends the request whose header is here, if a token of theirs allows `what`.
std::variant<client_rights, http::refusal> http_connection_state::admitted(scope needed, std::string_view what) const {
  auto judged = config_.judge(http::bearer_token(parser_->head().header));
  if (const auto* rights = std::get_if<client_rights>(&judged); rights != nullptr && !rights->scopes.contains(needed))
    return http::refusal{403, lacks(*rights, {needed}, what)};
  return judged;
}

bool http_connection_state::route_app() {
  const auto& head = parser_->head();
  counted_ = counted{match_->figures, self_->clock().now(), {}};
  match_->figures->began();
  if (auto why = why_not(*match_->spec))
    return refuse(*why), false;
  const bool streams = match_->spec->app.kind != "wsgi"; // which is called with the whole body
  if (streams && http::asks_for_socket(head)) {
    if (auto why = http::fault_of_handshake(head); why.status != 0)
      return refuse(why), false;
    begin_input(true);
    return true;
  }
  takes_parts_ = streams && (head.is_chunked || head.length.value_or(0) > defaults::http_held_body_bytes_max);
  parser_->await_body(takes_parts_);
  return parser_->fault().status == 0 || (refuse(parser_->fault()), false);
}

/// The header is here and what has come of the body is not all of it.
void http_connection_state::await_body() {
  if (!parser_->has_head() || parser_->is_done())
    return;
  if (takes_parts_) {
    begin_input(false);
    serve();
    return outgoing_ ? take_input({}) : void(); // what is here of it
  }
  if (std::exchange(awaits_body_, true))
    return;
  body_at_last_look_ = parser_->body().size();
  wait_for(defaults::http_transfer_time);
  if (parser_->head().expects_continue)
    stream_->write(http::go_ahead);
}

void http_connection_state::serve() {
  deadline_->cancel();
  match_ ? serve_app() : serve_page();
}

void http_connection_state::on_end(const std::string&) { end(); }

// -- answering ----

void http_connection_state::answer(int status, std::string_view sentence, std::string_view more_fields) {
  if (!stream_)
    return;
  keeps_alive_ = keeps_alive_ && all_has_come();
  const bool is_head = parser_->has_head() && parser_->head().method == "HEAD";
  count(end_with(status));
  stream_->write(http::plain_answer(status, sentence, keeps_alive_, more_fields, is_head));
  written();
}

/// Before the app was asked. What still comes of the request is of no use.
void http_connection_state::refuse(const http::refusal& why) {
  deadline_->cancel();
  keeps_alive_ = keeps_alive_ && parser_->is_done() && parser_->fault().status == 0;
  if (why.status == 401)
    return answer(why.status, why.why, "www-authenticate: Bearer\r\n");
  answer(why.status, why.why, why.status == 426 ? "sec-websocket-version: 13\r\n" : "");
}

/// What was sent is no request. Who sends such things as fast as they are refused is held up; a person does not notice.
void http_connection_state::put_off() {
  phase_ = phase::put_off;
  stream_->pause_reading();
  wait_for(defaults::http_fault_pause);
}

/// A request has ended.
void http_connection_state::count(request_end how) {
  if (!counted_) {
    ++config_.door->requests[static_cast<std::size_t>(how)];
    return;
  }
  const auto now = self_->clock().now();
  counted_->figures->ended(how, counted_->began.value_or(now) - counted_->since, now);
  counted_.reset();
}

/// The answer is on its way; a client that does not read it hears no more.
void http_connection_state::written() {
  if (!keeps_alive_)
    return close_when_written();
  wait_for_transfer(stream_->queued_bytes());
  stream_->tell_when_drained();
  const bool was_asking = phase_ == phase::asking;
  parser_.emplace(defaults::http_body_bytes_max);
  match_.reset();
  outgoing_.reset();
  input_deadline_->cancel();
  awaits_body_ = takes_parts_ = false;
  // Who sends requests and reads no answers gets no further ones.
  phase_ = stream_->queued_bytes() > defaults::http_unsent_bytes_max ? phase::sending : phase::reading;
  if (phase_ == phase::sending)
    stream_->pause_reading();
  else if (was_asking)
    go_on();
}

void http_connection_state::go_on() {
  phase_ = phase::reading;
  stream_->resume_reading();
  if (!rest_.empty())
    read(std::exchange(rest_, {}));
}

void http_connection_state::on_drained() {
  if (phase_ == phase::asking && incoming_)
    return grant();
  if (phase_ == phase::sending)
    go_on();
  if (phase_ == phase::closing) {
    // A socket that is closed while more comes takes back what was written to it: the client hears the end, and closes first.
    ::shutdown(stream_->fd(), SHUT_WR);
    return wait_for(defaults::http_close_time);
  }
  if (phase_ == phase::reading && !parser_->has_begun())
    wait_for(defaults::http_idle_time);
}

// -- time ----

void http_connection_state::wait_for(milliseconds time) { deadline_->set(time); }
void http_connection_state::wait_for_transfer(std::uint64_t size) { deadline_->set(transfer_time(size)); }

void http_connection_state::out_of_time() {
  if (phase_ == phase::put_off)
    return refuse(parser_->fault());
  // A body that is held has to come at the least rate, however long it may be.
  if (phase_ == phase::reading && awaits_body_
      && parser_->body().size() >= std::exchange(body_at_last_look_, parser_->body().size()) + body_bytes_min)
    return wait_for(defaults::http_transfer_time);
  if (phase_ == phase::asking && question_ && !incoming_) {
    cancel("The request has had its time.");
    return answer(504, "The app did not answer in the time that a request may take.");
  }
  if (phase_ == phase::reading && parser_->has_begun() && stream_->queued_bytes() == 0) {
    keeps_alive_ = false;
    return answer(408, "The request did not come in time.");
  }
  end();
}

/// What still comes is read and dropped: a client that is busy with sending reads no answer.
void http_connection_state::close_when_written() {
  phase_ = phase::closing;
  outgoing_.reset();
  input_deadline_->cancel();
  stream_->read_at_most(defaults::http_dropped_bytes_at_once);
  stream_->resume_reading();
  wait_for_transfer(stream_->queued_bytes());
  stream_->tell_when_drained();
}

/// What is of no use to anybody is read no faster than the others can bear.
void http_connection_state::drop(std::size_t size) {
  dropped_ += size;
  if (dropped_ < defaults::http_dropped_bytes_at_once)
    return;
  dropped_ = 0;
  stream_->pause_reading();
  input_deadline_->set(defaults::http_dropped_pause);
}

// -- the end ----

/// The client gets what there is, and sees that the rest is missing.
void http_connection_state::break_off() {
  count(request_end::broken);
  stream_->flush();
  end();
}

void http_connection_state::end() {
  if (!stream_)
    return;
  cancel("The client is gone.");
  if (counted_)
    count(request_end::gone);
  phase_ = phase::closing;
  outgoing_.reset();
  incoming_.reset();
  deadline_.reset();
  input_deadline_.reset();
  stream_.reset();
  config_.place.reset();
  config_.loop->post(std::move(config_.ended)); // whoever holds this actor may let it go, but not while it runs
  caf::anon_send_exit(self_, caf::exit_reason::user_shutdown);
}

stream_caller_actor::behavior_type http_connection_state::make_behavior(stream_caller_actor::pointer self,
                                                                        http_connection_config config) {
  self_ = self;
  config_ = std::move(config);
  parser_.emplace(defaults::http_body_bytes_max);
  deadline_ = std::make_unique<loop_timer>(config_.loop->timers(), [this] { out_of_time(); });
  input_deadline_ = std::make_unique<loop_timer>(config_.loop->timers(), [this] { client_is_silent(); });
  wait_for(defaults::http_header_time);
  self->set_down_handler([this](const caf::down_msg& down) { supervisor_down(down.source); });
  stream_.emplace(*config_.loop, std::move(*config_.socket), config_.channel ? std::move(*config_.channel) : nullptr,
                  no_framing, static_cast<frame_stream::owner&>(*this));
  return {
    [this](atom::replies, std::vector<call_reply>& replies) {
      for (auto& reply : replies)
        if (stream_)
          replied(reply);
    },
    [this](atom::parts, std::vector<reply_part>& parts) {
      if (stream_)
        take_parts(parts);
    },
    [this](atom::more, call_id id, std::uint64_t size) {
      if (stream_ && question_ && question_->id == id)
        wanted(size);
    },
    [](atom::logged, const std::vector<log_text>&) { /* replicas of apps keep their output themselves */ },
  };
}

} // namespace hearth::node
