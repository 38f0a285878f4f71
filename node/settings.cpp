#include "node/settings.hpp"

#include "node/start_error.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <limits>
#include <optional>
#include <stdexcept>
#include <utility>

namespace hearth::node {

namespace {

using std::chrono::milliseconds;

std::string variable_of(std::string name) {
  for (auto& c : name)
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return "HEARTH_" + name;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names)
    text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (const auto& known : known_settings())
    names.push_back(known.name);
  return names;
}

/// A value of the file as the text that a flag or variable would hold.
std::optional<std::string> text_of(const toml::node& value) {
  if (auto text = value.value_exact<std::string>())
    return text;
  if (auto number = value.value_exact<std::int64_t>())
    return std::to_string(*number);
  if (auto number = value.value_exact<double>())
    return std::to_string(*number);
  return std::nullopt;
}

/// What the sources say about one name.
class reader {
public:
  explicit reader(const std::vector<settings_source>& sources) : sources_(sources) {}

  template <class Take>
  void read(const std::string& name, Take take) const {
    for (const auto& source : sources_)
      if (auto said = source.values.find(name); said != source.values.end()) {
        try {
          take(said->second);
        } catch (const std::invalid_argument& e) {
          throw start_error("The setting " + name + " = \"" + said->second + "\" (" + source.origin
                            + ") is not usable: " + e.what());
        }
        return;
      }
  }

private:
  const std::vector<settings_source>& sources_;
};

std::string checked_level(const std::string& text) {
  static const std::vector<std::string> levels{"trace", "debug", "info", "warning", "error", "off"};
  if (std::find(levels.begin(), levels.end(), text) == levels.end())
    throw std::invalid_argument("it must be one of " + listed(levels) + ".");
  return text;
}

std::filesystem::path checked_path(const std::string& text) {
  if (text.empty())
    throw std::invalid_argument("it must be a path.");
  return std::filesystem::absolute(text).lexically_normal();
}

link_address checked_address(const std::string& text) {
  if (const auto address = parse_link_address(text))
    return *address;
  throw std::invalid_argument("it must be an address and a port (\"10.0.0.5:8443\", \"[::1]:8443\").");
}

isolation checked_isolation(const std::string& text) {
  if (const auto level = isolation_of(text))
    return *level;
  throw std::invalid_argument("it must be one of " + listed({isolation_words.begin(), isolation_words.end()}) + ".");
}

std::string checked_name(const std::string& text) {
  constexpr std::size_t longest = 253; // of a host name
  const bool is_printable = std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isgraph(c); });
  if (text.empty() || text.size() > longest || !is_printable)
    throw std::invalid_argument("a node's name has 1 to 253 visible characters.");
  return text;
}

} // namespace

const std::vector<setting>& known_settings() {
  static const std::vector<setting> all{
    {"socket", "where clients connect (a Unix socket)"},
    {"state_dir", "where code bundles, logs and the node's id are kept"},
    {"node_name", "what the node is called; the machine's name if not set"},
    {"idle_exit", "end after this time without clients and runs; 0: never"},
    {"stop_grace", "what running calls have when the node is told to stop"},
    {"zygote_ttl", "how long a preloaded interpreter outlives the replicas of its environment"},
    {"log_level", "trace, debug, info, warning, error or off"},
    {"log_file", "the node's own log; stderr if not set"},
    {"python", "interpreter of environments that name none"},
    {"isolation",
     "of interpreters: process, sandbox, or sandbox-only, which refuses environments that ask for process"},
    {"memory", "what replicas may reserve together (\"8Gi\"); most of the machine's if not set"},
    {"cpu", "cores that replicas may reserve together; the machine's if not set"},
    {"gpus", "indices of the GPUs for replicas (\"0,1\"), or none; those of the machine if not set"},
    {"cache_size", "how much of the results of tasks the node keeps (\"8Gi\")"},
    {"http_listen", "address and port for requests to apps over HTTPS (\"10.0.0.5:8443\"); none if not set"},
    {"http_certificate", "file with the certificate chain (PEM) that is shown there"},
    {"http_key", "file with its key (PEM)"},
    {"gpu_locks", "directory where the nodes of this machine agree who has which GPU; the same for all of them"},
  };
  return all;
}

milliseconds parse_duration(const std::string& text) {
  constexpr auto forms = "a duration is a number with ms, s, m or h (\"250ms\", \"30s\", \"10m\", \"2h\"), or seconds.";
  constexpr double largest_ms = 1e15; // 30,000 years: far from any overflow
  double number = 0;
  const auto* end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  const std::string unit(rest, end);
  const double factor = unit == "ms"                  ? 1
                        : unit == "s" || unit.empty() ? 1e3
                        : unit == "m"                 ? 60e3
                        : unit == "h"                 ? 3600e3
                                                      : 0;
  if (error != std::errc{} || factor == 0 || !(number >= 0) || number * factor > largest_ms)
    throw std::invalid_argument(forms);
  return milliseconds(static_cast<std::int64_t>(number * factor));
}

namespace {

/// A number and what follows it; the number is negative when there is none.
std::pair<double, std::string> number_and_unit(const std::string& text) {
  double number = 0;
  const auto* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  return {error == std::errc{} ? number : -1, std::string(rest, end)};
}

} // namespace

std::uint64_t parse_memory(const std::string& text) {
  static const std::map<std::string, double> units{{"", 1},        {"Ki", 0x1p10}, {"Mi", 0x1p20},
                                                   {"Gi", 0x1p30}, {"Ti", 0x1p40}, {"k", 1e3},
                                                   {"M", 1e6},     {"G", 1e9},     {"T", 1e12}};
  constexpr double largest = 0x1p62;
  const auto [number, unit] = number_and_unit(text);
  const auto factor = units.find(unit);
  if (factor == units.end() || !(number * factor->second >= 1) || number * factor->second > largest)
    throw std::invalid_argument("memory is a number with Ki, Mi, Gi, Ti, k, M, G or T (\"8Gi\"), or bytes.");
  return static_cast<std::uint64_t>(number * factor->second);
}

std::uint32_t parse_cores(const std::string& text) {
  constexpr double largest = 1e9; // thousandths
  const auto [number, unit] = number_and_unit(text);
  const auto millis = unit == "m" ? number : number * 1000;
  if ((!unit.empty() && unit != "m") || !(millis >= 1) || millis > largest)
    throw std::invalid_argument("cpu is a number of cores (\"2\", \"1.5\") or thousandths of one (\"500m\").");
  return static_cast<std::uint32_t>(millis);
}

std::vector<std::uint32_t> parse_gpus(const std::string& text) {
  std::vector<std::uint32_t> found;
  if (text == "none")
    return found;
  const auto* at = text.data();
  const auto* end = at + text.size();
  for (;;) {
    std::uint32_t index = 0;
    const auto [rest, error] = std::from_chars(at, end, index);
    if (error != std::errc{} || (rest != end && *rest != ',') || std::count(found.begin(), found.end(), index) > 0)
      throw std::invalid_argument("GPUs are different indices with commas between them (\"0,1\"), or \"none\".");
    found.push_back(index);
    if (rest == end)
      return found;
    at = rest + 1;
  }
}

settings_source settings_from_variables(const variable_reader& variables) {
  settings_source source{"HEARTH_* variables", {}};
  for (const auto& known : known_settings())
    if (const auto* value = variables(variable_of(known.name).c_str()); value && *value)
      source.values[known.name] = value;
  return source;
}

settings_source settings_from_file(const std::filesystem::path& file) {
  settings_source source{file.string(), {}};
  std::error_code error;
  if (!std::filesystem::exists(file, error))
    return source;
  toml::table table;
  try {
    table = toml::parse_file(file.string());
  } catch (const toml::parse_error& e) {
    throw start_error(file.string() + ", line " + std::to_string(e.source().begin.line) + ": "
                      + std::string(e.description()));
  }
  const auto names = known_names();
  for (const auto& [key, value] : table) {
    const std::string name(key.str());
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw start_error(file.string() + ": there is no setting " + name + "; there are " + listed(names) + ".");
    auto text = text_of(value);
    if (!text)
      throw start_error(file.string() + ": the setting " + name + " must be a string or a number.");
    source.values[name] = std::move(*text);
  }
  return source;
}

settings merge_settings(const std::vector<settings_source>& sources, bool is_private, const variable_reader& variables,
                        uid_t user) {
  const reader from(sources);
  settings result;
  result.is_private = is_private;
  if (is_private)
    result.idle_exit = defaults::private_idle_exit;
  from.read("socket", [&](const std::string& text) { result.socket = checked_path(text); });
  from.read("state_dir", [&](const std::string& text) { result.state_directory = checked_path(text); });
  from.read("node_name", [&](const std::string& text) { result.name = checked_name(text); });
  from.read("idle_exit", [&](const std::string& text) { result.idle_exit = parse_duration(text); });
  from.read("zygote_ttl", [&](const std::string& text) { result.zygote_ttl = parse_duration(text); });
  from.read("stop_grace", [&](const std::string& text) { result.stop_grace = parse_duration(text); });
  from.read("log_level", [&](const std::string& text) { result.log_level = checked_level(text); });
  from.read("log_file", [&](const std::string& text) { result.log_file = checked_path(text); });
  from.read("python", [&](const std::string& text) { result.python = checked_path(text); });
  from.read("isolation", [&](const std::string& text) { result.isolation = checked_isolation(text); });
  from.read("memory", [&](const std::string& text) { result.memory_bytes = parse_memory(text); });
  from.read("cpu", [&](const std::string& text) { result.cpu_millis = parse_cores(text); });
  from.read("gpus", [&](const std::string& text) { result.gpus = parse_gpus(text); });
  from.read("cache_size", [&](const std::string& text) { result.cache_bytes = parse_memory(text); });
  from.read("gpu_locks", [&](const std::string& text) { result.gpu_lock_directory = checked_path(text); });
  from.read("http_listen", [&](const std::string& text) { result.http_listen = checked_address(text); });
  from.read("http_certificate", [&](const std::string& text) { result.http_certificate = checked_path(text); });
  from.read("http_key", [&](const std::string& text) { result.http_key = checked_path(text); });
  if (result.http_listen && (result.http_certificate.empty() || result.http_key.empty()))
    throw start_error("http_listen needs http_certificate and http_key: requests over a network are encrypted.");
  if (result.socket.empty())
    result.socket = default_socket(variables, user);
  if (result.state_directory.empty())
    result.state_directory = default_state_directory(variables);
  if (result.name.empty())
    result.name = host_name();
  if (result.is_private && result.log_file.empty())
    result.log_file = result.state_directory
                      / "hearthd.log"; // nobody looks at the stderr of a node that a client started
  return result;
}

} // namespace hearth::node
