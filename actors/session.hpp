#pragma once

#include "actors/cache_desk.hpp"
#include "actors/client_rights.hpp"
#include "actors/control.hpp"
#include "actors/handles.hpp"
#include "actors/interfaces.hpp"
#include "core/defaults.hpp"

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace hearth {

/// The SESSION speaks for one client: it admits its requests and answers each exactly once.
///
/// Spawned by: the gateway, with the CONNECTION that carries its frames.
/// Monitors:   its CONNECTION, the AGENT and the SUPERVISORs of its open calls.
/// Dies:       when the client is gone; its open calls are aborted, its runs go on.
/// Bounds:     beyond `window_calls` or `window_bytes` of open calls it stops reading.
struct session_config {
  session_id id;
  connection_actor connection;
  agent_actor agent;
  run_keeper_actor run_keeper;
  bundles_actor bundles;
  logs_actor logs;
  milliseconds stop_grace = defaults::stop_grace; // of a stop that names none
  journal_actor journal;
  switchboard_actor switchboard{}; // of a cluster; empty: the node is alone
  session_cluster cluster{};
  client_rights rights{};
  std::function<bytes(const environment_spec&)> encode_spec{}; // of what is deployed
  inspector_actor inspector{};
  cache_actor cache{}; // empty: results are not kept
  app_lister_actor apps{};
  std::shared_ptr<cache_desk> desk = std::make_shared<cache_desk>();
};

class session_state {
public:
  static inline const char* name = "session";

  session_actor::behavior_type make_behavior(session_actor::pointer self, session_config config);

private:
  using error_handler = std::function<void(const caf::error&)>;

  struct open_call {
    supervisor_actor supervisor; // empty: the run keeper answers
    std::uint64_t size = 0;
  };

  struct upload {
    std::string digest;
    std::uint64_t size = 0;
    std::uint64_t received = 0;
    std::vector<bytes> parts;
  };

  void take(client::hello& e);
  void take(client::open_environment& e);
  void take(client::put_bundle& e);
  void take(client::bundle_part& e);
  void take(client::start_run& e);
  void take(client::invoke& e);
  void take(client::cancel& e);
  void take(client::rerun& e);
  void take(client::abort& e);
  void take(client::get& e);
  void get_of_runs(const client::get& e, const std::string& what, std::uint32_t limit);
  bool get_from_all(const client::get& e, const std::string& what, std::uint32_t limit);
  void take(client::logs& e);
  void take(client::wait& e);
  void take(client::result& e);
  void take(client::status& e);
  void take(client::stop& e);
  void take(client::ask_cluster& e);
  void take(client::admit_node& e);
  void take(client::remove_node& e);
  void take(client::drain_node& e);
  void take(client::set_voters& e);
  void take(client::make_join_token& e);
  void take(client::make_client_token& e);
  void take(client::revoke_client_token& e);
  void take(client::back_up& e);
  void take(client::ping_node& e);
  void take(client::get_cache& e);
  void take(client::drop_from_cache& e);
  void take(client::limit_cache& e);
  void take(client::move_cache& e);
  void take(client::change_app& e);
  void take(client::gone& e);

  /// Answers what the client may not ask for.
  void refuse_event(const client::event& what, std::string why);
  void deploy(std::uint32_t request, const spec_ptr& spec);
  void open(std::uint32_t request, spec_ptr spec, bool deploy);
  void list_tokens(std::uint32_t request);
  void change(const client::change_app& e, const spec_ptr& now);
  void start(client::start_run& order, client::invoke& e, const opened_environment& in);
  void when_informed(std::uint32_t request, std::function<void()> then);
  void ask_about_run(std::uint32_t request, std::function<void(const error_handler&)> question);
  void ask_all_for_logs(const client::logs& e, const error_handler& failed);
  void open_again(const client::rerun& e, const kept_call& kept);
  void start_again(const client::rerun& e, const kept_call& kept, const opened_environment& in);
  void store(std::uint32_t request, upload&& what);
  /// False, and the request is refused, when this node belongs to no cluster.
  bool has_cluster(std::uint32_t request);
  /// Finds the members with these names or ids, or refuses the request.
  void with_members(std::uint32_t request, std::vector<std::string> names,
                    std::function<void(const std::vector<member_row>&)> then);
  /// Puts the command to the control log and answers with its outcome; `done` says what is so now.
  void decide(std::uint32_t request, cluster::command command, std::string done);
  bool has_cache(std::uint32_t request);
  void with_entry(std::uint32_t request, const std::string& id, std::function<void(const cache_row&)> then);
  void show(std::uint32_t request, const cache_row& row);
  void drop(std::uint32_t request, const std::string& path, const cache_filter& which, const std::string& what,
            bool deletes);
  void replied(std::vector<call_reply>& replies);
  void supervisor_down(const caf::down_msg& down);
  void tell(client::effect what) { effects_.push_back(std::move(what)); }
  void refuse(std::uint32_t request, failure why) { tell(client::refused{request, std::move(why)}); }
  /// The error handler of an inner request that answers `request` with its failure.
  error_handler refusing(std::uint32_t request);
  void fail_call(call_id id, failure why);
  void break_off(std::string why);
  void open_counted(call_id id, supervisor_actor supervisor, std::uint64_t size);
  void close_counted(std::uint64_t size);
  bool is_over_window() const;
  void flush();

  session_actor::pointer self_ = nullptr;
  session_config config_;
  bool greeted_ = false;
  bool over_ = false;
  handle_table handles_;
  std::unordered_map<call_id, open_call> open_;
  std::uint64_t open_bytes_ = 0; // of arguments that count, see defaults::window_small_bytes
  std::size_t open_large_ = 0;   // calls that have such
  bool paused_ = false;
  std::map<std::uint32_t, upload> uploads_;
  std::unordered_map<call_id, client::start_run> announced_;

  // Of the message being handled.
  client::effects effects_;
  std::vector<std::pair<supervisor_actor, std::vector<call>>> calls_;
  std::vector<std::pair<supervisor_actor, std::vector<cancellation>>> cancels_;
};

} // namespace hearth
