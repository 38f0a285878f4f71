#pragma once

#include "actors/control.hpp"
#include "actors/interfaces.hpp"
#include "actors/run_book.hpp"
#include "actors/stores.hpp"

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace hearth {

/// The RUN KEEPER has runs accepted by the control log, executes those whose home this node is, as the caller of their root
/// calls, and answers who asks about any run. It records the actions of the runs at home and stores their output. A run is
/// over when its end is in the control log, not when its root call returned; until then another home may take it over.
///
/// Spawned by: the node, once.
/// Monitors:   the SESSIONs that wait for or watch a run, and the SUPERVISORs of root calls, each once and until it ends,
///             because runs share them.
/// Dies:       with the node; the runs go on at their next home.
struct run_keeper_config {
  node_uuid self;
  control_actor control;
  blobs_actor blobs;
  records_actor records;
  logs_actor logs;
  switchboard_actor switchboard{};                           // of a cluster; empty: the node is alone
  std::function<std::uint64_t()> unix_ms;                    // the calendar, for listings
  std::function<std::string(std::string_view)> digest;       // SHA-256 in hex
  std::function<bytes(const environment_spec&)> encode_spec; // for other nodes, and later starts of this one
  std::function<spec_ptr(const bytes&)> decode_spec;         // null: not understood
  std::size_t actions_of_ended_max = defaults::runs_kept;
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

  /// Who waits for a run, wherever it is executed.
  struct audience {
    session_actor session; // hears the reply
    bool wants_progress = false;
    std::list<std::shared_ptr<watcher>> watchers; // one that fetches outlives its run until it has fetched
    std::vector<caf::typed_response_promise<run_row>> waiting_row;
    std::vector<caf::typed_response_promise<call_reply>> waiting_result;
  };

  /// A run that is executed here.
  struct execution {
    enum class stage_t : std::uint8_t { preparing, running, ending };

    durable_run_ptr run; // as it was when this attempt began
    stage_t stage = stage_t::preparing;
    spec_ptr spec;
    std::optional<payload> arguments;
    supervisor_actor supervisor;
    instant began;
    std::optional<call_reply> answer; // of the root call, once there
    std::string answer_digest;        // as it was proposed
    bool retries = false;             // a `retry` for it is on its way
    bool was_made = false;            // its root call, by this keeper
  };

  /// A run on its way into the control log.
  struct submission {
    run_order order;
    cluster::accept_run entry;
    caf::typed_response_promise<std::string> promise;
    bool put_again = false;                          // its spec has been put once more
    std::vector<std::shared_ptr<submission>> behind; // of the same root, which came before this one was decided
  };
  using submission_ptr = std::shared_ptr<submission>;

  // run_admission.cpp: how a run is accepted.
  caf::result<std::string> accept(run_order& order);
  void submit(const submission_ptr& s);
  void settled(const submission_ptr& s);
  bool may_accept() const { return agent_ && standing_.holds; }
  void settle_waiting(call_id expired);
  void store_arguments(const submission_ptr& s);
  void put_spec(const submission_ptr& s);
  void propose(const submission_ptr& s);
  void accepted(const submission_ptr& s, const cluster::outcome& outcome);
  void refuse(const submission_ptr& s, failure why);

  // run_execution.cpp: how it is executed here, and ends.
  void begin(run_entry& run);
  void prepare(call_id root);
  void fetch_arguments(call_id root);
  void open_environment(call_id root);
  void claim(call_id root);
  void dispatch(call_id root);
  void replied(std::vector<call_reply>& replies);
  void end(call_id root, call_reply answer);
  void complete(call_id root, cluster::complete_run end);
  void fail(call_id root, const failure& why);
  void put_off(call_id root);
  void resume(call_id root);
  void drop(call_id root, const std::string& why);
  bool is_at_home(const durable_run& run) const;
  execution* executed(call_id root, std::uint32_t attempt);
  void wish_abort(run_entry& run);
  milliseconds remaining(const durable_run& run) const;

  /// A question for the record of a run.
  struct search {
    call_id root;
    call_id other;                    // whose record counts too; none: there is no such run
    std::vector<call_id> names;       // of the calls
    std::vector<finished_child> kept; // of those, so far
    seeker_actor seeker;

    std::vector<call_id> missing() const;
  };
  using search_ptr = std::shared_ptr<search>;

  // run_records.cpp, run_again.cpp: what finished children returned, what a run was made of.
  void record(std::vector<finished_child>& children);
  void succeeded(const finished_child& child);
  void seek(call_id root, const std::vector<call_id>& ids, const seeker_actor& seeker);
  void seek_elsewhere(const search_ptr& s);
  void found(const search& s);
  call_id record_before(const run_entry& run);
  caf::result<kept_call> again(const std::string& name_or_root);

  // run_keeper.cpp: what the control log says, and who asks.
  void take(control::facts& facts);
  void stand(control::standing now);
  void changed(durable_run_ptr run);
  void forgotten(const durable_run_ptr& run);
  void conclude(run_entry& run);
  void pin_blobs();
  void answer(run_entry& run, std::function<void(call_reply)> then);
  void acted(std::vector<action_event>& events);
  void cancel(call_id action, const open_action& open, const std::string& reason);
  caf::result<run_row> abort(const std::string& run, const std::string& action, const std::string& reason);
  caf::result<run_row> abort_action(run_entry& run, const std::string& action, const std::string& reason);
  caf::result<run_row> abort_at_home(const run_entry& run, const std::string& action, const std::string& reason);
  void heed(const caf::actor_addr& actor);
  void down(const caf::down_msg& down);
  void leave(const caf::actor_addr& session);
  void supervisor_down(const caf::actor_addr& supervisor);
  run_row row_of(const run_entry& run) const;
  // run_copies.cpp: what is on a second node too.
  std::vector<node_uuid> others() const;
  void copy_value(const payload& value, std::vector<node_uuid> to, std::optional<caf::error> refusal,
                  std::function<void()> then, std::function<void(const caf::error&)> failed);
  void keep(std::vector<finished_child> children);
  void copy_records();
  // run_values.cpp
  void keep_value(const payload& value, std::function<void(cluster::stored_value)> then,
                  std::function<void(const caf::error&)> failed);
  void read_blob(const std::string& digest, std::function<void(payload)> then,
                 std::function<void(const caf::error&)> failed);
  static caf::error unknown(const std::string& name);
  static std::string log_of(const run_row& row);

  // run_output.cpp: where output goes.
  void logged(std::vector<log_text>& texts);
  caf::result<bool> watch(const std::string& run, const session_actor& session, const std::string& action,
                          std::uint32_t lines, bool follow);
  void show(watcher& w, std::vector<log_text> texts);
  void hold(watcher& w, const std::vector<log_text>& texts);
  void release(watcher& w);

  run_keeper_actor::pointer self_ = nullptr;
  std::shared_ptr<run_keeper_config> config_;
  std::optional<run_book> book_;
  agent_actor agent_;
  control::standing standing_;
  std::unordered_map<call_id, submission_ptr> submissions_; // by root
  std::vector<submission_ptr> unsettled_;                   // of those, that wait for the node to have its standing
  std::unordered_map<call_id, execution> executions_;       // by root
  std::unordered_map<call_id, audience> audiences_;         // by root, of runs that have not ended
  std::set<std::pair<std::string, std::string>> specs_put_; // key and version
  std::set<caf::actor_addr> heeded_;                        // monitored
  bool pin_is_coming_ = false;
  std::map<node_uuid, member_row> members_;
  std::deque<finished_child> copies_; // kept here, and not confirmed by another node yet
  std::uint64_t copies_bytes_ = 0;
  std::size_t copies_tried_ = 0; // nodes that did not take the first of those
  bool is_copying_ = false;      // the first of those are on their way
};

} // namespace hearth
