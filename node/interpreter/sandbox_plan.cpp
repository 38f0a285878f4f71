#include "node/interpreter/sandbox_plan.hpp"

#include "node/mount.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string_view>
#include <system_error>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

// As many as the kernel follows.
constexpr int links_max = 40;

fs::path resolved(const fs::path& path) {
  std::error_code error;
  auto real = fs::canonical(path, error);
  return error ? path.lexically_normal() : real;
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// Below `prefix` is a Python with its library.
bool is_installation(const fs::path& prefix) {
  if (prefix.empty() || prefix == prefix.root_path())
    return false;
  std::error_code error;
  for (const auto* folder : {"lib", "lib64"})
    for (const auto& entry : fs::directory_iterator(prefix / folder, error))
      if (entry.path().filename().string().starts_with("python"))
        return true;
  return false;
}

/// `home = /usr/bin` in pyvenv.cfg: where the interpreter of a virtual environment comes from.
fs::path home_in(const fs::path& configuration) {
  std::ifstream lines(configuration);
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    const auto trimmed = [](std::string text) {
      text.erase(0, text.find_first_not_of(" \t"));
      text.erase(text.find_last_not_of(" \t\r") + 1);
      return text;
    };
    if (equals != std::string::npos && trimmed(line.substr(0, equals)) == "home")
      return trimmed(line.substr(equals + 1));
  }
  return {};
}

class places {
public:
  void add(const fs::path& place) {
    const auto real = resolved(place);
    put({real.string(), place.string()});
    put({real.string(), real.string()}); // what is written in scripts and links may be the real place
  }

  /// A link on the way to an interpreter, alone.
  void add_link(const fs::path& link) { put({resolved(link).string(), link.string()}); }

  std::vector<shown_place> all() && { return std::move(found_); }

private:
  void put(shown_place place) {
    const auto covers = [&](const std::string& shown) { return is_within(place.target, shown); };
    const auto& system = system_places();
    if (std::any_of(system.begin(), system.end(), covers)
        || std::any_of(found_.begin(), found_.end(), [&](const auto& other) { return covers(other.target); }))
      return;
    found_.push_back(std::move(place));
  }

  std::vector<shown_place> found_;
};

failure refuse(const environment_spec& spec, const std::string& why) {
  return {ec::start_failed, "Environment '" + spec.name + "' " + why};
}

bool is_hidden(const fs::path& path, const isolation_settings& node) {
  return std::any_of(node.own_files.begin(), node.own_files.end(),
                     [&](const auto& own) { return is_within(path.string(), resolved(own).string()); });
}

std::vector<std::string> devices_of(const isolation_settings& node, const environment_spec& spec) {
  if (spec.resources.gpu == 0)
    return {};
  std::vector<std::string> devices{
    "/dev/nvidiactl", "/dev/nvidia-uvm", "/dev/nvidia-uvm-tools", "/dev/nvidia-modeset", "/dev/nvidia-caps",
    "/dev/dri",       "/dev/kfd"};
  for (const auto gpu : node.gpus)
    devices.push_back("/dev/nvidia" + std::to_string(gpu));
  return devices;
}

} // namespace

std::optional<failure> unusable_isolation(const isolation_settings& node, const environment_spec& spec) {
  if (!is_sandboxed(node, spec)) {
    if (node.level == isolation::sandbox_only)
      return refuse(spec, "asks for isolation=\"process\", and this node runs every environment in a sandbox. Leave "
                          "isolation= out, or have the node's operator set HEARTH_ISOLATION=sandbox.");
    return std::nullopt;
  }
  if (::access(node.bubblewrap.c_str(), X_OK) != 0)
    return refuse(spec, "is to run in a sandbox, and this node has no " + node.bubblewrap
                          + ". Install the package bubblewrap on it, or choose isolation=\"process\" "
                            "(for a whole node: HEARTH_ISOLATION=process).");
  for (const auto& text : spec.mounts) {
    const auto path = parse_mount(text).path;
    if (!is_there(path))
      return refuse(spec, "has mounts=(\"" + text + "\",), and there is no " + path
                            + " on this node. Make it there, or take it out of mounts=.");
    if (is_hidden(resolved(path), node))
      return refuse(spec, "has mounts=(\"" + text
                            + "\",), which holds files of this node that no task may see. Take it "
                              "out of mounts=.");
  }
  return std::nullopt;
}

std::vector<shown_place> interpreter_places(const fs::path& python) {
  places found;
  std::vector<fs::path> links;
  auto at = python.lexically_normal();
  for (int i = 0; i < links_max; ++i) {
    const auto prefix = at.parent_path().parent_path();
    if (const auto configuration = prefix / "pyvenv.cfg"; is_there(configuration)) {
      found.add(prefix);
      if (const auto base = home_in(configuration).parent_path(); is_installation(base))
        found.add(base);
    } else if (is_installation(prefix)) {
      found.add(prefix);
    }
    std::error_code error;
    const auto next = fs::read_symlink(at, error);
    if (error)
      break;
    links.push_back(at);
    at = (at.parent_path() / next).lexically_normal();
  }
  for (const auto& link : links)
    found.add_link(link);
  return std::move(found).all();
}

sandbox_plan plan_sandbox(const isolation_settings& node, const environment_spec& spec, const std::string& home,
                          const std::string& sdk, const std::string& code) {
  sandbox_plan plan;
  plan.interpreter = interpreter_places(spec.python);
  for (const auto& text : spec.mounts) {
    const auto wanted = parse_mount(text);
    plan.mounts.push_back({resolved(wanted.path).string(), wanted.path, wanted.is_writable});
  }
  for (const auto& own : node.own_files)
    if (is_there(own)) {
      std::error_code error;
      plan.hidden.push_back({resolved(own).string(), fs::is_directory(own, error)});
    }
  plan.devices = devices_of(node, spec);
  plan.home = home;
  plan.sdk = sdk;
  plan.code = code;
  return plan;
}

launch_command command_for(const isolation_settings& node, const environment_spec& spec, std::vector<std::string> words,
                           const fs::path& boot, const std::vector<std::string>& variables,
                           const std::string& directory) {
  constexpr std::string_view home_prefix = "HOME=", temporary_prefix = "TMPDIR=";
  auto surroundings = own_environment();
  if (!is_sandboxed(node, spec))
    return {std::move(words), clean_environment(surroundings, variables, spec), {}};
  std::string home;
  for (auto& entry : surroundings)
    if (entry.starts_with(home_prefix)) {
      home = entry.substr(home_prefix.size());
      entry = std::string(home_prefix) + home_in_sandbox(home);
    }
  std::erase_if(surroundings,
                [&](const auto& entry) { return entry.starts_with(temporary_prefix); }); // /tmp is its own
  const auto sdk = boot.parent_path().parent_path().parent_path();
  const auto plan = plan_sandbox(node, spec, home, sdk.string(), directory);
  return inside(node.bubblewrap, sandbox_arguments(plan, clean_environment(surroundings, variables, spec)),
                std::move(words));
}

} // namespace hearth::node
