#include "node/http/http_connection.hpp"

#include "actors/error.hpp"
#include "core/defaults_http.hpp"
#include "node/http/failures.hpp"
#include "node/wire/stream_writer.hpp"

#include <caf/all.hpp>

#include <algorithm>
#include <utility>

/// The side of the app: a request is a call, and its reply the answer.
namespace hearth::node {

namespace {

constexpr std::uint32_t task_once = 0, task_again = 1; // the second may run again after a lost interpreter

bool is_request_id(std::string_view text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

} // namespace

// -- asking ----

std::optional<http::refusal> http_connection_state::why_not(const environment_spec& app) const {
  if (app.app.inactive)
    return http::refusal{503, "App " + app.name + " is deactivated; `hearth activate app " + app.name
                                + "` lets it serve again."};
  if (!app.app.requires_auth)
    return std::nullopt;
  auto judged = admitted(scope::invoke, "a request to app " + app.name);
  auto* why = std::get_if<http::refusal>(&judged);
  return why != nullptr ? std::optional(std::move(*why)) : std::nullopt;
}

/// All of the request is here, or its header and an app that takes the rest as it comes.
void http_connection_state::serve_app() {
  counted_->since = self_->clock().now();
  const auto& head = parser_->head();
  const auto& spec = *match_->spec;
  question next;
  next.id = config_.next_id();
  next.spec = match_->spec;
  const bool may_run_again = !outgoing_ && http::is_idempotent(head.method) && spec.tasks.size() > task_again;
  next.task = may_run_again ? task_again : task_once;
  const auto* named = http::find(head.header, "x-request-id");
  http::origin from{config_.address,
                    config_.is_encrypted ? "https" : "http",
                    match_->target,
                    match_->prefix,
                    named != nullptr && is_request_id(*named) ? *named : to_string(next.id),
                    outgoing_.has_value(),
                    outgoing_ && outgoing_->is_socket};
  const auto body = outgoing_ ? std::string_view{} : std::string_view(parser_->body());
  const auto text = std::make_shared<const std::string>(http::request_text(head, body, from));
  next.text = {bytes(text, text->data(), text->size()), {}};
  question_ = std::move(next);
  phase_ = phase::asking;
  stream_->pause_reading();
  if (const auto known = opened_.find(spec.key());
      known != opened_.end() && known->second.spec->version == spec.version && known->second.supervisor)
    ask();
  else
    open(match_->spec);
}

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
  c.has_input = outgoing_.has_value();
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

// -- hearing ----

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
    counted_->began = self_->clock().now();
    const bool is_socket = outgoing_ && outgoing_->is_socket;
    incoming_.emplace(incoming{{parser_->head(), keeps_alive_, is_socket},
                               part.attempt,
                               caf::actor_cast<replica_actor>(self_->current_sender())});
  }
  wire::stream_writer out(*stream_);
  incoming_->owed += part.data.size();
  const bool was_open = socket() != nullptr;
  const bool is_of_it = part.attempt == incoming_->attempt && self_->current_sender() == incoming_->replica;
  if (is_of_it && incoming_->response.take(std::move(part.data), out)) {
    if (!was_open && socket() != nullptr)
      take_input(std::exchange(rest_, {})); // what came before the socket was open
    return stream_.has_value();
  }
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
    wait_for_transfer(stream_->queued_bytes());
    return stream_->tell_when_drained();
  }
  deadline_->cancel();
  if (const auto size = std::exchange(incoming_->owed, 0); size > 0)
    self_->send(incoming_->replica, atom::more::value, question_->id, size);
  if (outgoing_)
    pump();
}

void http_connection_state::replied(call_reply& reply) {
  if (!question_ || reply.id != question_->id)
    return; // of a question that is over
  question_.reset();
  deadline_->cancel();
  if (reply.cold)
    counted_->figures->was_cold(http::cold_start_of(reply));
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
    keeps_alive_ = response.keeps_alive() && all_has_come(); // who sends a body that nobody reads has to begin anew
    count(response.socket() != nullptr ? request_end::success : end_with(response.status()));
    return written();
  }
  if (response.socket() != nullptr)
    return close_socket(*response.socket(), reply);
  if (response.has_begun())
    return break_off();
  reply.code == ec::none ? answer(502, "The app " + response.fault() + '.') : fail(reply);
}

/// The app ended without a word about its WebSocket.
void http_connection_state::close_socket(http::web_socket& socket, const call_reply& reply) {
  socket.close(reply.code == ec::shutting_down ? http::close_going_away : http::close_internal_error, {});
  stream_->write(std::string_view(socket.take_output()));
  count(request_end::broken);
  close_when_written();
}

void http_connection_state::pass_on(call_reply& reply) {
  auto& value = reply.value;
  auto read = http::read_response(value.head.view());
  if (const auto* why = std::get_if<std::string>(&read))
    return answer(502, "The app " + *why + '.');
  auto& response = std::get<http::response>(read);
  const auto body = value.size() - response.body_at;
  const auto& head = parser_->head();
  keeps_alive_ = keeps_alive_ && all_has_come();
  count(end_with(response.status));
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

void http_connection_state::cancel(const std::string& why) {
  if (question_ && question_->supervisor) {
    std::vector<cancellation> stop;
    stop.push_back({stream_caller_actor(self_), question_->id, ec::aborted, why});
    self_->send(question_->supervisor, atom::cancel::value, std::move(stop));
  }
  question_.reset();
}

} // namespace hearth::node
