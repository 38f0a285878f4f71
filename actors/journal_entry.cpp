#include "actors/journal_entry.hpp"

#include "actors/scaling_words.hpp"
#include "core/ids.hpp"

namespace hearth {

std::string_view name(journal_entry::kind_t kind) noexcept {
  switch (kind) {
    case journal_entry::kind_t::pool_made:
      return "pool_made";
    case journal_entry::kind_t::policy:
      return "policy";
    case journal_entry::kind_t::decided:
      return "decided";
    case journal_entry::kind_t::ready:
      return "ready";
    case journal_entry::kind_t::unmade:
      return "unmade";
    case journal_entry::kind_t::waiting:
      return "waiting";
    case journal_entry::kind_t::overcommitted:
      return "overcommitted";
    case journal_entry::kind_t::lost:
      return "lost";
    case journal_entry::kind_t::ended:
      return "ended";
    case journal_entry::kind_t::cooled:
      return "cooled";
    case journal_entry::kind_t::placed:
      return "placed";
    case journal_entry::kind_t::adopted:
      return "adopted";
    case journal_entry::kind_t::owned:
      return "owned";
    case journal_entry::kind_t::obeyed:
      return "obeyed";
    case journal_entry::kind_t::refused:
      return "refused";
  }
  return "decided";
}

std::string in_words(const journal_entry& entry) {
  const auto replica = "Replica " + to_string(replica_id{entry.replica});
  switch (entry.kind) {
    case journal_entry::kind_t::pool_made:
      return "A new pool: " + entry.detail + '.';
    case journal_entry::kind_t::policy:
      return "The policy changed: " + entry.detail + '.';
    case journal_entry::kind_t::decided:
      return scaling::in_words(entry.in, entry.what, entry.detail);
    case journal_entry::kind_t::ready:
      return replica + " is ready: " + entry.detail + '.';
    case journal_entry::kind_t::unmade:
      return replica + " could not be started: " + entry.detail;
    case journal_entry::kind_t::waiting:
      return replica + " waits for " + entry.detail + " of the node.";
    case journal_entry::kind_t::overcommitted:
      return replica + " starts although the node has no " + entry.detail
             + " left: a running call waits for what it is to serve.";
    case journal_entry::kind_t::lost:
      return replica + " was lost: " + entry.detail;
    case journal_entry::kind_t::ended:
      return replica + " ended.";
    case journal_entry::kind_t::cooled:
      return "Its zygote ends: there were no replicas for zygote_ttl, or another "
             "version took over.";
    case journal_entry::kind_t::placed:
      return replica + " is placed on node " + entry.detail + '.';
    case journal_entry::kind_t::adopted:
      return replica + " of the former owner was adopted, warm.";
    case journal_entry::kind_t::owned:
      return "Epoch " + entry.detail + " owns it.";
    case journal_entry::kind_t::obeyed:
      return "Epoch " + entry.detail + " is obeyed.";
    case journal_entry::kind_t::refused:
      return "Epoch " + entry.detail + " is known.";
  }
  return {};
}

} // namespace hearth
