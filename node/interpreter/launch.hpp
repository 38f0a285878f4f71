#pragma once

#include "actors/environment.hpp"
#include "core/errors.hpp"

#include <kj/io.h>

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// Starting a Python process: what it may know of the node's own surroundings, and its four descriptors.
namespace hearth::node {

/// What starts an interpreter.
struct launch_command {
  std::vector<std::string> words;       // program and arguments
  std::vector<std::string> environment; // "NAME=value"
  /// What bwrap reads, and closes, at descriptor 4 (its arguments, each ended by NUL) and 5 (a filter of system calls); none:
  /// the program is the interpreter itself.
  std::vector<std::string> files;

  bool has_sandbox() const noexcept { return !files.empty(); }
};

/// A process that was just started: the interpreter, or the bwrap whose end is that of its sandbox. Closing `control` ends
/// it.
struct launched {
  pid_t pid = 0;
  kj::AutoCloseFd pidfd;
  kj::AutoCloseFd control; // SOCK_SEQPACKET, non-blocking: schema/zygote.capnp
  kj::AutoCloseFd output;  // its stdout and stderr, non-blocking; has to be drained
};

/// Size of BLAS and OpenMP pools: the cores the environment asked for, at least 1.
std::uint32_t threads_of(const environment_spec& spec) noexcept;

/// What a replica of this environment may take to end by itself, once it is asked to: its functions of on_stop run then.
milliseconds end_grace_of(const environment_spec& spec) noexcept;

/// "NAME=value" strings for an interpreter of `spec`: a few variables of ours, `extra`, the limits of thread pools and
/// the environment's own variables; the later wins. Pure.
std::vector<std::string> clean_environment(const std::vector<std::string>& ours, const std::vector<std::string>& extra,
                                           const environment_spec& spec);

/// Why `spec.python` cannot be started, as far as that shows without starting it.
std::optional<failure> unusable_python(const environment_spec& spec);

/// `python -E -s -B boot`: no PYTHON* variables and no user site of whoever started the node; bundles are read-only.
std::vector<std::string> interpreter_words(const std::string& python, const std::string& boot);

/// `words` inside the sandbox that these arguments of bwrap describe. bwrap itself gets no environment, which might hold what
/// changes a program at its start; and what it gives its child, nobody sees on its command line.
launch_command inside(const std::string& bubblewrap, const std::vector<std::string>& arguments,
                      std::vector<std::string> words);

/// Starts it in a session of its own, with nothing open but stdin (/dev/null), stdout, stderr, descriptor 3 (control) and its
/// files. Call it from a thread that lives as long as the process may: the child asks to die with
/// the thread that started it. Throws std::system_error.
launched launch(const launch_command& command);

/// This process's environment, as `clean_environment` takes it.
std::vector<std::string> own_environment();

} // namespace hearth::node
