#include "node/paths.hpp"

#include "node/start_error.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

/// The value of a variable that is set to something.
std::optional<std::string> said(const variable_reader& variables, const char* name) {
  const auto* value = variables(name);
  return value && *value ? std::optional<std::string>(value) : std::nullopt;
}

/// XDG says that a path that is not absolute is to be ignored.
std::optional<fs::path> base_directory(const variable_reader& variables, const char* name) {
  auto value = said(variables, name);
  return value && value->front() == '/' ? std::optional<fs::path>(*value) : std::nullopt;
}

std::optional<fs::path> under_home(const variable_reader& variables, const char* name, const char* inside_home) {
  if (auto base = base_directory(variables, name))
    return base;
  if (auto home = base_directory(variables, "HOME"))
    return *home / inside_home;
  return std::nullopt;
}

std::string reason(int error) { return std::generic_category().message(error); }

/// Of file systems whose name a magic number does not tell, because they are all FUSE.
bool is_local_fuse(std::string_view type) { return type == "fuseblk" || type == "fuse.fuse-overlayfs"; }

/// The type of the mount with this device, as /proc/self/mountinfo tells it: "... 0:35 ... - fuse.sshfs source options".
std::string mount_type(dev_t device) {
  const auto wanted = std::to_string(major(device)) + ':' + std::to_string(minor(device));
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, number, type;
    words >> id >> parent >> number;
    auto dash = line.find(" - ");
    if (number != wanted || dash == std::string::npos)
      continue;
    std::istringstream(line.substr(dash + 3)) >> type;
    return type;
  }
  return {};
}

fs::path nearest_existing(fs::path path) {
  std::error_code ignored;
  while (!fs::exists(path, ignored) && path.has_relative_path())
    path = path.parent_path();
  return path;
}

} // namespace

// -- places ----

fs::path default_socket(const variable_reader& variables, uid_t user) {
  if (auto named = said(variables, "HEARTH_SOCKET"))
    return fs::absolute(*named);
  std::error_code ignored;
  if (auto runtime = base_directory(variables, "XDG_RUNTIME_DIR"); runtime && fs::is_directory(*runtime, ignored))
    return *runtime / "hearth" / "node.sock";
  return "/tmp/hearth-" + std::to_string(user) + "/node.sock";
}

privacy privacy_around(const fs::path& socket) {
  const auto unnamed = [](const char* name) -> const char* {
    return std::strcmp(name, "HEARTH_SOCKET") == 0 ? nullptr : std::getenv(name);
  };
  return socket == default_socket(unnamed, ::geteuid()) ? privacy::ours_alone : privacy::ours_to_write;
}

fs::path default_state_directory(const variable_reader& variables) {
  if (auto base = under_home(variables, "XDG_STATE_HOME", ".local/state"))
    return *base / "hearth";
  throw start_error("Neither HOME nor XDG_STATE_HOME is set, so there is no place for the node's state; name one with "
                    "--state-dir or HEARTH_STATE_DIR.");
}

std::vector<fs::path> settings_files(const variable_reader& variables) {
  std::vector<fs::path> files;
  if (auto base = under_home(variables, "XDG_CONFIG_HOME", ".config"))
    files.push_back(*base / "hearth" / "hearth.toml");
  files.emplace_back("/etc/hearth/hearth.toml");
  return files;
}

std::vector<fs::path> own_files(const fs::path& socket, const fs::path& state_directory,
                                const variable_reader& variables, uid_t user) {
  std::vector<fs::path> files{state_directory, "/tmp/hearth-" + std::to_string(user), "/etc/hearth"};
  // Of nodes side by side (`hearth cluster up`) the sockets are in one folder, and in their state directories' parent.
  struct stat found {};
  const auto folder = socket.parent_path();
  const bool is_ours_alone = ::stat(folder.c_str(), &found) == 0 && found.st_uid == user && (found.st_mode & 077) == 0;
  files.push_back(is_ours_alone ? folder : socket);
  if (auto runtime = base_directory(variables, "XDG_RUNTIME_DIR"))
    files.push_back(*runtime / "hearth");
  if (auto state = under_home(variables, "XDG_STATE_HOME", ".local/state"))
    files.push_back(*state / "hearth");
  if (auto settings = under_home(variables, "XDG_CONFIG_HOME", ".config"))
    files.push_back(*settings / "hearth");
  return files;
}

// -- trust ----

std::string_view network_file_system(std::uint64_t magic, std::string_view type) {
  static constexpr std::array<std::pair<std::uint32_t, std::string_view>, 13> known{{
    {0x00006969, "NFS"},
    {0x0000517b, "SMB"},
    {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB"},
    {0x01021997, "9P"},
    {0x00c36400, "Ceph"},
    {0x5346414f, "AFS"},
    {0x6b414653, "AFS"},
    {0x73757245, "Coda"},
    {0x0bd00bd0, "Lustre"},
    {0x47504653, "GPFS"},
    {0x19830326, "BeeGFS"},
    {0x7461636f, "OCFS2"},
  }};
  constexpr std::uint32_t fuse = 0x65735546;
  const auto number = static_cast<std::uint32_t>(magic); // f_type is signed and of different widths
  for (const auto& [known_number, name] : known)
    if (known_number == number)
      return name;
  if (number == fuse && !is_local_fuse(type))
    return type.empty() ? "FUSE" : type;
  return {};
}

std::string network_file_system(const fs::path& path) {
  const auto place = nearest_existing(path);
  struct statfs system {};
  struct stat file {};
  if (::statfs(place.c_str(), &system) != 0 || ::stat(place.c_str(), &file) != 0)
    return {}; // whoever opens it will say why it cannot
  const auto type = mount_type(file.st_dev);
  return std::string(network_file_system(static_cast<std::uint64_t>(system.f_type), type));
}

void make_directory(const fs::path& directory, std::string_view what, privacy asked) {
  const auto place = std::string(what) + ' ' + directory.string();
  std::error_code error;
  if (directory.has_parent_path())
    fs::create_directories(directory.parent_path(), error);
  if (error)
    throw start_error("The parent of " + place + " cannot be made: " + error.message() + ".");
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    throw start_error("Cannot make " + place + ": " + reason(errno) + ".");
  const bool alone = asked == privacy::ours_alone;
  struct stat found {};
  if ((alone ? ::lstat(directory.c_str(), &found) : ::stat(directory.c_str(), &found)) != 0)
    throw start_error("Cannot look at " + place + ": " + reason(errno) + ".");
  if (!S_ISDIR(found.st_mode))
    throw start_error("Refusing " + place
                      + ": it is a link or a file, not a directory. Remove it or name another place.");
  if (found.st_uid != ::geteuid() && (alone || found.st_uid != 0))
    throw start_error("Refusing " + place + ": it belongs to user " + std::to_string(found.st_uid)
                      + ", not to you. Remove it or name another place.");
  const bool replaceable = (found.st_mode & 022) != 0 && (found.st_mode & S_ISVTX) == 0;
  if (alone ? (found.st_mode & 077) != 0 : replaceable)
    throw start_error("Refusing " + place + ": other users may use it. Make it yours with `chmod 700 "
                      + directory.string() + "`.");
}

// -- claims ----

std::optional<kj::AutoCloseFd> lock_with_pid(const fs::path& file, pid_t& holder) {
  kj::AutoCloseFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (lock.get() < 0)
    throw start_error("Cannot open " + file.string() + ": " + reason(errno) + ".");
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK)
      throw start_error("Cannot lock " + file.string() + ": " + reason(errno) + ".");
    std::ifstream text(file);
    holder = 0;
    text >> holder;
    return std::nullopt;
  }
  const auto pid = std::to_string(::getpid()) + '\n';
  if (::ftruncate(lock, 0) != 0 || ::pwrite(lock, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    throw start_error("Cannot write " + file.string() + ": " + reason(errno) + ".");
  return lock;
}

kj::AutoCloseFd claim_state_directory(const fs::path& directory) {
  if (auto system = network_file_system(directory); !system.empty())
    throw start_error("The state directory " + directory.string() + " is on a network file system (" + system
                      + "), where locks and durable writes cannot be relied on; name a local one with --state-dir or "
                        "HEARTH_STATE_DIR.");
  make_directory(directory, "the state directory", privacy::ours_to_write);
  pid_t holder = 0;
  auto lock = lock_with_pid(directory / "node.pid", holder);
  if (!lock)
    throw start_error("The state directory " + directory.string() + " is in use by another node (pid "
                      + std::to_string(holder)
                      + "); end that node, or name another directory with --state-dir or "
                        "HEARTH_STATE_DIR.");
  return std::move(*lock);
}

// -- names ----

std::string node_id(const fs::path& state_directory) {
  const auto file = state_directory / "node-id";
  constexpr std::size_t length = 36;
  std::string id;
  if (std::ifstream known(file); known >> id && id.size() == length)
    return id;
  std::array<unsigned char, 16> random{};
  if (::getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
    throw start_error("The system gives no random numbers: " + reason(errno) + ".");
  random[6] = static_cast<unsigned char>((random[6] & 0x0f) | 0x40); // version 4
  random[8] = static_cast<unsigned char>((random[8] & 0x3f) | 0x80);
  id.clear();
  for (std::size_t i = 0; i < random.size(); ++i) {
    std::array<char, 3> hex{};
    std::snprintf(hex.data(), hex.size(), "%02x", random[i]);
    id += (i == 4 || i == 6 || i == 8 || i == 10) ? "-" : "";
    id += hex.data();
  }
  const auto fresh = state_directory / "node-id.new"; // renamed when whole, so that a crash leaves no half an id
  {
    std::ofstream out(fresh);
    out << id << '\n' << std::flush;
    if (!out)
      throw start_error("Cannot write " + fresh.string() + ": " + reason(errno) + ".");
  }
  std::error_code error;
  fs::rename(fresh, file, error);
  if (error)
    throw start_error("Cannot write " + file.string() + ": " + error.message() + ".");
  return id;
}

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == 0)
    return "localhost";
  return name.data();
}

} // namespace hearth::node
