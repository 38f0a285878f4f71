#pragma once

#include "actors/interfaces.hpp"
#include "actors/run_store.hpp"

#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace hearth {

/// The RUN KEEPER is the caller of every run's root call: a run outlives the client that started it, unless that client
/// stays attached and leaves. It records the actions of runs, stores their output and answers who asks for their end.
///
/// Spawned by: the node, once.
/// Monitors:   the SESSIONs that watch a run and the SUPERVISORs of root calls.
/// Dies:       with the node; what the run store holds then is lost or not as the store decides.
struct run_keeper_config {
  std::unique_ptr<run_store> store;
  logs_actor logs;
  std::function<std::uint64_t()> unix_ms; // the calendar, for listings
};

class run_keeper_state {
public:
  static inline const char* name = "run keeper";

  run_keeper_actor::behavior_type make_behavior(run_keeper_actor::pointer self, std::shared_ptr<run_keeper_config> config);

private:
  /// A session that sees the output of a run as it comes.
  struct watcher {
    session_actor session;
    bool is_fetching = false;          // what is kept is on its way; newer output waits here
    std::vector<log_text> held;
    caf::typed_response_promise<bool> end;
  };

  /// What only matters while a run goes on.
  struct live {
    supervisor_actor supervisor;
    session_actor session;             // hears the reply
    bool detach = false;
    instant began;
    std::list<watcher> watchers;
    std::vector<caf::typed_response_promise<run_row>> waiting_row;
    std::vector<caf::typed_response_promise<call_reply>> waiting_result;
    std::unordered_map<call_id, caf::strong_actor_ptr> open_actions; // with who can cancel them
  };

  caf::result<std::string> accept(run_order& order);
  void replied(std::vector<call_reply>& replies);
  void end(run_record& run, call_reply answer);
  void logged(std::vector<log_text>& texts);
  void acted(std::vector<action_event>& events);
  void act(run_record& run, live* l, action_event& e);
  caf::result<run_row> abort(const std::string& run, const std::string& action, const std::string& reason);
  caf::result<bool> watch(const std::string& run, const session_actor& session, std::uint32_t lines, bool follow);
  void leave(const session_actor& session);
  void supervisor_down(const caf::down_msg& down);
  run_record* find(const std::string& name_or_root);
  run_row row_of(const run_record& run) const;
  void keep(run_record& run, call_reply answer);
  void forget_old_results();

  run_keeper_actor::pointer self_ = nullptr;
  std::shared_ptr<run_keeper_config> config_;
  std::unordered_map<call_id, live> live_; // by root
  bool tick_is_coming_ = false;
};

} // namespace hearth
