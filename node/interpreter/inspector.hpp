#pragma once

#include "actors/interfaces.hpp"
#include "node/interpreter/child_process.hpp"
#include "node/interpreter/inspection.hpp"
#include "node/interpreter/raw_output.hpp"
#include "node/interpreter/sandbox_plan.hpp"

#include <deque>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace hearth::node {

struct inspector_config {
  work_loop& loop;
  std::string boot; // path of the SDK's hearth/_worker/boot.py
  std::string default_python;
  isolation_settings isolation;
  std::shared_ptr<pid_t>
    child; // the process that runs now, for the foundry, which would take it for an orphan; 0: none
};

/// The INSPECTOR starts an interpreter for each environment of a program that is to be checked, isolated as a replica would be,
/// and asks it what is there. One at a time; questions wait in line.
///
/// Spawned by: the node, once.
/// Monitors:   no actor; its process, by the pidfd, for at most defaults::inspection_timeout.
/// Dies:       with the node; its process goes with it.
class inspector_state {
public:
  static inline const char* name = "inspector";

  inspector_actor::behavior_type make_behavior(inspector_actor::pointer self, const inspector_config& config);

private:
  struct question {
    caf::typed_response_promise<std::vector<finding>> promise;
    std::deque<inspected_environment> left;
    std::vector<finding> found;
  };

  /// A process of the environment at the head of the line.
  struct look {
    std::string printed;
    bool in_sandbox = false;
    std::unique_ptr<raw_output> output;
    std::unique_ptr<child_process> process;
  };

  caf::result<std::vector<finding>> check(const std::string& json);
  finding of_isolation() const;
  void go_on();
  void start(const inspected_environment& what);
  void ended(exit_status status);

  inspector_actor::pointer self_ = nullptr;
  std::unique_ptr<inspector_config> config_;
  std::deque<question> line_;
  std::unique_ptr<look> look_;
  std::unique_ptr<loop_timer> patience_;
};

inspector_actor spawn_inspector(const inspector_config& config);

} // namespace hearth::node
