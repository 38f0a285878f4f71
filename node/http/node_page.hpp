#pragma once

#include "actors/cache_messages.hpp"
#include "actors/client_rights.hpp"
#include "actors/control.hpp"
#include "actors/interfaces.hpp"
#include "node/http/metrics_text.hpp"
#include "node/http/own_paths.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace hearth::node {

/// An answer of the node itself, whole.
struct page {
  int status = 200;
  std::string_view type; // of the content
  std::shared_ptr<const std::string> content;
};

/// What the HTTP front door itself counts. Loop thread only.
struct door_figures {
  std::uint64_t connections = 0;
  request_counts requests{}; // for no app
};

/// Whom pages ask; the same for all of them.
struct page_sources {
  agent_actor agent;
  app_lister_actor apps;
  journal_actor journal;
  cache_actor cache; // may be empty
  run_keeper_actor run_keeper;
  std::shared_ptr<const door_figures> door;
  std::string version;                           // of Hearth
  std::function<std::chrono::nanoseconds()> cpu; // that the process has used
  /// A session for a client with these rights, which hears its answers.
  std::function<session_actor(connection_actor, client_rights)> make_session;
};

/// PAGE answers one request for what a node tells of itself. Listings it has from a session of its own, as any client has
/// them, so they are the same and in a cluster of all its nodes; metrics from the parts of this node, which it asks at the
/// same time. It writes a little in each turn of the loop, whatever there is.
///
/// Spawned by: an HTTP CONNECTION, for one request.
/// Monitors:   nobody: whom it asks answers, or the time is up.
/// Dies:       when it has answered.
using page_actor = connection_actor::extend<
  // Answered once, whatever happens.
  caf::replies_to<atom::ask, http::own_page, client_rights>::with<page>,
  // INTERNAL: writes some more.
  caf::reacts_to<atom::tick>>;

class page_state {
public:
  static inline const char* name = "page";

  page_actor::behavior_type make_behavior(page_actor::pointer self, std::shared_ptr<const page_sources> from);

private:
  caf::result<page> ask(const http::own_page& what, const client_rights& rights);
  void ask_for_rows(const client_rights& rights);
  void ask_for_metrics();
  template <class... Answer, class Take, class Handle, class... Question>
  void gather(Take take, const Handle& whom, Question... question);
  void gathered();
  void take(client::effects& effects);
  template <class Row>
  void take(client::rows<Row>& rows);
  void write_on();
  void answer(page what);
  void refuse(int status, std::string why);

  page_actor::pointer self_ = nullptr;
  std::shared_ptr<const page_sources> from_;
  http::own_page what_;
  caf::typed_response_promise<page> promise_;
  bool is_answered_ = false;
  session_actor session_; // of a listing
  http::node_figures figures_;
  std::size_t missing_ = 0; // parts that have not answered
  std::string_view type_;
  std::string text_;                             // so far
  std::function<bool(std::string&)> write_some_; // false: that was all
};

} // namespace hearth::node

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::node::page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::http::own_page)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::client_rights)
