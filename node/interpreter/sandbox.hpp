#pragma once

#include <string>
#include <vector>

/// Isolation level `sandbox`: the arguments of bubblewrap, which are the policy. Pure.
namespace hearth::node {

/// A place of the machine, and where tasks see it.
struct shown_place {
  std::string source; // without symbolic links
  std::string target;
  bool is_writable = false;

  bool operator==(const shown_place&) const = default;
};

/// A place that no task sees, whatever else is shown: the node's own files. Without symbolic links; it exists.
struct hidden_place {
  std::string path;
  bool is_directory = true;
};

/// All that a sandbox depends on.
struct sandbox_plan {
  std::vector<shown_place> interpreter; // where Python is, beyond the system
  std::vector<shown_place> mounts;      // what the environment asks for
  std::vector<hidden_place> hidden;
  std::vector<std::string> devices; // GPUs
  std::string home;                 // of the user: private and empty
  std::string sdk;                  // folder of the package `hearth`
  std::string code;                 // the unpacked bundle, working directory; empty: none
};

/// What the sandbox shows of the machine without being asked; it is read-only.
const std::vector<std::string>& system_places();

/// Where HOME of tasks points to: `home`, unless the sandbox shows the system there.
std::string home_in_sandbox(const std::string& home);

/// The arguments of bwrap before the command: a user, process, mount, ipc, host name and control group namespace of its own; no
/// capabilities, no further user namespaces; the system read-only; private /tmp, /dev/shm and home; the places of the plan;
/// `variables` ("NAME=value") and nothing else of the surroundings. The network is the machine's. It ends with its parent.
std::vector<std::string> sandbox_arguments(const sandbox_plan& plan, const std::vector<std::string>& variables);

} // namespace hearth::node
