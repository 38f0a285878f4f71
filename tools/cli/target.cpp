#include "tools/cli/target.hpp"

#include "tools/cli/nearest.hpp"
#include "tools/cli/places.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>
#include <system_error>

namespace hearth::cli {

namespace fs = std::filesystem;

namespace {

command_error failed(const std::string& text) { return {exit_status::failed, text}; }

fs::path clusters_directory(const variable_reader& variable) { return config_directory(variable) / "clusters"; }
fs::path file_of(const variable_reader& variable, const std::string& name) {
  return clusters_directory(variable) / (name + ".json");
}
fs::path target_file(const variable_reader& variable) { return config_directory(variable) / "target"; }

std::optional<cluster_target> read_target(const fs::path& file) {
  std::ifstream in(file);
  if (!in)
    return std::nullopt;
  const auto said = json::parse(in, nullptr, false);
  cluster_target target;
  try {
    target.name = said.at("cluster").get<std::string>();
    target.sockets = said.at("sockets").get<std::vector<std::string>>();
    target.directory = said.value("directory", "");
  } catch (const json::exception&) {
    target.sockets.clear();
  }
  if (target.name.empty() || target.sockets.empty())
    throw failed("The file " + file.string()
                 + " does not say which cluster is meant. Remove it, and choose again with "
                   "`hearth cluster use NAME`.");
  return target;
}

/// As a whole or not at all.
void write_file(const fs::path& file, const std::string& text) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  const fs::path fresh = file.string() + ".new";
  {
    std::ofstream out(fresh);
    out << text << '\n' << std::flush;
    if (error || !out)
      throw failed("The file " + fresh.string() + " cannot be written" + (error ? ": " + error.message() : "")
                   + ". Set XDG_CONFIG_HOME to a folder you may write.");
  }
  fs::rename(fresh, file, error);
  if (error)
    throw failed("The file " + file.string() + " cannot be written: " + error.message() + ".");
}

std::string text_of(const cluster_target& target) {
  return json{{"cluster", target.name}, {"directory", target.directory.string()}, {"sockets", target.sockets}}.dump(1);
}

bool is_file_name(const std::string& name) { return !name.empty() && name.find('/') == std::string::npos; }

cluster_target required(const variable_reader& variable, const std::string& name) {
  if (auto found = find_target(variable, name))
    return std::move(*found);
  throw command_error(exit_status::usage,
                      "There is no cluster `" + name + "` here" + suggestion(name, known_targets(variable))
                        + " `hearth cluster up --nodes 3 --name " + name + "` makes one on this machine.");
}

} // namespace

fs::path config_directory(const variable_reader& variable) {
  if (const fs::path base = value_of(variable, "XDG_CONFIG_HOME"); base.is_absolute())
    return base / "hearth";
  if (const fs::path home = value_of(variable, "HOME"); home.is_absolute())
    return home / ".config" / "hearth";
  throw failed(
    "Neither HOME nor XDG_CONFIG_HOME is set, so there is no place to remember a cluster; set XDG_CONFIG_HOME.");
}

std::optional<cluster_target> find_target(const variable_reader& variable, const std::string& name) {
  return is_file_name(name) ? read_target(file_of(variable, name)) : std::nullopt;
}

std::optional<cluster_target> current_target(const variable_reader& variable) {
  if (value_of(variable, "XDG_CONFIG_HOME").empty() && value_of(variable, "HOME").empty())
    return std::nullopt; // nobody can have chosen one
  return read_target(target_file(variable));
}

std::vector<std::string> known_targets(const variable_reader& variable) {
  std::vector<std::string> names;
  std::error_code error; // a folder that cannot be read knows nothing
  for (fs::directory_iterator at(clusters_directory(variable), error), end; !error && at != end; at.increment(error))
    if (at->path().extension() == ".json")
      names.push_back(at->path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

void keep_target(const variable_reader& variable, const cluster_target& target) {
  write_file(file_of(variable, target.name), text_of(target));
}

void forget_target(const variable_reader& variable, const std::string& name) {
  if (const auto current = current_target(variable); current && current->name == name)
    use_target(variable, std::nullopt);
  std::error_code error;
  fs::remove(file_of(variable, name), error);
  if (error)
    throw failed("The file " + file_of(variable, name).string() + " cannot be removed: " + error.message() + ".");
}

void use_target(const variable_reader& variable, const std::optional<std::string>& name) {
  if (name)
    return write_file(target_file(variable), text_of(required(variable, *name)));
  std::error_code error;
  fs::remove(target_file(variable), error);
  if (error)
    throw failed("The file " + target_file(variable).string() + " cannot be removed: " + error.message() + ".");
}

void choose_target(surroundings& around, const std::string& socket, const std::string& cluster) {
  const auto use = [&around](const cluster_target& target) {
    around.cluster = target.name;
    around.cluster_sockets = target.sockets;
  };
  around.socket_is_chosen = !socket.empty() || (cluster.empty() && !value_of(around.variable, "HEARTH_SOCKET").empty());
  around.socket = socket.empty() ? default_socket(around.variable, ::geteuid())
                                 : fs::absolute(socket).lexically_normal().string();
  if (!socket.empty() && !cluster.empty())
    throw command_error(exit_status::usage, "--socket and --cluster do not go together: name one node, or a cluster.");
  if (around.socket_is_chosen)
    return;
  const auto named = cluster.empty() ? value_of(around.variable, "HEARTH_CLUSTER") : cluster;
  if (!named.empty())
    use(required(around.variable, named));
  else if (const auto current = current_target(around.variable))
    use(*current);
}

connection open_node(const surroundings& around) {
  if (around.cluster.empty())
    return connection::open_existing(around.socket);
  const auto& sockets = around.cluster_sockets;
  const std::size_t first = std::random_device{}() % sockets.size(); // so that clients do not all ask the same node
  for (std::size_t i = 0; i < sockets.size(); ++i)
    try {
      if (auto found = connection::open(sockets[(first + i) % sockets.size()], node_patience))
        return std::move(*found);
    } catch (const connection_lost&) {
      continue; // another one may answer
    }
  throw command_error(exit_status::no_node, "No node of cluster " + around.cluster
                                              + " answers; `hearth cluster up --name " + around.cluster
                                              + "` starts it, `hearth cluster use none` leaves it.");
}

} // namespace hearth::cli
