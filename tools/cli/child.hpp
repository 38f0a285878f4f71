#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// Programs that a command runs and waits for.
namespace hearth::cli {

struct child_outcome {
  int status = 0; // of the exit; 128 and the signal's number for one that a signal ended
  std::string out, err;
};

/// Runs `program` with `words` after its name, in this process's directory and with its variables and those in `settings`
/// ("NAME=value"), and without input. Waits for its end. Throws command_error when it cannot be run.
child_outcome run_program(const std::filesystem::path& program, const std::vector<std::string>& words,
                          const std::vector<std::string>& settings = {});

/// Runs the node program on files (`hearthd init`, `prepare`, ...). Returns what it printed; what it said besides goes to `err`.
/// Throws command_error (failed) with its own sentence when it refuses.
std::string run_file_work(const std::filesystem::path& daemon, const std::vector<std::string>& words,
                          std::ostream& err);

} // namespace hearth::cli
