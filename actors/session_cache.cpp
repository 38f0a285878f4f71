#include "actors/cache_bounds.hpp"
#include "actors/error.hpp"
#include "actors/session.hpp"
#include "core/defaults.hpp"

#include <utility>

/// What a session looks up in, and does to, the kept results on behalf of a person.
namespace hearth {

namespace {

std::string entries_text(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " entry" : " entries"); }

/// "task square of default/development", of what a filter names.
std::string named(const cache_filter& which) {
  if (which.is_empty())
    return "all projects";
  if (which.domain.empty())
    return "project " + which.project;
  const auto place = which.project + '/' + which.domain;
  if (which.task.empty())
    return "domain " + place;
  return (which.version.empty() ? "" : "version " + which.version + " of ") + "task " + which.task + " of " + place;
}

/// Empty when a filter names one scope.
std::string flaw_of(const cache_filter& which, bool all) {
  if (which.is_empty() != all)
    return all ? "Say either what is meant or that all is, not both." : "Say what is meant, or that all is.";
  if (which.project.empty() && !all)
    return "Say of which project.";
  if (which.domain.empty() && !which.task.empty())
    return "Say of which domain of project " + which.project + ".";
  if (which.task.empty() && !which.version.empty())
    return "A version is one of a task: say of which.";
  return {};
}

} // namespace

bool session_state::has_cache(std::uint32_t request) {
  if (config_.cache)
    return true;
  refuse(request, {ec::bad_request, "This node keeps no results."});
  return false;
}

void session_state::take(client::get_cache& e) {
  if (!has_cache(e.request))
    return;
  const auto patience = caf::duration(defaults::cluster_request_timeout);
  const auto deliver = [this, request = e.request](auto&& rows) {
    tell(client::rows<typename std::decay_t<decltype(rows)>::value_type>{request, std::move(rows)});
    flush();
  };
  if (e.what == "counts") {
    self_->request(config_.cache, patience, atom::status::value)
      .then([deliver](std::vector<cache_report>& reports) { deliver(std::move(reports)); }, refusing(e.request));
  } else if (e.what == "entries") {
    self_
      ->request(config_.cache, patience, atom::list::value,
                cache_listing{e.which, e.limit ? e.limit : defaults::rows_max, std::move(e.near)})
      .then([deliver](std::vector<cache_row>& rows) { deliver(std::move(rows)); }, refusing(e.request));
  } else if (e.what == "entry") {
    with_entry(e.request, e.which.id, [this, request = e.request](const cache_row& row) { show(request, row); });
  } else if (e.what == "limits") {
    self_->request(config_.cache, patience, atom::limit::value)
      .then([deliver](std::vector<cache_limit_row>& limits) { deliver(std::move(limits)); }, refusing(e.request));
  } else if (e.what == "checks") {
    self_->request(config_.cache, caf::infinite, atom::check::value)
      .then([deliver](std::vector<cache_check>& found) { deliver(std::move(found)); }, refusing(e.request));
  } else if (e.what == "audit") {
    self_->request(config_.cache, patience, atom::rerun::value, cache_audit_order{e.which, e.per_million})
      .then([deliver](std::vector<cache_audit_row>& rows) { deliver(std::move(rows)); }, refusing(e.request));
  } else {
    refuse(e.request, {ec::bad_request, "Of kept results there are counts, entries, one entry, checks, limits and an "
                                        "audit, not `"
                                          + e.what + "`."});
  }
}

/// Finds the only entry whose id begins so, or refuses the request.
void session_state::with_entry(std::uint32_t request, const std::string& id,
                               std::function<void(const cache_row&)> then) {
  cache_filter which;
  which.id = id;
  if (id.empty())
    return refuse(request,
                  {ec::bad_request, "Say which entry: the beginning of its id; `hearth cache list` shows them."});
  self_
    ->request(config_.cache, caf::duration(defaults::cluster_request_timeout), atom::list::value,
              cache_listing{which, 2, {}})
    .then(
      [this, request, id, then = std::move(then)](const std::vector<cache_row>& rows) {
        if (rows.empty())
          refuse(request, {ec::gone, "No kept result has an id that begins with `" + id
                                       + "`; `hearth cache list` shows those that there are."});
        else if (rows.size() > 1)
          refuse(request,
                 {ec::bad_request, "Several kept results have an id that begins with `" + id + "`; give more of it."});
        else
          then(rows.front());
        flush();
      },
      refusing(request));
}

/// Its value as the reply of a call that nobody made.
void session_state::show(std::uint32_t request, const cache_row& row) {
  self_->request(config_.cache, caf::duration(defaults::cluster_request_timeout), atom::read::value, row.entry.key)
    .then(
      [this, request, row](payload& value) {
        call_reply reply;
        reply.is_hit = true;
        reply.value = std::move(value);
        tell(std::move(reply));
        tell(client::rows<cache_row>{request, {row}});
        flush();
      },
      refusing(request));
}

void session_state::take(client::drop_from_cache& e) {
  if (!has_cache(e.request))
    return;
  if (e.which.id.empty()) {
    if (auto why = flaw_of(e.which, e.all); !why.empty())
      return refuse(e.request, {ec::bad_request, std::move(why)});
    const auto path = path_of(std::vector{e.which.project, e.which.domain, e.which.task, e.which.version});
    return drop(e.request, path, e.which, named(e.which), e.deletes);
  }
  with_entry(e.request, e.which.id, [this, request = e.request, deletes = e.deletes](const cache_row& row) {
    cache_filter which;
    which.keys = {row.entry.key};
    drop(request, path_of(row.scope, row.entry.key.inputs), which, "entry " + id_of(row.entry.key), deletes);
  });
}

/// Removing comes second: an entry that another node still has is not to come back.
void session_state::drop(std::uint32_t request, const std::string& path, const cache_filter& which,
                         const std::string& what, bool deletes) {
  self_->request(config_.cache, caf::duration(defaults::cluster_request_timeout), atom::disown::value, path)
    .then(
      [this, request, which, what, deletes](bool) {
        if (!deletes) {
          tell(client::done{request, "What was kept of " + what + " is not served any more, on any node."});
          return flush();
        }
        self_->request(config_.cache, caf::infinite, atom::forget::value, which)
          .then(
            [this, request, what](std::uint64_t count) {
              tell(client::done{request,
                                std::to_string(count) + (count == 1 ? " copy" : " copies") + " of what was kept of "
                                  + what + " removed; it is not served any more, on any node.",
                                count});
              flush();
            },
            refusing(request));
      },
      refusing(request));
}

void session_state::take(client::limit_cache& e) {
  if (!has_cache(e.request))
    return;
  if (e.order.project.empty() || (!e.order.bytes_max && !e.order.ttl_ms))
    return refuse(e.request, {ec::bad_request, "Say of which project, and what it may have."});
  self_->request(config_.cache, caf::duration(defaults::cluster_request_timeout), atom::limit::value, e.order)
    .then(
      [this, request = e.request, project = e.order.project](bool) {
        tell(client::done{request, "What project " + project + " may have in the cache is changed, on all nodes."});
        flush();
      },
      refusing(e.request));
}

void session_state::take(client::move_cache& e) {
  if (!has_cache(e.request))
    return;
  if (e.file.empty() || e.file.front() != '/')
    return refuse(e.request,
                  {ec::bad_request, "An archive is an absolute path on the node's machine, not `" + e.file + "`."});
  const auto tell_of = [this, request = e.request, file = e.file](const cache_moved& moved, const char* done,
                                                                  const char* refused) {
    auto text = entries_text(moved.entries) + done + file;
    if (moved.refused > 0)
      text += "; " + entries_text(moved.refused) + refused;
    tell(client::done{request, text + "."});
    flush();
  };
  if (e.is_import)
    self_->request(config_.cache, caf::infinite, atom::load::value, e.file)
      .then([tell_of](
              const cache_moved& moved) { tell_of(moved, " kept from ", " refused: damaged, or there is no room"); },
            refusing(e.request));
  else
    self_->request(config_.cache, caf::infinite, atom::save::value, e.file)
      .then([tell_of](const cache_moved& moved) { tell_of(moved, " written to ", " damaged and left out"); },
            refusing(e.request));
}

} // namespace hearth
