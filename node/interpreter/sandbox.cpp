#include "node/interpreter/sandbox.hpp"

#include "core/defaults.hpp"
#include "node/mount.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace hearth::node {

namespace {

// Of /etc only what programs need to find libraries, names, times, certificates and fonts: the rest is the machine's own,
// with keys and passwords that a node of root could read. Each is a mount, which costs a sandbox a quarter of a millisecond.
constexpr std::initializer_list<const char*> settings_shown{
  "OpenCL",      "alternatives", "fonts",         "group",           "hosts",     "ld.so.cache",  "localtime",
  "mime.types",  "matplotlibrc", "nsswitch.conf", "os-release",      "passwd",    "pki/ca-trust", "pki/tls/certs",
  "resolv.conf", "services",     "ssl/cert.pem",  "ssl/openssl.cnf", "ssl/certs", "timezone",
};

constexpr std::initializer_list<const char*> folders_shown{"/usr",   "/bin",   "/sbin",   "/lib",
                                                           "/lib32", "/lib64", "/libx32", "/nix/store"};

// The number of cores and memory nodes, which numeric libraries ask for.
constexpr const char* topology = "/sys/devices/system";

// What the machine's own user may change there, without a capability, by writing to a file: bubblewrap covers these only where
// their folders look writable, which they do not.
constexpr std::initializer_list<const char*> proc_kept_read_only{
  "/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi"};

class argument_list {
public:
  void add(std::initializer_list<std::string_view> words) {
    for (const auto word : words)
      words_.emplace_back(word);
  }

  void private_files(std::string_view place, std::string_view mode, std::size_t bytes) {
    add({"--perms", mode, "--size", std::to_string(bytes), "--tmpfs", place});
  }

  void show(const shown_place& place) { add({place.is_writable ? "--bind" : "--ro-bind", place.source, place.target}); }

  void hide(const std::string& target, bool is_directory) {
    if (!is_directory)
      return add({"--ro-bind", "/dev/null", target});
    private_files(target, "0500", defaults::sandbox_cover_bytes);
  }

  std::vector<std::string> words() && { return std::move(words_); }

private:
  std::vector<std::string> words_;
};

// Parents before what is in them, which would cover it otherwise.
void order(std::vector<shown_place>& places) {
  std::stable_sort(places.begin(), places.end(), [](const auto& a, const auto& b) { return a.target < b.target; });
}

bool is_hidden(const shown_place& place, const std::vector<hidden_place>& hidden) {
  return std::any_of(hidden.begin(), hidden.end(), [&](const auto& h) { return is_within(place.source, h.path); });
}

std::vector<shown_place> shown_by(const sandbox_plan& plan) {
  auto interpreter = plan.interpreter;
  auto mounts = plan.mounts;
  order(interpreter);
  order(mounts);
  interpreter.insert(interpreter.end(), mounts.begin(), mounts.end());
  std::erase_if(interpreter, [&](const auto& place) { return is_hidden(place, plan.hidden); });
  return interpreter;
}

void add_system(argument_list& into, const sandbox_plan& plan) {
  for (const auto& place : system_places())
    into.add({"--ro-bind-try", place, place});
  into.add({"--proc", "/proc", "--dev", "/dev"});
  for (const auto* place : proc_kept_read_only)
    into.add({"--ro-bind-try", place, place});
  for (const auto& device : plan.devices)
    into.add({"--dev-bind-try", device, device});
  if (!plan.devices.empty())
    into.add({"--ro-bind-try", "/sys", "/sys"}); // drivers look for their devices there
  into.private_files("/dev/shm", "1777", defaults::sandbox_shm_bytes_max);
  into.private_files("/tmp", "1777", defaults::sandbox_tmp_bytes_max);
  into.add({"--dir", "/var", "--symlink", "../tmp", "/var/tmp"});
}

// Of what is shown: the machine's places, whose parts may be the node's own.
void cover(argument_list& into, const sandbox_plan& plan, const std::vector<shown_place>& shown) {
  auto all = shown;
  for (const auto& place : system_places())
    all.push_back({place, place});
  for (const auto& place : all)
    for (const auto& hidden : plan.hidden)
      if (is_within(hidden.path, place.source))
        into.hide(place.target + (place.source == "/" ? hidden.path : hidden.path.substr(place.source.size())),
                  hidden.is_directory);
}

} // namespace

const std::vector<std::string>& system_places() {
  static const std::vector<std::string> places = [] {
    std::vector<std::string> all(folders_shown.begin(), folders_shown.end());
    for (const std::string name : settings_shown)
      all.push_back("/etc/" + name);
    all.emplace_back(topology);
    return all;
  }();
  return places;
}

std::string home_in_sandbox(const std::string& home) {
  const auto holds = [&](std::string_view place) { return is_within(home, place); };
  const bool is_of_system = std::any_of(system_places().begin(), system_places().end(), holds) || holds("/etc")
                            || holds("/proc") || holds("/dev") || holds("/sys") || holds("/tmp");
  return home.starts_with('/') && home != "/" && !is_of_system ? home : "/tmp";
}

std::vector<std::string> sandbox_arguments(const sandbox_plan& plan, const std::vector<std::string>& variables) {
  argument_list result;
  result.add({"--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"});
  result.add({"--disable-userns", "--cap-drop", "ALL", "--new-session", "--die-with-parent", "--clearenv"});
  for (const auto& variable : variables)
    if (const auto equals = variable.find('='); equals != std::string::npos)
      result.add({"--setenv", variable.substr(0, equals), variable.substr(equals + 1)});
  add_system(result, plan);
  if (const auto home = home_in_sandbox(plan.home); home != "/tmp")
    result.private_files(home, "0700", defaults::sandbox_tmp_bytes_max);
  const auto shown = shown_by(plan);
  for (const auto& place : shown)
    result.show(place);
  cover(result, plan, shown);
  // Above the covers, because both may be in folders of the node.
  result.add({"--ro-bind", plan.sdk, plan.sdk});
  if (!plan.code.empty())
    result.add({"--ro-bind", plan.code, plan.code});
  result.add({"--remount-ro", "/dev", "--remount-ro", "/", "--chdir", plan.code.empty() ? "/" : plan.code});
  return std::move(result).words();
}

} // namespace hearth::node
