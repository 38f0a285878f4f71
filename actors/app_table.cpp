#include "actors/app_table.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace hearth {

namespace {

constexpr std::string_view apps_path = "/apps/";

std::string name_in(std::string_view host) {
  const auto is_address = host.starts_with('[');
  const auto end = is_address ? host.find(']') : host.find(':');
  std::string name(host.substr(0, end));
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return name;
}

bool is_of_a_machine(std::string_view name) {
  return name == "localhost" || name.find_first_not_of("0123456789.") == std::string_view::npos
         || name.starts_with('[');
}

} // namespace

void app_table::put(spec_ptr spec) {
  auto& entry = apps_[spec->key()];
  entry.spec = std::move(spec);
  if (!entry.figures)
    entry.figures = std::make_shared<app_figures>();
  index();
}

void app_table::erase(const std::string& key) {
  if (apps_.erase(key) > 0)
    index();
}

void app_table::index() {
  hosts_.clear();
  names_.clear();
  for (const auto& [key, app] : apps_) {
    for (const auto& host : app.spec->app.hosts)
      hosts_.try_emplace(host, &app); // the first by key: the same on every node
    const auto [named, is_new] = names_.try_emplace(app.spec->name, &app);
    if (!is_new)
      named->second = nullptr;
  }
}

std::optional<app_table::match> app_table::find(std::string_view host, std::string_view target) const {
  if (target.starts_with(apps_path))
    return named_by_path(target);
  const auto* app = called(host);
  if (app == nullptr)
    return std::nullopt;
  return match{app->spec, target, {}, app->figures};
}

const app_table::entry* app_table::called(std::string_view host) const {
  const auto name = name_in(host);
  if (is_of_a_machine(name)) {
    const auto found = hosts_.find(name);
    return found == hosts_.end() ? nullptr : found->second;
  }
  const auto label = std::string_view(name).substr(0, name.find('.'));
  for (const auto wanted : {std::string_view(name), label})
    if (const auto found = hosts_.find(wanted); found != hosts_.end())
      return found->second;
  const auto found = names_.find(label);
  return found == names_.end() ? nullptr : found->second;
}

std::optional<app_table::match> app_table::named_by_path(std::string_view target) const {
  auto end = apps_path.size() - 1;
  for (int parts = 0; parts < 3 && end != std::string_view::npos; ++parts)
    end = target.find_first_of("/?", end + 1);
  const auto prefix = target.substr(0, end);
  const auto found = apps_.find(std::string(prefix.substr(apps_path.size())));
  if (found == apps_.end())
    return std::nullopt;
  const auto rest = end == std::string_view::npos ? std::string_view("/") : target.substr(end);
  return match{found->second.spec, rest, std::string(prefix), found->second.figures};
}

} // namespace hearth
