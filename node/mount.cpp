#include "node/mount.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

namespace hearth::node {

namespace {

// A sandbox has its own of these, and the machine's are no files.
constexpr std::array<std::string_view, 4> never{"/proc", "/sys", "/dev", "/"};

constexpr std::string_view read_only = ":ro", writable = ":rw";

std::string_view path_in(std::string_view text) {
  if (text.ends_with(read_only) || text.ends_with(writable))
    text.remove_suffix(read_only.size());
  while (text.size() > 1 && text.ends_with('/'))
    text.remove_suffix(1);
  return text;
}

} // namespace

bool is_within(std::string_view path, std::string_view place) {
  if (place == "/")
    return path.starts_with('/');
  return path.starts_with(place) && (path.size() == place.size() || path[place.size()] == '/');
}

mount parse_mount(std::string_view text) { return {std::string(path_in(text)), text.ends_with(writable)}; }

std::optional<std::string> fault_of_mount(std::string_view text) {
  const auto path = path_in(text);
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos)
    return "is no absolute path (with \":rw\" behind it where tasks are to write)";
  if (std::filesystem::path(path).lexically_normal().string() != path)
    return "is not in its shortest form, without \".\", \"..\" and double slashes";
  if (std::any_of(never.begin(), never.end(),
                  [&](auto place) { return path == place || (place != "/" && is_within(path, place)); }))
    return "cannot be shown in a sandbox, which has its own /proc, /sys and /dev; name the folders that the tasks need";
  return std::nullopt;
}

} // namespace hearth::node
