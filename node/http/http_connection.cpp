#include "node/http/http_connection.hpp"

#include "actors/error.hpp"
#include "core/defaults_http.hpp"
#include "node/http/failures.hpp"
#include "node/wire/stream_writer.hpp"

#include <caf/all.hpp>
#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace hearth::node {

namespace {

using std::chrono::milliseconds;

constexpr std::uint32_t task_once = 0, task_again = 1; // the second may run again after a lost interpreter

/// So long may a transfer of so many bytes take.
milliseconds transfer_time(std::uint64_t size) {
  return defaults::http_transfer_time + std::chrono::seconds(size / defaults::http_bytes_per_second_min);
}

bool is_request_id(std::string_view text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

} // namespace

// Out of line: the stream has to be gone while the loop exists, which it does as long as actors do.
http_connection_state::~http_connection_state() = default;

// -- from the client ----

void http_connection_state::on_frames(std::vector<bytes>& pieces) {
  try {
    for (const auto& piece : pieces)
      if (phase_ == phase::reading)
        read(piece.view());
      else if (phase_ != phase::closing)
        rest_.append(piece.view()); // little: the stream reads no further
  } catch (const std::exception&) { // memory, for instance: this client's loss alone
    end();
  }
}

/// Requests that came together are answered one after the other.
void http_connection_state::read(std::string_view data) {
  while (!data.empty() && phase_ == phase::reading) {
    const bool begins = !parser_->has_begun();
    data.remove_prefix(parser_->feed(data));
    if (const auto& fault = parser_->fault(); fault.status != 0) {
      keeps_alive_ = false;
      return answer(fault.status, fault.why);
    }
    if (parser_->is_done())
      serve();
    else if (!parser_->has_head())
      begins ? wait_for(defaults::http_header_time) : void();
    else if (!std::exchange(was_told_to_continue_, true)) {
      wait_for(transfer_time(parser_->head().length.value_or(defaults::http_body_bytes_max)));
      if (parser_->head().expects_continue)
        stream_->write(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"));
    }
  }
  rest_.append(data);
}

void http_connection_state::on_end(const std::string&) { end(); }

void http_connection_state::serve() {
  deadline_->cancel();
  const auto& head = parser_->head();
  keeps_alive_ = head.keeps_alive;
  const auto* host = http::find(head.header, "host");
  const auto match = config_.apps->find(host != nullptr ? *host : std::string{}, head.target);
  if (!match)
    return answer(
      404, "No app answers to this host and path; apps are found by /apps/PROJECT/DOMAIN/NAME/ or by their host.");
  serve_app(*match);
}

std::optional<http::refusal> http_connection_state::why_not(const environment_spec& app) const {
  if (app.app.inactive)
    return http::refusal{503, "App " + app.name + " is deactivated; deploy it again to let it serve."};
  if (!app.app.requires_auth)
    return std::nullopt;
  auto judged = config_.judge(http::bearer_token(parser_->head().header));
  if (auto* why = std::get_if<http::refusal>(&judged))
    return std::move(*why);
  const auto& rights = std::get<client_rights>(judged);
  if (!rights.scopes.contains(scope::invoke))
    return http::refusal{403, lacks(rights, {scope::invoke}, "a request to app " + app.name)};
  return std::nullopt;
}

void http_connection_state::serve_app(const app_table::match& match) {
  const auto& spec = *match.spec;
  if (const auto refused = why_not(spec)) {
    keeps_alive_ = keeps_alive_ && parser_->body().empty();
    return answer(refused->status, refused->why, refused->status == 401 ? "www-authenticate: Bearer\r\n" : "");
  }
  const auto& head = parser_->head();
  question next;
  next.id = config_.next_id();
  next.spec = match.spec;
  next.task = http::is_idempotent(head.method) && spec.tasks.size() > task_again ? task_again : task_once;
  const auto* named = http::find(head.header, "x-request-id");
  http::origin from{config_.address, config_.is_encrypted ? "https" : "http", match.target, match.prefix,
                    named != nullptr && is_request_id(*named) ? *named : to_string(next.id)};
  const auto text = std::make_shared<const std::string>(http::request_text(head, parser_->body(), from));
  next.text = {bytes(text, text->data(), text->size()), {}};
  question_ = std::move(next);
  phase_ = phase::asking;
  stream_->pause_reading();
  if (const auto known = opened_.find(spec.key());
      known != opened_.end() && known->second.spec->version == spec.version && known->second.supervisor)
    ask();
  else
    open(match.spec);
}

// -- to the app ----

void http_connection_state::open(const spec_ptr& spec) {
  self_->request(config_.agent, defaults::inner_request_timeout, atom::open::value, spec, false)
    .then([this](const opened_environment& what) { opened(what); },
          [this](const caf::error& why) {
            if (std::exchange(question_, std::nullopt))
              answer(503, failure_of(why).message, http::retry_after());
          });
}

void http_connection_state::opened(const opened_environment& what) {
  if (!stream_)
    return;
  self_->monitor(what.supervisor);
  opened_.insert_or_assign(what.spec->key(), what);
  if (question_)
    ask();
}

void http_connection_state::ask() {
  const auto found = opened_.find(question_->spec->key());
  if (found == opened_.end() || found->second.spec->version != question_->spec->version) {
    question_.reset();
    return answer(503, "Another version of this app has just taken its place.", http::retry_after());
  }
  call c;
  c.header.id = question_->id;
  c.header.root = question_->id;
  c.header.task = question_->task;
  c.streams = true;
  c.arguments = std::move(question_->text);
  c.spec = found->second.spec;
  c.caller = stream_caller_actor(self_);
  c.output = c.caller;
  question_->supervisor = found->second.supervisor;
  // Until the response begins: how long it then goes on is between the app and its client.
  const auto& patience = question_->spec->app.request_timeout;
  wait_for(patience.count() > 0 ? patience : milliseconds(defaults::http_request_timeout));
  std::vector<call> calls;
  calls.push_back(std::move(c));
  self_->send(question_->supervisor, atom::invoke::value, std::move(calls));
}

void http_connection_state::take_parts(std::vector<reply_part>& parts) {
  for (auto& part : parts)
    if (question_ && part.id == question_->id && !take_part(part)) // others are of a question that is over
      return;
  if (incoming_)
    grant();
}

/// False: the connection is over, or has got another answer.
bool http_connection_state::take_part(reply_part& part) {
  if (!incoming_) {
    deadline_->cancel();
    incoming_.emplace(
      incoming{{parser_->head(), keeps_alive_}, part.attempt, caf::actor_cast<replica_actor>(self_->current_sender())});
  }
  wire::stream_writer out(*stream_);
  incoming_->owed += part.data.size();
  if (part.attempt == incoming_->attempt && incoming_->response.take(std::move(part.data), out))
    return true;
  const auto why = incoming_->response.fault();
  cancel("What the app sent is no response.");
  if (incoming_->response.has_begun())
    return break_off(), false;
  incoming_.reset();
  return answer(502, "The app " + why + '.'), false;
}

/// The app goes on as the client reads.
void http_connection_state::grant() {
  if (stream_->queued_bytes() > defaults::http_unsent_bytes_max) {
    wait_for(transfer_time(stream_->queued_bytes()));
    return stream_->tell_when_drained();
  }
  deadline_->cancel();
  if (const auto size = std::exchange(incoming_->owed, 0); size > 0)
    self_->send(incoming_->replica, atom::more::value, question_->id, size);
}

void http_connection_state::replied(call_reply& reply) {
  if (!question_ || reply.id != question_->id)
    return; // of a question that is over
  question_.reset();
  deadline_->cancel();
  if (incoming_)
    return finish_stream(reply);
  reply.code == ec::none ? pass_on(reply) : fail(reply);
}

void http_connection_state::finish_stream(call_reply& reply) {
  auto whole = std::exchange(incoming_, std::nullopt);
  auto& response = whole->response;
  wire::stream_writer out(*stream_);
  bool is_fine = reply.code == ec::none && response.take(std::move(reply.value.head), out);
  for (auto& part : reply.value.rest)
    is_fine = is_fine && response.take(std::move(part), out);
  if (is_fine && response.finish(out)) {
    keeps_alive_ = response.keeps_alive();
    return written();
  }
  if (response.has_begun())
    return break_off();
  reply.code == ec::none ? answer(502, "The app " + response.fault() + '.') : fail(reply);
}

void http_connection_state::pass_on(call_reply& reply) {
  auto& value = reply.value;
  auto read = http::read_response(value.head.view());
  if (const auto* why = std::get_if<std::string>(&read))
    return answer(502, "The app " + *why + '.');
  auto& response = std::get<http::response>(read);
  const auto body = value.size() - response.body_at;
  const auto& head = parser_->head();
  response.header.push_back({"server-timing", http::timing_of(reply)});
  const bool is_head = head.method == "HEAD";
  stream_->write(http::response_text(response, is_head ? response.length.value_or(body) : body, head, keeps_alive_));
  if (!is_head) {
    stream_->write(value.head.slice(response.body_at, value.head.size() - response.body_at));
    for (auto& part : value.rest)
      stream_->write(std::move(part));
  }
  written();
}

void http_connection_state::fail(const call_reply& reply) {
  const auto refusal = http::refusal_of(reply);
  answer(refusal.status, refusal.why, refusal.status == 429 || refusal.status == 503 ? http::retry_after() : "");
}

void http_connection_state::supervisor_down(const caf::actor_addr& which) {
  std::erase_if(opened_, [&](const auto& each) { return each.second.supervisor.address() == which; });
  if (!question_ || !question_->supervisor || question_->supervisor.address() != which)
    return;
  question_.reset();
  answer(502, "The supervisor of the app ended while it answered; what was asked may have taken effect.");
}

// -- to the client ----

void http_connection_state::answer(int status, std::string_view sentence, std::string_view more_fields) {
  if (!stream_)
    return;
  const bool is_head = parser_->has_head() && parser_->head().method == "HEAD";
  stream_->write(http::plain_answer(status, sentence, keeps_alive_, more_fields, is_head));
  written();
}

/// The answer is on its way; a client that does not read it hears no more.
void http_connection_state::written() {
  if (!keeps_alive_)
    return close_when_written();
  wait_for(transfer_time(stream_->queued_bytes()));
  stream_->tell_when_drained();
  const bool was_asking = phase_ == phase::asking;
  parser_.emplace(defaults::http_body_bytes_max);
  was_told_to_continue_ = false;
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

void http_connection_state::wait_for(milliseconds time) { deadline_->set(time); }

void http_connection_state::out_of_time() {
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
  stream_->resume_reading();
  wait_for(transfer_time(stream_->queued_bytes()));
  stream_->tell_when_drained();
}

// -- the end ----

/// The client gets what there is, and sees that the rest is missing.
void http_connection_state::break_off() {
  stream_->flush();
  end();
}

void http_connection_state::cancel(const std::string& why) {
  if (question_ && question_->supervisor) {
    std::vector<cancellation> stop;
    stop.push_back({stream_caller_actor(self_), question_->id, ec::aborted, why});
    self_->send(question_->supervisor, atom::cancel::value, std::move(stop));
  }
  question_.reset();
}

void http_connection_state::end() {
  if (!stream_)
    return;
  cancel("The client is gone.");
  phase_ = phase::closing;
  incoming_.reset();
  deadline_.reset();
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
    [](atom::logged, const std::vector<log_text>&) { /* replicas of apps keep their output themselves */ },
  };
}

} // namespace hearth::node
