#include "tools/cli/target.hpp"

#include "core/base64url.hpp"
#include "tools/cli/nearest.hpp"
#include "tools/cli/places.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <random>
#include <system_error>

namespace hearth::cli {

namespace fs = std::filesystem;

namespace {

fs::path clusters_directory(const variable_reader& variable) { return config_directory(variable) / "clusters"; }
fs::path file_of(const variable_reader& variable, const std::string& name) {
  return clusters_directory(variable) / (name + ".json");
}
fs::path target_file(const variable_reader& variable) { return config_directory(variable) / "target"; }

/// The content of a file of ours; nothing when it does not exist. Throws command_error when others may have read it.
std::optional<std::string> read_own(const fs::path& file) {
  const file_descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat found {};
  if (!in || ::fstat(in.get(), &found) != 0) {
    if (errno == ENOENT || errno == ENOTDIR)
      return std::nullopt;
    throw failed("The file " + file.string() + " cannot be read: " + reason_of(errno) + ".");
  }
  std::string text(static_cast<std::size_t>(found.st_size), 0);
  const auto size = ::read(in.get(), text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return text;
}

/// A file with a token in it is worth as much as the token.
void require_private(const fs::path& file) {
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0 || found.st_uid != ::geteuid() || (found.st_mode & 077) != 0)
    throw failed("Refusing " + file.string()
                 + ": it holds a token, and other users may read it. Make it yours with `chmod 600 " + file.string()
                 + "`, and ask for another token if somebody may have read this one.");
}

void read_login(cluster_target& into, const json& said) {
  const auto secret = from_base64url(said.at("token").get<std::string>());
  if (!secret)
    return;
  into.login = std::make_shared<const credentials>(credentials{said.at("authority").get<std::string>(), *secret});
  for (const auto& member : said.at("members"))
    into.members.push_back({member.at("name").get<std::string>(), member.at("id").get<std::string>(),
                            member.at("address").get<std::string>()});
}

std::optional<cluster_target> read_target(const fs::path& file) {
  const auto text = read_own(file);
  if (!text)
    return std::nullopt;
  const auto said = json::parse(*text, nullptr, false);
  cluster_target target;
  try {
    target.name = said.at("cluster").get<std::string>();
    target.sockets = said.at("sockets").get<std::vector<std::string>>();
    target.directory = said.value("directory", "");
    if (const auto login = said.find("login"); login != said.end())
      read_login(target, *login);
  } catch (const json::exception&) {
    target.sockets.clear();
    target.members.clear();
  }
  if (target.name.empty() || target.nodes().empty())
    throw failed(
      "The file " + file.string()
      + " does not say where a cluster is. Remove it, and make it known again with `hearth cluster up` or `hearth "
        "cluster login`.");
  if (target.login)
    require_private(file);
  return target;
}

/// As a whole or not at all, for this user alone.
void write_file(const fs::path& file, const std::string& text) {
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  const fs::path fresh = file.string() + ".new";
  ::unlink(fresh.c_str()); // of somebody who was interrupted
  {
    const file_descriptor out(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    const auto line = text + '\n';
    if (!out || ::write(out.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      throw failed("The file " + fresh.string() + " cannot be written: " + (error ? error.message() : reason_of(errno))
                   + ". Set XDG_CONFIG_HOME to a folder you may write.");
  }
  fs::rename(fresh, file, error);
  if (error)
    throw failed("The file " + file.string() + " cannot be written: " + error.message() + ".");
}

std::string text_of(const cluster_target& target) {
  json said{{"cluster", target.name}, {"directory", target.directory.string()}, {"sockets", target.sockets}};
  if (target.login) {
    auto members = json::array();
    for (const auto& member : target.members)
      members.push_back({{"name", member.name}, {"id", member.id}, {"address", member.address}});
    said["login"] = {
      {"authority", target.login->authority}, {"token", to_base64url(target.login->secret)}, {"members", members}};
  }
  return said.dump(1);
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

std::optional<std::string> name_in_use(const variable_reader& variable) {
  if (value_of(variable, "XDG_CONFIG_HOME").empty() && value_of(variable, "HOME").empty())
    return std::nullopt; // nobody can have chosen one
  const auto text = read_own(target_file(variable));
  if (!text)
    return std::nullopt;
  const auto said = json::parse(*text, nullptr, false);
  const auto name = said.is_object() ? said.find("cluster") : said.end();
  return name != said.end() && name->is_string() ? name->get<std::string>() : std::string();
}

std::optional<cluster_target> current_target(const variable_reader& variable) {
  const auto name = name_in_use(variable);
  if (!name)
    return std::nullopt;
  if (auto found = find_target(variable, *name))
    return found;
  throw failed("The file " + target_file(variable).string()
               + " does not say which cluster is meant. Remove it, and choose again with `hearth cluster use NAME`.");
}

std::vector<node_address> cluster_target::nodes() const {
  std::vector<node_address> all(sockets.begin(), sockets.end());
  for (const auto& member : members)
    all.emplace_back(member.address, member.id, login);
  return all;
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
  if (name_in_use(variable) == name)
    use_target(variable, std::nullopt);
  std::error_code error;
  fs::remove(file_of(variable, name), error);
  if (error)
    throw failed("The file " + file_of(variable, name).string() + " cannot be removed: " + error.message() + ".");
}

void use_target(const variable_reader& variable, const std::optional<std::string>& name) {
  if (name)
    return write_file(target_file(variable), json{{"cluster", required(variable, *name).name}}.dump());
  std::error_code error;
  fs::remove(target_file(variable), error);
  if (error)
    throw failed("The file " + target_file(variable).string() + " cannot be removed: " + error.message() + ".");
}

void choose_target(surroundings& around, const std::string& socket, const std::string& cluster) {
  const auto use = [&around](const cluster_target& target) {
    around.cluster = target.name;
    around.cluster_nodes = target.nodes();
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

connection open_node(const surroundings& around, const node_choice& will_do) {
  if (around.cluster.empty())
    return connection::open_existing(around.socket);
  const auto& nodes = around.cluster_nodes;
  const std::size_t first = std::random_device{}() % nodes.size(); // so that clients do not all ask the same node
  std::string why;
  std::optional<connection> other;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    try {
      auto found = connection::open(nodes[(first + i) % nodes.size()], node_patience);
      if (found && (!will_do || will_do(*found)))
        return std::move(*found);
      if (found)
        other = std::move(found);
    } catch (const connection_lost& lost) {
      why = lost.what(); // another one may answer
    }
  if (other)
    return std::move(*other);
  if (nodes.front().is_remote())
    throw command_error(exit_status::no_node, "No node of cluster " + around.cluster + " lets you in: " + why
                                                + " `hearth cluster use none` leaves it.");
  throw command_error(exit_status::no_node, "No node of cluster " + around.cluster
                                              + " answers; `hearth cluster up --name " + around.cluster
                                              + "` starts it, `hearth cluster use none` leaves it.");
}

} // namespace hearth::cli
