#include "actors/cache.hpp"
#include "actors/error.hpp"
#include "core/defaults_cache.hpp"

#include <algorithm>
#include <memory>
#include <tuple>
#include <unordered_map>
#include <utility>

/// What a CACHE does on behalf of a person: it asks all nodes, this one among them, for what they keep.
namespace hearth {

namespace {

void write(cache_writer& out, const cache_filter& filter) {
  for (const auto* part : {&filter.project, &filter.domain, &filter.task, &filter.version, &filter.id})
    out.text(*part);
  out.number(filter.keys.size());
  for (const auto& key : filter.keys)
    out.key(key);
}

cache_filter read_filter(cache_reader& from) {
  cache_filter filter;
  for (auto* part : {&filter.project, &filter.domain, &filter.task, &filter.version, &filter.id})
    *part = from.text();
  for (auto count = from.number(); count > 0 && from.is_whole(); --count)
    filter.keys.push_back(from.key());
  return filter;
}

void write(cache_writer& out, cache_row row) {
  const auto size = std::exchange(row.entry.size, 0); // its content stays
  out.scope(row.scope).entry(row.entry).number(size).number(row.hits).text(row.node);
}

void write(cache_writer& out, const cache_listing& what) {
  write(out, what.which);
  out.number(what.rows_max).number(what.near ? 1 : 0);
  if (what.near)
    write(out, *what.near);
}

cache_row read_row(cache_reader& from) {
  cache_row row;
  row.scope = from.scope();
  row.entry = from.entry();
  row.entry.size = from.number();
  row.hits = from.number();
  row.node = from.text();
  return row;
}

cache_listing read_listing(cache_reader& from) {
  cache_listing what;
  what.which = read_filter(from);
  what.rows_max = static_cast<std::uint32_t>(from.number());
  if (from.number() != 0)
    what.near = read_row(from);
  return what;
}

template <class Each>
void with_counts(cache_counts& c, Each each) {
  for (auto* count :
       {&c.hits, &c.misses, &c.populated, &c.lookup_failures, &c.put_failures, &c.skipped, &c.waited, &c.saved_us})
    each(*count);
}

template <class Each>
void with_figures(cache_figures& f, Each each) {
  for (auto* count : {&f.entries, &f.bytes, &f.bytes_max, &f.hits, &f.evicted, &f.expired, &f.damaged, &f.refused,
                      &f.outdated, &f.mended})
    each(*count);
}

void write(cache_writer& out, cache_report report) {
  out.text(report.node);
  with_counts(report.counts, [&](std::uint64_t n) { out.number(n); });
  out.number(report.figures.size());
  for (auto& f : report.figures) {
    out.text(f.project);
    with_figures(f, [&](std::uint64_t n) { out.number(n); });
  }
}

cache_report read_report(cache_reader& from) {
  cache_report report;
  report.node = from.text();
  with_counts(report.counts, [&](std::uint64_t& n) { n = from.number(); });
  for (auto count = from.number(); count > 0 && from.is_whole(); --count) {
    auto& f = report.figures.emplace_back();
    f.project = from.text();
    with_figures(f, [&](std::uint64_t& n) { n = from.number(); });
  }
  return report;
}

/// In the listing's order; of copies of one entry one row, which names all nodes that have it.
std::vector<cache_row> merged(std::vector<cache_row> rows, const std::optional<cache_row>& near, std::uint32_t limit) {
  const auto away = [&near](const cache_row& row) {
    return near ? distance(row.scope, row.entry, *near) : key_distance();
  };
  std::sort(rows.begin(), rows.end(), [away](const cache_row& a, const cache_row& b) {
    return std::forward_as_tuple(away(a), b.entry.created_unix_ms, a.entry.key, a.node)
           < std::forward_as_tuple(away(b), a.entry.created_unix_ms, b.entry.key, b.node);
  });
  std::vector<cache_row> result;
  std::unordered_map<cache_key, std::size_t> places;
  for (auto& row : rows) {
    const auto [place, is_new] = places.try_emplace(row.entry.key, result.size());
    if (!is_new && place->second < result.size()) {
      auto& shown = result[place->second];
      auto& expires = shown.entry.expires_unix_ms; // that of the copy which lasts longest
      expires = expires == 0 || row.entry.expires_unix_ms == 0 ? 0 : std::max(expires, row.entry.expires_unix_ms);
      shown.hits += row.hits;
      result[place->second].node += ", " + row.node;
    } else if (is_new && result.size() < limit) {
      result.push_back(std::move(row));
    }
  }
  return result;
}

} // namespace

// -- asking ----

/// What this node says has to be there; of others what they say in time.
void cache_state::ask_everybody(const char* verb, const payload& question, milliseconds patience,
                                const std::function<void(std::vector<payload>, failure)>& then) {
  struct gathering {
    std::vector<payload> answers;
    failure own;
    std::size_t missing = 1;
  };
  const auto all = std::make_shared<gathering>();
  const auto settle = [all, then] {
    if (--all->missing == 0)
      then(std::move(all->answers), std::move(all->own));
  };
  for (const auto& [node, seat] : nodes_)
    if (node != config_.self) {
      ++all->missing;
      ask(node, verb, question, patience, [all, settle](const payload* found, ec) {
        if (found)
          all->answers.push_back(*found);
        settle();
      });
    }
  respond_to_person(verb, cache_reader(question), [all, settle](link::answer own) {
    if (auto* value = std::get_if<payload>(&own.content))
      all->answers.push_back(std::move(*value));
    else
      all->own = std::move(own.error);
    settle();
  });
}

/// The answers of all nodes, one after the other, as `read` takes them.
template <class Item>
caf::result<std::vector<Item>> cache_state::gather(const char* verb, cache_writer question, milliseconds patience,
                                                   Item (*read)(cache_reader&),
                                                   std::function<std::vector<Item>(std::vector<Item>)> arrange) {
  auto promise = self_->make_response_promise<std::vector<Item>>();
  ask_everybody(verb, question.take(), patience,
                [promise, read, arrange](const std::vector<payload>& answers, const failure& own) mutable {
                  if (own.code != ec::none)
                    return static_cast<void>(promise.deliver(error_of(own)));
                  std::vector<Item> items;
                  for (const auto& answer : answers) {
                    cache_reader from(answer);
                    while (!from.is_at_end() && from.is_whole())
                      if (auto item = read(from); from.is_whole())
                        items.push_back(std::move(item));
                  }
                  promise.deliver(arrange(std::move(items)));
                });
  return promise;
}

caf::result<cache_report> cache_state::report_here() {
  auto promise = self_->make_response_promise<cache_report>();
  self_->request(config_.disk, caf::duration(defaults::cache_disk_patience), atom::status::value)
    .then(
      [this, promise](std::vector<cache_figures>& figures) mutable {
        promise.deliver(cache_report{config_.node, counts_, std::move(figures)});
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

caf::result<std::vector<cache_report>> cache_state::report() {
  return gather<cache_report>("report", {}, defaults::listing_wait, read_report, [](std::vector<cache_report> all) {
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.node < b.node; });
    return all;
  });
}

caf::result<std::vector<cache_row>> cache_state::list(const cache_listing& what) {
  cache_writer question;
  write(question, what);
  return gather<cache_row>("list", std::move(question),
                           what.near ? defaults::cache_nearest_wait : defaults::listing_wait, read_row,
                           [near = what.near, limit = what.rows_max](std::vector<cache_row> rows) {
                             return merged(std::move(rows), near, limit);
                           });
}

caf::result<std::vector<cache_check>> cache_state::check() {
  return gather<cache_check>(
    "check", {}, milliseconds{0},
    [](cache_reader& from) {
      cache_check found;
      found.node = from.text();
      found.entries = from.number();
      found.bytes = from.number();
      found.damaged = from.number();
      return found;
    },
    [](std::vector<cache_check> all) {
      std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.node < b.node; });
      return all;
    });
}

caf::result<std::vector<cache_audit_row>> cache_state::audit(const cache_audit_order& order) {
  cache_writer question;
  write(question, order);
  return gather<cache_audit_row>("audit", std::move(question), defaults::listing_wait, read_audit_row,
                                 [](const std::vector<cache_audit_row>& all) { return summed(all); });
}

/// A copy of an entry counts as one.
caf::result<std::uint64_t> cache_state::forget(const cache_filter& filter) {
  auto promise = self_->make_response_promise<std::uint64_t>();
  cache_writer question;
  write(question, filter);
  ask_everybody("forget", question.take(), defaults::cache_disk_patience,
                [promise](const std::vector<payload>& answers, const failure& own) mutable {
                  if (own.code != ec::none)
                    return static_cast<void>(promise.deliver(error_of(own)));
                  std::uint64_t count = 0;
                  for (const auto& answer : answers)
                    count += cache_reader(answer).number();
                  promise.deliver(count);
                });
  return promise;
}

/// From here, which counts as no use, or from a node that holds it.
caf::result<payload> cache_state::read(const cache_key& key) {
  auto promise = self_->make_response_promise<payload>();
  const auto read_elsewhere = [this, promise, key](const caf::error&) {
    cache_writer question;
    question.number(1).key(key);
    ask_everybody("find", question.take(), defaults::cache_disk_patience,
                  [promise, key](const std::vector<payload>& answers, const failure&) mutable {
                    for (const auto& answer : answers) {
                      cache_reader from(answer);
                      if (auto entry = from.entry(); from.is_whole() && entry.key == key)
                        return static_cast<void>(promise.deliver(std::move(entry.content)));
                    }
                    promise.deliver(error_of({ec::gone, "The kept result is not there any more."}));
                  });
  };
  self_->request(config_.disk, defaults::cache_disk_patience, atom::read::value, key)
    .then([promise](payload& content) mutable { promise.deliver(std::move(content)); }, read_elsewhere);
  return promise;
}

void cache_state::limit(std::shared_ptr<const cache_bounds::limits> now) {
  limits_.clear();
  for (const auto& [project, limit] : *now)
    limits_.push_back({project, limit.bytes_max, milliseconds(limit.ttl_ms)});
  self_->send(config_.disk, atom::limit::value, now);
  bounds_.learn(std::move(now));
}

caf::result<bool> cache_state::limit(const cluster::limit_cache& order) {
  auto promise = self_->make_response_promise<bool>();
  self_->request(config_.control, defaults::cluster_request_timeout, atom::propose::value, cluster::command(order))
    .then(
      [promise](const cluster::outcome& outcome) mutable {
        if (outcome.code == ec::none)
          promise.deliver(true);
        else
          promise.deliver(error_of({outcome.code, outcome.message}));
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

/// The same of what a node has to do itself: the others have their own archives.
caf::result<cache_moved> cache_state::move(const std::string& file, bool imports) {
  auto promise = self_->make_response_promise<cache_moved>();
  move_on(file, imports, {}, promise);
  return promise;
}

/// Part by part, so that the disk has time for others in between. What is imported counts as made now: what was invalidated
/// where it comes from, and when, says nothing here.
void cache_state::move_on(const std::string& file, bool imports, cache_moved done,
                          caf::typed_response_promise<cache_moved> promise) {
  const auto go_on = [this, file, imports, done, promise](const cache_moved& part) mutable {
    done.entries += part.entries;
    done.refused += part.refused;
    done.next = part.next;
    if (part.is_last)
      promise.deliver(done);
    else
      move_on(file, imports, done, promise);
  };
  const auto fail = [promise](caf::error& error) mutable { promise.deliver(std::move(error)); };
  if (imports)
    self_->request(config_.disk, caf::infinite, atom::load::value, file, done.next, bounds_.newest()).then(go_on, fail);
  else
    self_->request(config_.disk, caf::infinite, atom::save::value, file, done.next, bounds_).then(go_on, fail);
}

// -- answering ----

void cache_state::respond_to_person(const std::string& verb, cache_reader from,
                                    const std::function<void(link::answer)>& done) {
  const auto patience = caf::duration(defaults::cache_disk_patience);
  const auto fail = [done](const caf::error& error) { done({0, failure_of(error), {}}); };
  const auto tell = [done](cache_writer& answer) { done({0, {}, answer.take()}); };
  if (verb == "report") {
    self_->request(config_.disk, patience, atom::status::value)
      .then(
        [this, tell](std::vector<cache_figures>& figures) {
          cache_writer answer;
          write(answer, cache_report{config_.node, counts_, std::move(figures)});
          tell(answer);
        },
        fail);
  } else if (verb == "list") {
    self_->request(config_.disk, patience, atom::list::value, read_listing(from), bounds_)
      .then(
        [this, tell](std::vector<cache_row>& rows) {
          cache_writer answer;
          for (auto& row : rows) {
            row.node = config_.node;
            row.entry.expires_unix_ms = bounds_.expiry_of(row.scope, row.entry);
            if (may_serve(row.scope, row.entry)) // what was invalidated meanwhile is not served any more
              write(answer, std::move(row));
          }
          tell(answer);
        },
        fail);
  } else if (verb == "forget") {
    self_->request(config_.disk, patience, atom::forget::value, read_filter(from))
      .then(
        [tell](std::uint64_t count) {
          cache_writer answer;
          tell(answer.number(count));
        },
        fail);
  } else if (verb == "check") {
    self_->request(config_.disk, caf::infinite, atom::check::value)
      .then(
        [this, tell](const cache_check& found) {
          cache_writer answer;
          tell(answer.text(config_.node).number(found.entries).number(found.bytes).number(found.damaged));
        },
        fail);
  } else if (verb == "audit") {
    audit_.order(read_audit_order(from), now());
    cache_writer answer;
    for (const auto& row : audit_.rows())
      write(answer, row);
    tell(answer);
  } else if (verb == "find") {
    respond_with_entries(std::move(from), done);
  } else {
    done({0, {ec::bad_request, "The cache of this node was asked for `" + verb + "`, which it does not know."}, {}});
  }
}

} // namespace hearth
