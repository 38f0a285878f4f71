#include "node/gateway/connection.hpp"

#include "node/wire/stream_writer.hpp"

#include <caf/all.hpp>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>

namespace hearth::node {

// Out of line: the stream has to be gone while the loop exists, which it does as long as actors do.
connection_state::~connection_state() = default;

// -- from the client ----

void connection_state::on_frames(std::vector<bytes>& frames) {
  if (closing_)
    return;
  client::events events;
  std::vector<client::refused> refused;
  std::string fault;
  try {
    for (auto frame = frames.begin(); fault.empty() && frame != frames.end(); ++frame)
      fault = inbound_->take(*frame, events, refused);
  } catch (const std::exception& e) { // memory, for instance: this client's loss alone
    fault = std::string("sent what the node could not take (") + e.what() + ")";
  }
  if (!events.empty())
    caf::anon_send(session_, atom::events::value, std::move(events));
  wire::stream_writer out(*stream_);
  for (auto& refusal : refused)
    write_effect(std::move(refusal), out);
  if (!fault.empty())
    blame(fault);
}

void connection_state::on_end(const std::string& reason) { end(closing_ ? close_reason_ : reason); }

void connection_state::on_drained() {
  if (closing_)
    return all_is_written();
  confess_gap();
}

// -- to the client ----

void connection_state::apply(const client::effects& effects) {
  for (const auto& effect : effects) {
    if (!stream_ || closing_)
      return;
    if (std::holds_alternative<client::pause_reading>(effect)) {
      stream_->pause_reading();
    } else if (std::holds_alternative<client::resume_reading>(effect)) {
      stream_->resume_reading();
    } else if (std::holds_alternative<client::close>(effect)) {
      close_reason_ = "was told to go";
      close_when_written();
    } else {
      tell(effect);
    }
  }
}

void connection_state::tell(const client::effect& effect) {
  if (const auto* text = std::get_if<log_text>(&effect))
    return tell_output(*text);
  // An answer may be the end of the output that it follows; progress comes all the time and ends nothing.
  if (!std::holds_alternative<client::progress>(effect))
    confess_gap();
  auto pages = pages_of(effect);
  if (pages.empty()) {
    wire::stream_writer out(*stream_);
    write_effect(effect, out);
    if (auto request = request_answered(effect))
      inbound_->answered(*request);
    return check_unread();
  }
  std::move(pages.begin(), pages.end(), std::back_inserter(pages_));
  page_hook_->arm();
}

void connection_state::tell_output(log_text text) {
  if (!output_->lets_through(text, stream_->queued_bytes()))
    return;
  wire::stream_writer out(*stream_);
  write_effect(std::move(text), out);
  check_unread();
}

/// Tells the client how much output it has missed.
void connection_state::confess_gap() {
  auto gap = output_->confession();
  if (!gap)
    return;
  wire::stream_writer out(*stream_);
  write_effect(std::move(*gap), out);
}

void connection_state::write_next_page() {
  if (!stream_ || pages_.empty())
    return;
  wire::stream_writer out(*stream_);
  write_page(pages_.front(), out);
  pages_.pop_front();
  if (!pages_.empty())
    page_hook_->arm();
  check_unread();
}

void connection_state::check_unread() {
  if (stream_->queued_bytes() > config_.unread_bytes_max)
    end("leaves more than " + std::to_string(config_.unread_bytes_max) + " bytes of replies unread");
}

// -- the end ----

/// Tells the client what it did wrong, then lets it go.
void connection_state::blame(const std::string& what) {
  wire::stream_writer out(*stream_);
  write_effect(client::refused{0, {ec::bad_request, "The client " + what + "; the connection is closed."}}, out);
  close_reason_ = what;
  close_when_written();
}

void connection_state::close_when_written() {
  while (stream_ && !pages_.empty())
    write_next_page();
  if (!stream_)
    return;
  closing_ = true;
  stream_->pause_reading();
  close_deadline_ = config_.loop->after(config_.close_grace, [this] { end(close_reason_); });
  if (stream_->flush())
    all_is_written();
}

/// A TCP socket that is closed while it holds what nobody has read takes back what was written to it: a remote client hears
/// the end, and closes first.
void connection_state::all_is_written() {
  if (config_.is_remote)
    ::shutdown(stream_->fd(), SHUT_WR);
  else
    end(close_reason_);
}

void connection_state::end(const std::string& reason) {
  if (!stream_)
    return;
  stream_.reset();
  if (!reason.empty())
    spdlog::info("{} {}", config_.peer, reason);
  client::events last;
  last.emplace_back(client::gone{reason});
  caf::anon_send(session_, atom::events::value, std::move(last));
  caf::anon_send_exit(self_, caf::exit_reason::user_shutdown);
}

connection_actor::behavior_type connection_state::make_behavior(connection_actor::pointer self,
                                                                connection_config config) {
  self_ = self;
  config_ = std::move(config);
  inbound_.emplace(config_.default_python);
  output_.emplace(config_.unread_log_bytes_max);
  self->set_down_handler([this](const caf::down_msg& down) {
    if (stream_ && down.reason != caf::exit_reason::user_shutdown)
      spdlog::error("the session of {} ended before it: {}", config_.peer, caf::to_string(down.reason));
    end({});
  });
  page_hook_ = std::make_unique<turn_hook>(config_.loop->reading(), [this] { write_next_page(); });
  session_ = config_.make_session(self);
  self->monitor(session_);
  stream_.emplace(*config_.loop, std::move(*config_.socket), config_.channel ? std::move(*config_.channel) : nullptr,
                  client_framing, static_cast<frame_stream::owner&>(*this));
  return {[this](atom::effects, const client::effects& effects) { apply(effects); }};
}

} // namespace hearth::node
