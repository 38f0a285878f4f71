#pragma once

#include "actors/interfaces.hpp"
#include "actors/run_store.hpp"
#include "actors/stores.hpp"

#include <list>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace hearth {

/// The RUN KEEPER is the caller of every run's root call: a run outlives the client that started it. It records the actions
/// of runs and what their finished calls returned, stores their output and answers who asks for their end.
///
/// Spawned by: the node, once.
/// Monitors:   the SESSIONs that started or watch a run that goes on, and the SUPERVISORs of root calls, each once and until
///             it ends, because runs share them.
/// Dies:       with the node; what the run store holds then is lost or not as the store decides.
struct run_keeper_config {
  std::unique_ptr<run_store> store;
  logs_actor logs;
  records_actor records;
  std::function<std::uint64_t()> unix_ms; // the calendar, for listings
};

class run_keeper_state {
public:
  static inline const char* name = "run keeper";

  run_keeper_actor::behavior_type make_behavior(run_keeper_actor::pointer self,
                                                std::shared_ptr<run_keeper_config> config);

private:
  /// A session that sees the output of a run as it comes.
  struct watcher {
    explicit watcher(session_actor who) : session(std::move(who)) {}

    session_actor session;
    std::string action;       // the beginning of the id of the only action that it sees; empty: all of the run
    bool is_fetching = false; // what is kept is on its way; newer output waits here
    bool goes_on = true;      // more may come after what is fetched
    std::vector<log_text> held;
    std::uint64_t held_bytes = 0;
    std::uint64_t held_dropped = 0; // bytes for which there was no place
    caf::typed_response_promise<bool> end;
  };

  /// What only matters while a run goes on.
  struct live {
    supervisor_actor supervisor;
    session_actor session; // hears the reply
    bool detach = false;
    instant began;
    std::list<std::shared_ptr<watcher>> watchers; // one that fetches outlives its run until it has fetched
    std::vector<caf::typed_response_promise<run_row>> waiting_row;
    std::vector<caf::typed_response_promise<call_reply>> waiting_result;
  };

  caf::result<std::string> accept(run_order& order);
  caf::result<std::string> accept_again(run_record& run, const run_order& order);
  void replied(std::vector<call_reply>& replies);
  void end(run_record& run, call_reply answer);
  void logged(std::vector<log_text>& texts);
  void acted(std::vector<action_event>& events);
  bool counts(run_record& run, const action_event& e) const;
  void act(run_record& run, action_event& e);
  caf::result<run_row> abort(const std::string& run, const std::string& action, const std::string& reason);
  caf::result<bool> watch(const std::string& run, const session_actor& session, const std::string& action,
                          std::uint32_t lines, bool follow);
  void show(watcher& w, std::vector<log_text> texts);
  void hold(watcher& w, const std::vector<log_text>& texts);
  void release(watcher& w);
  void record(std::vector<finished_child>& children);
  void seek(call_id root, std::vector<call_id>& ids, const seeker_actor& seeker);
  void found(call_id root, std::vector<found_child> kept, const std::vector<call_id>& ids, const seeker_actor& seeker);
  caf::result<kept_call> again(const std::string& name_or_root);
  void heed(const caf::actor_addr& actor);
  void down(const caf::down_msg& down);
  void leave(const caf::actor_addr& session);
  void supervisor_down(const caf::down_msg& down);
  run_record* find(const std::string& name_or_root);
  run_row row_of(const run_record& run) const;
  void keep(run_record& run, call_reply answer);
  void forget_old_results();
  static caf::error unknown(const std::string& name);
  static std::string log_of(const run_row& row);

  run_keeper_actor::pointer self_ = nullptr;
  std::shared_ptr<run_keeper_config> config_;
  std::unordered_map<call_id, live> live_; // by root
  std::set<caf::actor_addr> heeded_;       // monitored
  bool tick_is_coming_ = false;
};

} // namespace hearth
