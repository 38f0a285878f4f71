#include "actors/journal.hpp"

#include <algorithm>

namespace hearth {

namespace {

event_row row_of(const journal_entry& entry) {
  event_row row;
  row.unix_ms = entry.unix_ms;
  row.project = entry.project;
  row.domain = entry.domain;
  row.environment = entry.environment;
  row.version = entry.version;
  row.kind = name(entry.kind);
  row.replica = entry.replica;
  row.text = in_words(entry);
  if (entry.kind == journal_entry::kind_t::decided) {
    row.in = entry.in;
    row.what = entry.what;
    row.is_reproduced = scaling::decide(entry.in) == entry.what;
  }
  return row;
}

} // namespace

void journal_state::append(std::vector<journal_entry>& entries) {
  ++messages_;
  const auto at = config_.unix_ms();
  for (auto& entry : entries) {
    const auto key = entry.project + '/' + entry.domain + '/' + entry.environment;
    auto& page = pages_[key];
    entry.unix_ms = at;
    count(key, entry);
    if (entry.detail.size() > defaults::journal_detail_bytes_max)
      entry.detail.resize(defaults::journal_detail_bytes_max); // a cut character is mended where it is written
    if (config_.also_told)
      config_.also_told(entry);
    page.last = messages_;
    page.entries.push_back(std::move(entry));
    if (page.entries.size() > defaults::journal_entries_max)
      page.entries.pop_front();
  }
  forget_silent();
}

void journal_state::count(const std::string& key, const journal_entry& entry) {
  if (counts_.size() >= defaults::journal_counts_max && !counts_.contains(key))
    std::erase_if(counts_, [this](const auto& each) { return !pages_.contains(each.first); });
  auto& here = counts_[key];
  if (here.environment.empty()) {
    here.project = entry.project;
    here.domain = entry.domain;
    here.environment = entry.environment;
  }
  ++(entry.kind == journal_entry::kind_t::decided ? here.decisions[scaling::name(entry.what.why)]
                                                  : here.kinds[hearth::name(entry.kind)]);
}

std::vector<journal_counts> journal_state::counts() const {
  std::vector<journal_counts> all;
  for (const auto& [key, counts] : counts_)
    all.push_back(counts);
  return all;
}

void journal_state::forget_silent() {
  while (pages_.size() > defaults::journal_environments_max)
    pages_.erase(
      std::min_element(pages_.begin(), pages_.end(), [](auto& a, auto& b) { return a.second.last < b.second.last; }));
}

/// The newest `limit` entries of environments of this name (empty: of all), oldest first.
std::vector<event_row> journal_state::list(const std::string& environment, std::uint32_t limit) const {
  std::vector<const journal_entry*> found;
  for (const auto& [key, page] : pages_)
    for (const auto& entry : page.entries)
      if (environment.empty() || entry.environment == environment || key == environment)
        found.push_back(&entry);
  std::stable_sort(found.begin(), found.end(), [](auto* a, auto* b) { return a->unix_ms < b->unix_ms; });
  const std::size_t most = limit == 0 ? defaults::rows_max : limit;
  std::vector<event_row> rows;
  for (auto i = found.size() - std::min(found.size(), most); i < found.size(); ++i)
    rows.push_back(row_of(*found[i]));
  return rows;
}

journal_actor::behavior_type journal_state::make_behavior(journal_actor::pointer, journal_config config) {
  config_ = std::move(config);
  return {
    [this](atom::append, std::vector<journal_entry>& entries) { append(entries); },
    [this](atom::list, const std::string& environment, std::uint32_t limit) { return list(environment, limit); },
    [this](atom::status) { return counts(); },
  };
}

} // namespace hearth
