#pragma once

#include "actors/messages.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace hearth {

/// The apps that are deployed, and which of them a request is for. Pure; one thread.
class app_table {
public:
  struct match {
    spec_ptr spec;
    std::string_view target; // as the app sees it: without `prefix`, with its query. Points into what was asked
    std::string prefix;      // of the path, by which the app was named; empty: by its host
  };

  /// This version of the app is the one that is deployed.
  void put(spec_ptr spec);
  void erase(const std::string& key);

  /// By path, "/apps/PROJECT/DOMAIN/NAME/...", else by host: a name that the app gave, of the whole host or as its first label,
  /// or the app's own name as the first label where no other app has the same. `host` may have a port; letters of any case.
  std::optional<match> find(std::string_view host, std::string_view target) const;

  const std::map<std::string, spec_ptr>& all() const noexcept { return apps_; } // by key

private:
  spec_ptr called(std::string_view host) const;
  std::optional<match> named_by_path(std::string_view target) const;

  std::map<std::string, spec_ptr> apps_;
  std::map<std::string, spec_ptr, std::less<>> hosts_;
  std::map<std::string, spec_ptr, std::less<>> names_; // null: several have it
  void index();
};

} // namespace hearth
