#include "node/interpreter/inspection.hpp"

#include "core/defaults.hpp"
#include "node/mount.hpp"
#include "node/wire/json_text.hpp"
#include "schema/inspection.capnp.h"

#include <capnp/compat/json.h>
#include <capnp/message.h>
#include <kj/exception.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

namespace hearth::node {

namespace {

std::string string_of(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

std::vector<std::string> strings_of(capnp::List<capnp::Text>::Reader list) {
  std::vector<std::string> result;
  for (auto item : list)
    result.push_back(string_of(item));
  return result;
}

template <class Message>
bool decode(std::string_view json, capnp::MallocMessageBuilder& memory) {
  const auto broken = kj::runCatchingExceptions([&] {
    const auto plain = wire::without_hex_escapes(json);
    capnp::JsonCodec().decode(kj::ArrayPtr<const char>(plain.data(), plain.size()), memory.initRoot<Message>());
  });
  return broken == nullptr;
}

bool holds(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string folder_of(const std::string& path) {
  const auto folder = std::filesystem::path(path).parent_path();
  return folder == "/" ? path : folder.string();
}

// Printed by the interpreter itself: nothing of the user's code runs.
constexpr const char* program = R"(
import importlib.util, json, os, sys
try:
    from importlib import metadata
    packages = getattr(metadata, "packages_distributions", dict)()
except ImportError:
    metadata, packages = None, {}
def version(name):
    for package in packages.get(name) or (name,):
        try:
            return metadata.version(package) or ""
        except Exception:
            pass
    return ""
def is_there(name):
    try:
        return importlib.util.find_spec(name) is not None
    except Exception:
        return False
def installed():
    found = {}
    for d in metadata.distributions():
        if d.metadata["Name"]:
            found.setdefault(d.metadata["Name"].lower().replace("_", "-"), d.version or "")
    return [{"name": n, "version": v} for n, v in sorted(found.items())]
asked = json.loads(sys.argv[1])
print(json.dumps({
    "python": "%d.%d.%d" % sys.version_info[:3],
    "modules": [{"name": m, "version": version(m)} for m in asked["modules"] if is_there(m)],
    "paths": [p for p in asked["paths"] if os.path.exists(p)],
    "packages": installed() if asked["packages"] and metadata else [],
}))
)";

std::vector<std::string> paths_of(const inspected_environment& asked) {
  auto paths = asked.paths;
  for (const auto& text : asked.spec.mounts)
    if (auto path = parse_mount(text).path; !holds(paths, path))
      paths.push_back(std::move(path));
  return paths;
}

std::string quoted(const std::vector<std::string>& texts) {
  capnp::MallocMessageBuilder memory;
  auto list = memory.initRoot<capnp::JsonValue>().initArray(static_cast<unsigned>(texts.size()));
  for (unsigned i = 0; i < list.size(); ++i)
    list[i].setString(capnp::Text::Reader(texts[i].data(), texts[i].size()));
  const auto json = capnp::JsonCodec().encodeRaw(memory.getRoot<capnp::JsonValue>().asReader());
  return {json.begin(), json.size()};
}

} // namespace

std::vector<inspected_environment> read_inspection(std::string_view json, const std::string& default_python) {
  std::vector<inspected_environment> result;
  if (json.empty())
    return result;
  capnp::MallocMessageBuilder memory;
  if (!decode<::Inspection>(json, memory))
    throw std::invalid_argument("What is to be checked is not written as schema/inspection.capnp says.");
  for (auto item : memory.getRoot<::Inspection>().asReader().getEnvironments()) {
    inspected_environment asked;
    asked.spec.name = string_of(item.getName());
    asked.spec.python = string_of(item.getPython());
    if (asked.spec.python.empty())
      asked.spec.python = default_python;
    asked.spec.isolation = string_of(item.getIsolation());
    asked.spec.mounts = strings_of(item.getMounts());
    asked.modules = strings_of(item.getModules());
    asked.paths = strings_of(item.getPaths());
    asked.with_packages = item.getPackages();
    for (const auto& text : asked.spec.mounts)
      if (const auto fault = fault_of_mount(text))
        throw std::invalid_argument("Environment " + asked.spec.name + ": the mount '" + text + "' " + *fault + '.');
    result.push_back(std::move(asked));
  }
  if (result.size() > defaults::inspected_environments_max)
    throw std::invalid_argument("More than " + std::to_string(defaults::inspected_environments_max)
                                + " environments cannot be checked at once.");
  return result;
}

std::optional<sighting> read_sighting(std::string_view json) {
  capnp::MallocMessageBuilder memory;
  if (!decode<::Sighting>(json, memory))
    return std::nullopt;
  const auto from = memory.getRoot<::Sighting>().asReader();
  sighting seen{string_of(from.getPython()), {}, strings_of(from.getPaths()), {}};
  for (auto module : from.getModules())
    seen.modules.push_back({string_of(module.getName()), string_of(module.getVersion())});
  for (auto package : from.getPackages())
    seen.packages.push_back({string_of(package.getName()), string_of(package.getVersion())});
  return seen;
}

std::vector<std::string> sighting_words(const inspected_environment& of) {
  return {of.spec.python,
          "-E",
          "-s",
          "-B",
          "-c",
          program,
          "{\"modules\":" + quoted(of.modules) + ",\"paths\":" + quoted(paths_of(of))
            + ",\"packages\":" + (of.with_packages ? "true}" : "false}")};
}

std::vector<finding> findings_of(const inspected_environment& asked, const sighting& seen, bool in_sandbox,
                                 const std::function<bool(const std::string&)>& exists) {
  const auto of = asked.spec.name.empty() ? "" : " (" + asked.spec.name + ")";
  std::vector<finding> found{{true, "interpreter " + asked.spec.python + of, "Python " + seen.python}};
  for (const auto& name : asked.modules) {
    const auto module = std::find_if(seen.modules.begin(), seen.modules.end(),
                                     [&](const auto& m) { return m.name == name; });
    if (module != seen.modules.end())
      found.push_back({true, "module " + name + of, module->version.empty() ? "is there" : module->version});
    else
      found.push_back({false, "module " + name + of, "is not in " + asked.spec.python + "; install it there"});
  }
  for (const auto& package : seen.packages)
    found.push_back({true, "package " + package.name + " in " + asked.spec.python, package.version});
  const auto shown = [&](const std::string& path) {
    return std::any_of(asked.spec.mounts.begin(), asked.spec.mounts.end(),
                       [&](const auto& text) { return is_within(path, parse_mount(text).path); });
  };
  for (const auto& path : paths_of(asked)) {
    const auto what = "path " + path + of;
    if (holds(seen.paths, path))
      found.push_back({true, what, "is seen by tasks"});
    else if (!exists(path))
      found.push_back({!shown(path), what, "is not there"});
    else if (in_sandbox)
      found.push_back(
        {false, what, "is there, and the sandbox hides it; mounts=(\"" + folder_of(path) + "\",) shows it"});
    else
      found.push_back({false, what, "is there, and the node's user may not see it"});
  }
  return found;
}

} // namespace hearth::node
