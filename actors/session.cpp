#include "actors/session.hpp"

#include "actors/batch.hpp"
#include "actors/error.hpp"
#include "actors/text_reply.hpp"
#include "core/defaults.hpp"

#include <type_traits>

namespace hearth {

namespace {

/// Inner requests answer within one turn unless a part of the node is stuck; clients are told rather than left waiting.
constexpr auto inner_timeout = defaults::inner_request_timeout;

} // namespace

// -- opening ----

void session_state::take(client::hello& e) {
  if (e.protocol != defaults::protocol_version) {
    refuse(e.request, {ec::version_mismatch,
                       "This node speaks protocol " + std::to_string(defaults::protocol_version) + ", the client ("
                         + e.program + " " + e.version + ") speaks " + std::to_string(e.protocol)
                         + "; end the node with `hearth node stop` and start it with the same version."});
    return break_off({});
  }
  greeted_ = true;
  self_->request(config_.agent, inner_timeout, atom::status::value)
    .then(
      [this, request = e.request](node_row& node) {
        tell(client::welcome{request, node.name, node.id, node.is_private});
        flush();
      },
      refusing(e.request));
}

session_state::error_handler session_state::refusing(std::uint32_t request) {
  return [this, request](const caf::error& error) {
    refuse(request, failure_of(error));
    flush();
  };
}

// -- calls ----

void session_state::take(client::invoke& e) {
  const auto* opened = handles_.find(e.environment);
  if (open_.count(e.header.id) > 0)
    return break_off("The client used the id of an open call again.");
  if (!opened) {
    announced_.erase(e.header.id);
    return fail_call(e.header.id,
                     {ec::unknown_environment, "Environment " + std::to_string(e.environment)
                                                 + " of this connection was never opened, or its supervisor has "
                                                   "ended; open it again."});
  }
  if (e.is_run) {
    auto order = announced_.extract(e.header.id);
    if (order.empty())
      return fail_call(e.header.id, {ec::bad_request, "The call belongs to a run that was not announced."});
    return start(order.mapped(), e, *opened);
  }
  if (auto kept = config_.desk->answer(*opened->spec, e.header, e.arguments))
    return tell(std::move(*kept));
  call c;
  c.header = e.header;
  c.header.depth = 0;
  c.arguments = std::move(e.arguments);
  c.spec = opened->spec;
  c.caller = caller_actor(self_);
  c.output = c.caller;
  open_counted(c.header.id, opened->supervisor, c.arguments.size());
  batch_for(calls_, opened->supervisor).push_back(std::move(c));
}

void session_state::take(client::start_run& e) {
  auto id = e.call;
  announced_[id] = std::move(e);
}

void session_state::start(client::start_run& order, client::invoke& e, const opened_environment& in) {
  run_order run;
  run.name = order.name;
  run.detach = order.detach;
  run.logs = order.logs;
  run.project = order.project;
  run.domain = order.domain;
  run.inputs = order.inputs;
  run.principal = config_.rights.principal;
  run.root.header = e.header;
  run.root.header.root = e.header.id;
  run.root.header.depth = 0;
  run.root.arguments = std::move(e.arguments);
  run.root.spec = in.spec;
  run.supervisor = in.supervisor;
  run.spec = in.spec;
  run.session = session_actor(self_);
  auto id = e.header.id;
  open_counted(id, {}, run.root.arguments.size());
  self_->request(config_.run_keeper, inner_timeout, atom::accept::value, std::move(run))
    .then(
      [this, request = order.request, id](const std::string& name) {
        client::run_state accepted{request, {}};
        accepted.row.name = name;
        accepted.row.phase = "QUEUED";
        accepted.row.call = id;
        tell(std::move(accepted));
        flush();
      },
      [this, request = order.request, id](const caf::error& error) {
        auto why = failure_of(error);
        refuse(request, why);
        if (auto open = open_.extract(id); !open.empty()) {
          close_counted(open.mapped().size);
          fail_call(id, std::move(why));
        }
        flush();
      });
}

void session_state::take(client::cancel& e) {
  auto open = open_.find(e.id);
  if (open == open_.end())
    return; // answered meanwhile
  auto reason = e.reason.empty() ? std::string("The caller cancelled it.") : e.reason;
  if (open->second.supervisor)
    batch_for(cancels_, open->second.supervisor).push_back({caller_actor(self_), e.id, ec::aborted, std::move(reason)});
  else
    self_
      ->request(config_.run_keeper, inner_timeout, atom::abort::value, to_string(e.id), std::string{},
                std::move(reason))
      .then([](run_row&) { /* the reply of the root call tells the client */ },
            [](const caf::error&) { /* it has ended */ });
}

void session_state::replied(std::vector<call_reply>& replies) {
  for (auto& answer : replies) {
    auto open = open_.find(answer.id);
    if (open == open_.end())
      continue; // answered already
    const auto size = open->second.size;
    open_.erase(open);
    close_counted(size);
    tell(std::move(answer));
  }
}

void session_state::supervisor_down(const caf::down_msg& down) {
  handles_.forget(down.source);
  std::vector<call_id> orphans;
  for (const auto& [id, open] : open_)
    if (open.supervisor && open.supervisor.address() == down.source)
      orphans.push_back(id);
  for (auto id : orphans) {
    auto open = open_.extract(id);
    close_counted(open.mapped().size);
    fail_call(id, {ec::shutting_down, "The environment's supervisor ended before the call was done."});
  }
}

void session_state::fail_call(call_id id, failure why) { tell(text_reply(id, why.code, why.message)); }

// -- window ----

void session_state::open_counted(call_id id, supervisor_actor supervisor, std::uint64_t size) {
  if (size > defaults::window_small_bytes) {
    open_bytes_ += size;
    ++open_large_;
  }
  open_.emplace(id, open_call{std::move(supervisor), size});
  if (!paused_ && is_over_window()) {
    paused_ = true;
    tell(client::pause_reading{});
  }
}

/// Never for a client that keeps to what it was granted, so that its requests to cancel are always read.
bool session_state::is_over_window() const {
  return open_.size() > defaults::window_calls || (open_bytes_ > defaults::window_bytes && open_large_ > 1);
}

void session_state::close_counted(std::uint64_t size) {
  if (size > defaults::window_small_bytes) {
    open_bytes_ -= size;
    --open_large_;
  }
  if (paused_ && !is_over_window()) {
    paused_ = false;
    tell(client::resume_reading{});
  }
}

// -- rights ----

void session_state::refuse_event(const client::event& what, std::string why) {
  std::visit(
    [&](const auto& e) {
      if constexpr (std::is_same_v<std::decay_t<decltype(e)>, client::invoke>)
        fail_call(e.header.id, {ec::not_permitted, std::move(why)});
      else if constexpr (requires { e.request; })
        refuse(e.request, {ec::not_permitted, std::move(why)});
    },
    what);
}

// -- end ----

void session_state::break_off(std::string why) {
  if (!why.empty())
    refuse(0, {ec::bad_request, std::move(why)});
  tell(client::close{});
}

void session_state::take(client::gone&) {
  over_ = true;
  for (const auto& [id, open] : open_)
    if (open.supervisor)
      batch_for(cancels_, open.supervisor).push_back({caller_actor(self_), id, ec::aborted, "The caller is gone."});
  open_.clear();
  self_->send(config_.run_keeper, atom::leave::value, session_actor(self_));
  self_->send(config_.agent, atom::leave::value, self_->address());
}

void session_state::flush() {
  for (auto& [to, batch] : calls_)
    self_->send(to, atom::invoke::value, std::move(batch));
  calls_.clear();
  for (auto& [to, batch] : cancels_)
    self_->send(to, atom::cancel::value, std::move(batch));
  cancels_.clear();
  if (!effects_.empty() && config_.connection && !over_)
    self_->send(config_.connection, atom::effects::value, std::move(effects_));
  effects_.clear();
}

session_actor::behavior_type session_state::make_behavior(session_actor::pointer self, session_config config) {
  self_ = self;
  config_ = std::move(config);
  self->monitor(config_.connection);
  self->monitor(config_.agent);
  self->send(config_.agent, atom::join::value, self->address());
  self->delayed_send(self, defaults::hello_timeout, atom::tick::value);
  self->set_down_handler([this](caf::down_msg& down) {
    if (down.source == config_.connection.address()) {
      client::gone e{};
      take(e);
      flush();
      self_->quit();
      return;
    }
    if (down.source == config_.agent.address())
      break_off("The node has stopped.");
    else
      supervisor_down(down);
    flush();
  });
  return {
    [this](atom::replies, std::vector<call_reply>& replies) { replied(replies), flush(); },
    [this](atom::logged, std::vector<log_text>& texts) {
      for (auto& text : texts)
        tell(std::move(text));
      flush();
    },
    [this](atom::events, client::events& events) {
      for (auto& event : events) {
        if (!greeted_ && !std::holds_alternative<client::hello>(event)
            && !std::holds_alternative<client::gone>(event)) {
          break_off("The first message of a connection must be `hello`.");
          break;
        }
        if (auto why = why_not(config_.rights, event); !why.empty())
          refuse_event(event, std::move(why));
        else
          std::visit([this](auto& e) { take(e); }, event);
      }
      flush();
      if (over_)
        self_->quit();
    },
    [this](atom::watch, call_id root, std::uint64_t done) {
      tell(client::progress{root, done}), flush();
    },
    [this](atom::tick) {
      if (!greeted_)
        break_off("No `hello` came."), flush();
    },
  };
}

} // namespace hearth
