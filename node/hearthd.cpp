// hearthd: one node.

#include "node/node.hpp"
#include "node/paths.hpp"
#include "node/start_error.hpp"
#include "node/store/disk_error.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace hearth;
using namespace hearth::node;

/// Each connection and interpreter takes descriptors; the hard limit is what the system allows us.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/// Values of tasks pass through this process: no core file, and nobody attaches to it but root.
void hide_memory() {
#ifndef __SANITIZE_ADDRESS__ // whose leak check attaches to its own process
  ::prctl(PR_SET_DUMPABLE, 0);
#endif
}

void open_log(const settings& wanted) {
  auto log = wanted.log_file.empty()
               ? spdlog::stderr_logger_mt("hearthd")
               : spdlog::rotating_logger_mt("hearthd", wanted.log_file, defaults::node_log_bytes_max,
                                            defaults::node_log_files);
  spdlog::set_default_logger(log);
  spdlog::set_level(spdlog::level::from_str(wanted.log_level));
  spdlog::flush_on(spdlog::level::info);
}

settings read_settings(std::map<std::string, std::string> flags, bool is_private) {
  std::vector<settings_source> sources{{"the command line", std::move(flags)}, settings_from_variables(std::getenv)};
  for (const auto& file : settings_files(std::getenv))
    sources.push_back(settings_from_file(file));
  return merge_settings(sources, is_private, std::getenv, ::getuid());
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"A node of Hearth: keeps Python interpreters warm and hands them calls."};
  app.set_version_flag("--version", HEARTH_VERSION);
  bool is_private = false;
  app.add_flag("--private", is_private,
               "started by a client for its user: ends when idle, logs to the state directory");
  std::map<std::string, std::string> flags;
  for (const auto& known : known_settings()) {
    auto flag = known.name;
    std::replace(flag.begin(), flag.end(), '_', '-');
    app.add_option_function<std::string>(
      "--" + flag, [&flags, name = known.name](const std::string& value) { flags[name] = value; }, known.help);
  }
  CLI11_PARSE(app, argc, argv);
  ::umask(077);
  raise_descriptor_limit();
  hide_memory();
  try {
    auto wanted = read_settings(std::move(flags), is_private);
    open_log(wanted);
    const int status = run_node(wanted);
    spdlog::shutdown();
    return status;
  } catch (const disk_error& e) {
    std::cerr << "hearthd: " << e.what() << '\n';
    return exit_disk_failed;
  } catch (const start_error& e) {
    std::cerr << "hearthd: " << e.what() << '\n';
  } catch (const kj::Exception& e) {
    std::cerr << "hearthd: " << e.getDescription().cStr() << '\n';
  } catch (const std::exception& e) {
    std::cerr << "hearthd: " << e.what() << '\n';
  }
  return 1;
}
