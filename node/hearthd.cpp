// hearthd: one node.

#include "core/defaults.hpp"
#include "node/identity/prepare.hpp"
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
#include <filesystem>
#include <functional>
#include <iostream>
#include <malloc.h>
#include <map>
#include <optional>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace hearth;
using namespace hearth::node;

/// Parts of large values come and go by thousands: their memory goes back to the system with them, whatever lies behind it on
/// the heap.
void give_memory_back() { ::mallopt(M_MMAP_THRESHOLD, static_cast<int>(defaults::link_chunk_bytes)); }

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

/// What hearthd does instead of running a node: commands on its files, for `hearth` and for people.
struct file_work {
  std::string cluster;
  std::size_t voters = 1;
  std::vector<std::string> directories, addresses;
  std::string token, backup;
  std::function<void(const settings&)> work; // empty: run a node
};

link_address address_of(const std::string& text) {
  const auto address = parse_link_address(text);
  if (address && (address->host == "0.0.0.0" || address->host == "::"))
    throw start_error("`" + text + "` is every address of this machine, and others reach it at one: name that one.");
  if (address)
    return *address;
  throw start_error("`" + text + "` is no address of the form HOST:PORT, for instance 10.0.0.5:7400.");
}

void print(const cluster_file& member) {
  std::cout << member.name << ' ' << to_string(member.node) << ' ' << to_string(member.listen) << '\n';
}

void prepare(const file_work& wanted) {
  if (!wanted.addresses.empty() && wanted.addresses.size() != wanted.directories.size())
    throw start_error("There are " + std::to_string(wanted.directories.size()) + " directories and "
                      + std::to_string(wanted.addresses.size()) + " addresses; name one for each, or none.");
  std::vector<new_member> members;
  for (std::size_t i = 0; i < wanted.directories.size(); ++i) {
    const auto place = std::filesystem::absolute(wanted.directories[i]).lexically_normal();
    members.push_back({place, place.filename().string(), std::nullopt});
    if (!wanted.addresses.empty())
      members.back().listen = address_of(wanted.addresses[i]);
  }
  for (const auto& member : prepare_cluster(wanted.cluster, std::move(members), wanted.voters))
    print(member);
}

/// This node, as the settings have it, with the address that was given.
new_member this_node(const settings& has, const std::vector<std::string>& addresses) {
  return {has.state_directory, has.name, address_of(addresses.empty() ? std::string() : addresses.front())};
}

void add_modes(CLI::App& app, file_work& into) {
  app.require_subcommand(0, 1);
  app.fallthrough();
  auto* made = app.add_subcommand("prepare", "Make a cluster of state directories on this machine; prints name, id and "
                                             "address of each member, which is called as its directory is");
  made->add_option("--cluster", into.cluster, "what the cluster is called")->required();
  made->add_option("--voters", into.voters, "how many of them, the first ones, vote: one, three or five");
  made->add_option("--listen", into.addresses, "HOST:PORT of each member's link; free ports of 127.0.0.1 if not set");
  made->add_option("DIRECTORIES", into.directories, "the members' state directories")->required();
  made->callback([&into] { into.work = [&into](const settings&) { prepare(into); }; });
  auto* init = app.add_subcommand("init", "Make this node the first member of a new cluster");
  init->add_option("--cluster", into.cluster, "what the cluster is called")->required();
  init->add_option("--listen", into.addresses, "HOST:PORT at which others reach this node")->required()->expected(1);
  init->callback([&into] {
    into.work = [&into](const settings& has) {
      print(prepare_cluster(into.cluster, {this_node(has, into.addresses)}, 1).front());
    };
  });
  auto* join_mode = app.add_subcommand("join", "Make this node a member of the cluster that gave out the token");
  join_mode->add_option("TOKEN", into.token, "from `hearth cluster token` on a member")->required();
  join_mode->add_option("--listen", into.addresses, "HOST:PORT at which others reach this node")
    ->required()
    ->expected(1);
  join_mode->callback([&into] {
    into.work = [&into](const settings& has) {
      const auto done = join(this_node(has, into.addresses), into.token);
      print(done.file);
      if (!done.set_aside.empty())
        std::cerr << "hearthd: the runs that this node had alone are kept in " << done.set_aside.string() << '\n';
    };
  });
  auto* restore = app.add_subcommand("restore", "Make this node's control log from a backup");
  restore->add_option("BACKUP", into.backup, "a file that `hearth cluster backup` wrote")->required();
  restore->callback([&into] {
    into.work = [&into](const settings& has) {
      restore_control(has.state_directory, std::filesystem::absolute(into.backup));
    };
  });
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"A node of Hearth: keeps Python interpreters warm and hands them calls."};
  app.set_version_flag("--version", HEARTH_VERSION);
  file_work mode;
  add_modes(app, mode);
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
  give_memory_back();
  raise_descriptor_limit();
  hide_memory();
  try {
    auto wanted = read_settings(std::move(flags), is_private);
    if (mode.work) {
      mode.work(wanted);
      std::cout.flush();
      return std::cout ? 0 : 1;
    }
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
