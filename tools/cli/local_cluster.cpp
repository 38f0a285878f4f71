#include "tools/cli/local_cluster.hpp"

#include "core/http_socket.hpp"
#include "tools/cli/child.hpp"
#include "tools/cli/connection.hpp"
#include "tools/cli/places.hpp"

#include <nlohmann/json.hpp>

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>

namespace hearth::cli {

namespace fs = std::filesystem;

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t socket_path_max = 107;
constexpr milliseconds kill_patience{5000}; // for a process that was ended to be gone

fs::path record_of(const fs::path& directory) { return directory / "cluster.json"; }

local_node node_at(const fs::path& directory, const std::string& name) {
  return {name, {}, {}, directory / name, (directory / (name + ".sock")).string()};
}

void write_record(const local_cluster& cluster, const fs::path& directory) {
  json nodes = json::array();
  for (const auto& node : cluster.nodes)
    nodes.push_back({{"name", node.name}, {"id", node.id}, {"address", node.address}});
  std::ofstream out(record_of(directory));
  out << json{{"cluster", cluster.name}, {"nodes", nodes}}.dump(1) << '\n' << std::flush;
  if (!out)
    throw failed("The file " + record_of(directory).string() + " cannot be written; is the disk full?");
}

/// What `hearthd prepare` printed: name, id and address of each node.
local_cluster cluster_of(const std::string& name, const fs::path& directory, const std::string& printed) {
  local_cluster cluster{name, directory, {}};
  std::istringstream lines(printed);
  for (std::string node, id, address; lines >> node >> id >> address;) {
    cluster.nodes.push_back(node_at(directory, node));
    cluster.nodes.back().id = id;
    cluster.nodes.back().address = address;
  }
  return cluster;
}

void make_private_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory.parent_path(), error);
  fs::remove_all(directory, error); // what an earlier attempt has left
  if (error || ::mkdir(directory.c_str(), 0700) != 0)
    throw failed("The directory " + directory.string()
                 + " cannot be made: " + (error ? error.message() : std::generic_category().message(errno))
                 + ". Name another place with --directory.");
}

/// Whether the process is a hearthd with this directory on its command line.
bool is_daemon_of(pid_t pid, const fs::path& directory) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> words;
  std::istringstream parts(text);
  for (std::string word; std::getline(parts, word, '\0');)
    words.push_back(word);
  return !words.empty() && fs::path(words.front()).filename() == "hearthd"
         && std::find(words.begin(), words.end(), directory.string()) != words.end();
}

struct running {
  pid_t pid = 0;
  file_descriptor process;
  std::string name;
};

bool is_gone(const running& daemon, milliseconds left) {
  pollfd watched{daemon.process.get(), POLLIN, 0};
  int ready = 0;
  do
    ready = ::poll(&watched, 1, static_cast<int>(std::max<milliseconds::rep>(left.count(), 0)));
  while (ready < 0 && errno == EINTR);
  return ready > 0;
}

void signal(const running& daemon, int number) {
  if (::syscall(SYS_pidfd_send_signal, daemon.process.get(), number, nullptr, 0) != 0 && errno != ESRCH)
    throw failed("Node " + daemon.name + " (pid " + std::to_string(daemon.pid)
                 + ") cannot be told to end: " + std::generic_category().message(errno) + ".");
}

} // namespace

std::size_t voters_of(std::size_t nodes) {
  constexpr std::size_t few = 3, many = 5;
  return nodes < few ? 1 : nodes < many ? few : many;
}

std::optional<local_cluster> read_local_cluster(const fs::path& directory) {
  std::ifstream in(record_of(directory));
  if (!in)
    return std::nullopt;
  const auto said = json::parse(in, nullptr, false);
  local_cluster cluster{{}, directory, {}};
  try {
    cluster.name = said.at("cluster").get<std::string>();
    for (const auto& node : said.at("nodes")) {
      cluster.nodes.push_back(node_at(directory, node.at("name").get<std::string>()));
      cluster.nodes.back().id = node.at("id").get<std::string>();
      cluster.nodes.back().address = node.at("address").get<std::string>();
    }
  } catch (const json::exception&) {
    cluster.nodes.clear();
  }
  if (cluster.name.empty() || cluster.nodes.empty())
    throw failed(
      "The file " + record_of(directory).string()
      + " is not as `hearth cluster up` wrote it. Remove the directory, or name another one with --directory.");
  return cluster;
}

local_cluster make_local_cluster(const surroundings& around, const std::string& name, const fs::path& directory,
                                 std::size_t nodes) {
  std::error_code ignored;
  if (fs::exists(directory, ignored) && !fs::is_empty(directory, ignored))
    throw failed("The directory " + directory.string()
                 + " is in use and holds no cluster; name an empty one with --directory.");
  if (const auto longest = node_at(directory, "node-" + std::to_string(nodes)).socket;
      http_socket_of(longest).native().size() > socket_path_max)
    throw failed("The socket " + longest + " would have a longer path than a socket can have ("
                 + std::to_string(socket_path_max) + " bytes). Name a shorter place with --directory.");
  const fs::path fresh = directory.string() + ".new";
  make_private_directory(fresh);
  std::vector<std::string> words{"prepare", "--cluster", name, "--voters", std::to_string(voters_of(nodes))};
  for (std::size_t i = 1; i <= nodes; ++i)
    words.push_back((fresh / ("node-" + std::to_string(i))).string());
  const auto cluster = cluster_of(name, directory,
                                  run_file_work(find_daemon(around.variable, program_directory()), words, around.err));
  write_record(cluster, fresh);
  std::error_code error;
  fs::rename(fresh, directory, error);
  if (error)
    throw failed("The directory " + directory.string() + " cannot be made: " + error.message() + ".");
  return cluster;
}

pid_t daemon_of(const local_node& node) {
  pid_t pid = 0;
  std::ifstream(node.directory / "node.pid") >> pid;
  return pid > 0 && is_daemon_of(pid, node.directory) ? pid : 0;
}

ended end_daemons(const std::vector<local_node>& nodes, milliseconds grace) {
  std::vector<running> daemons;
  for (const auto& node : nodes)
    if (const auto pid = daemon_of(node); pid > 0) {
      running daemon{pid, file_descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), node.name};
      if (daemon.process && daemon_of(node) == pid) // the descriptor is that daemon's, not one's that got its number
        daemons.push_back(std::move(daemon));
    }
  for (const auto& daemon : daemons)
    signal(daemon, SIGTERM);
  ended result{daemons.size(), 0};
  const auto deadline = clock::now() + grace;
  for (const auto& daemon : daemons) {
    if (is_gone(daemon, std::chrono::ceil<milliseconds>(deadline - clock::now())))
      continue;
    signal(daemon, SIGKILL);
    ++result.killed;
    if (!is_gone(daemon, kill_patience))
      throw failed("Node " + daemon.name + " (pid " + std::to_string(daemon.pid)
                   + ") was ended and is still there; a disk or a debugger may hold it.");
  }
  return result;
}

} // namespace hearth::cli
