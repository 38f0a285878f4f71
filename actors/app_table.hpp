#pragma once

#include "actors/app_figures.hpp"
#include "actors/messages.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hearth {

/// The apps that are deployed, which of them a request is for, and what their requests came to here. Pure; one thread.
class app_table {
public:
  struct entry {
    spec_ptr spec;
    std::shared_ptr<app_figures> figures; // of all versions
  };

  struct match {
    spec_ptr spec;
    std::string_view target; // as the app sees it: without `prefix`, with its query. Points into what was asked
    std::string prefix;      // of the path, by which the app was named; empty: by its host
    std::shared_ptr<app_figures> figures;
  };

  /// This version of the app is the one that is deployed.
  void put(spec_ptr spec);
  void erase(const std::string& key);

  /// By path, "/apps/PROJECT/DOMAIN/NAME/...", else by host: a name that the app gave, of the whole host or as its first label,
  /// or the app's own name as the first label where no other app has the same. `host` may have a port; letters of any case.
  /// An address, or "localhost", is how people reach a node, and is no app unless one asks for that whole host.
  std::optional<match> find(std::string_view host, std::string_view target) const;

  const std::map<std::string, entry>& all() const noexcept { return apps_; } // by key

private:
  const entry* called(std::string_view host) const;
  std::optional<match> named_by_path(std::string_view target) const;

  std::map<std::string, entry> apps_;
  std::map<std::string, const entry*, std::less<>> hosts_;
  std::map<std::string, const entry*, std::less<>> names_; // null: several have it
  void index();
};

} // namespace hearth
