#pragma once

#include "tools/cli/commands.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

/// The words of the command line, as CLI11 has them.
namespace hearth::cli {

/// All that the command line can say, and what is to be done.
struct request {
  std::string socket;
  std::string target; // a cluster's name
  std::string format = "table";
  std::string noun;
  get_options get;
  logs_options logs;
  std::vector<std::string> abort_words; // RUN, run RUN, or action RUN ID
  abort_options abort;
  rerun_options rerun;
  std::string run;
  std::string environment;
  std::string grace;
  node_options node;
  cluster_options cluster;
  cache_options cache;
  app_options app;
  std::string shell;
  std::function<exit_status(const surroundings&)> command;

  bool as_json() const { return format == "json"; }
};

/// A command below `to`, with an example at the end of its help.
CLI::App* add_command(CLI::App& to, const std::string& name, const std::string& what, const std::string& example);

/// Its `--output`.
void add_format(CLI::App* command, request& into);

/// "30s", "10m".
CLI::Validator duration();

/// A whole number from 1, as far as the protocol counts.
CLI::Validator count();

/// `hearth node ...`, `hearth cluster ...` and `hearth check`.
void add_node(CLI::App& app, request& into);
void add_cluster(CLI::App& app, request& into);

/// `hearth activate`, `hearth deactivate` and `hearth delete`.
void add_app(CLI::App& app, request& into);

/// `hearth cache ...` and `hearth local-cache ...`
void add_cache(CLI::App& app, request& into);
void add_local_cache(CLI::App& app, request& into);

} // namespace hearth::cli
