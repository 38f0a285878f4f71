#pragma once

#include "actors/cache.hpp"
#include "actors/cache_front.hpp"
#include "actors/error.hpp"
#include "actors/run_book.hpp"
#include "tests/support/scripted_control.hpp"
#include "tests/support/scripted_supervisor.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

/// The cache of a node in one thread and virtual time: the real CACHE and real FRONTs between a scripted disk, a scripted
/// control log and scripted supervisors. A test plays who calls and who executes.
namespace hearth::test {

/// Some digest that is this text's alone.
inline digest digest_called(std::string_view text) {
  digest d;
  const auto bits = std::hash<std::string_view>()(text);
  std::memcpy(d.value.data(), &bits, sizeof bits);
  return d;
}

/// What a disk that outlives the node has.
struct scripted_entries : cache_shelf {
  std::map<cache_key, std::pair<cache_scope, cache_entry>> kept;
  bool are_elsewhere = false; // too large to be read on the loop
  bool are_slow = false;      // what is asked of the disk waits for `disk_goes_on`
  bool are_refused = false;   // nothing more can be stored
  bool are_unreadable = false;
  std::size_t looks = 0;
  std::size_t uses = 0;         // that the cache has told of
  std::size_t room = 1'000'000; // so many entries are brought from other nodes
  std::set<cache_key> damaged;  // a look through all finds these
  std::set<cache_key> evicted;
  std::uint64_t mended = 0, outdated = 0;
  std::shared_ptr<const cache_bounds::limits> limits;
  std::vector<std::function<void()>> waiting;

  std::optional<shelved> find(const cache_key& key, std::uint64_t unix_ms) override {
    ++looks;
    const auto found = kept.find(key);
    if (found == kept.end())
      return std::nullopt;
    auto entry = found->second.second;
    if (entry.expires_unix_ms != 0 && entry.expires_unix_ms <= unix_ms)
      return std::nullopt;
    if (are_elsewhere)
      entry.content = {};
    return shelved{std::move(entry), are_elsewhere};
  }

  void used(const cache_key& key, std::uint32_t times) noexcept override { uses += kept.contains(key) ? times : 0; }

  bool put(const cache_entry& entry, const cache_scope& scope) {
    const auto rank = [](const cache_entry& e) { return std::tuple(e.generation, e.overwrite); };
    auto [at, is_new] = kept.try_emplace(entry.key, scope, entry);
    const bool is_better = !is_new && rank(at->second.second) < rank(entry);
    if (is_better)
      at->second = {scope, entry};
    return is_new || is_better;
  }

  bool was_evicted(const cache_key& key) const noexcept override { return evicted.contains(key); }

  cache_sums sums() const {
    cache_sums all{std::vector<std::uint64_t>(defaults::cache_buckets), kept.size() < room};
    for (const auto& [key, what] : kept)
      all.buckets[bucket_of(key)] ^= std::hash<cache_key>()(key) * 31 + what.second.generation;
    return all;
  }

  std::vector<cache_mark> marks(const std::vector<std::uint32_t>& buckets) const {
    std::vector<cache_mark> result;
    for (const auto& [key, what] : kept)
      if (std::find(buckets.begin(), buckets.end(), bucket_of(key)) != buckets.end())
        result.push_back({key, what.second.generation, what.second.overwrite, {}, what.second.created_unix_ms});
    return result;
  }

  cache_parcel parcel(const std::vector<cache_key>& keys) const {
    cache_parcel result;
    for (const auto& key : keys) {
      if (result.rows.size() == 10)
        break;
      ++result.looked_up;
      if (const auto found = kept.find(key); found != kept.end())
        result.rows.push_back({found->second.first, found->second.second});
    }
    return result;
  }

  std::uint64_t mend(const std::vector<cache_row>& rows) {
    const auto before = mended;
    for (const auto& row : rows)
      if (kept.size() >= room)
        evicted.insert(row.entry.key);
      else
        mended += put(row.entry, row.scope) ? 1 : 0;
    return mended - before;
  }

  void look_through(const cache_look& where) {
    cache_bounds bounds;
    bounds.learn(where.bounds);
    std::erase_if(kept, [&](const auto& one) { return damaged.contains(one.first); });
    outdated += std::erase_if(kept,
                              [&](const auto& one) { return !bounds.allows(one.second.first, one.second.second, 0); });
  }
};

inline bool matches(const cache_filter& filter, const cache_scope& scope, const cache_key& key) {
  const auto is = [](const std::string& wanted, const std::string& has) { return wanted.empty() || wanted == has; };
  return is(filter.project, scope.project) && is(filter.domain, scope.domain) && is(filter.task, scope.task)
         && is(filter.version, scope.version) && id_of(key).starts_with(filter.id)
         && (filter.keys.empty() || std::find(filter.keys.begin(), filter.keys.end(), key) != filter.keys.end());
}

using scripted_disk_actor = cache_disk_actor::extend<
  // What waited is done. Promises are kept by who gave them.
  caf::reacts_to<atom::tick>>;

inline scripted_disk_actor::behavior_type scripted_cache_disk(scripted_disk_actor::pointer self,
                                                              std::shared_ptr<scripted_entries> has) {
  const auto soon = [has](std::function<void()> work) {
    if (has->are_slow)
      has->waiting.push_back(std::move(work));
    else
      work();
  };
  return {
    [self, has, soon](atom::store, const std::vector<cache_entry>& entries, const std::vector<cache_scope>& scopes) {
      auto promise = self->make_response_promise<bool>();
      soon([=]() mutable {
        if (!has->are_refused)
          for (const auto& e : entries)
            has->put(e, scopes.front());
        promise.deliver(!has->are_refused);
      });
      return promise;
    },
    [self, has, soon](atom::read, const cache_key& key) {
      auto promise = self->make_response_promise<payload>();
      soon([=]() mutable {
        if (has->are_unreadable)
          promise.deliver(error_of({ec::storage_failed, "The disk does not answer."}));
        else if (const auto found = has->kept.find(key); found != has->kept.end())
          promise.deliver(found->second.second.content);
        else
          promise.deliver(error_of({ec::gone, "It is not here."}));
      });
      return promise;
    },
    [has](atom::list, const cache_listing& what, cache_bounds bounds) {
      std::vector<cache_row> rows;
      for (const auto& [key, entry] : has->kept)
        if (rows.size() < what.rows_max && matches(what.which, entry.first, key)
            && bounds.allows(entry.first, entry.second, 0))
          rows.push_back({entry.first, entry.second, 0});
      return rows;
    },
    [has](atom::forget, const cache_filter& filter) {
      return static_cast<std::uint64_t>(
        std::erase_if(has->kept, [&](const auto& item) { return matches(filter, item.second.first, item.first); }));
    },
    [has](atom::check) {
      return cache_check{has->kept.size(), 0, 0};
    },
    [](atom::save, const std::string&, std::uint64_t part, const cache_bounds&) {
      return cache_moved{1, 0, part + 1, part == 2};
    },
    [](atom::load, const std::string&, std::uint64_t at, std::uint64_t) {
      return cache_moved{1, 1, at + 100, at == 200};
    },
    [has](atom::status) {
      cache_figures all;
      all.entries = has->kept.size();
      return std::vector<cache_figures>{all};
    },
    [has](atom::limit, const std::shared_ptr<const cache_bounds::limits>& now) { has->limits = now; },
    [has](atom::sum) { return has->sums(); },
    [has](atom::mark, const std::vector<std::uint32_t>& buckets) { return has->marks(buckets); },
    [has](atom::read, const std::vector<cache_key>& keys) { return has->parcel(keys); },
    [has](atom::mend, const std::vector<cache_row>& rows) { return has->mend(rows); },
    [has](atom::look, const cache_look& where) {
      has->look_through(where);
      return std::uint32_t{0};
    },
    [has](atom::tick) {
      has->are_slow = false;
      for (auto& work : std::exchange(has->waiting, {}))
        work();
    },
  };
}

class cache_world : public actor_fixture {
public:
  cache_world()
    : entries(std::make_shared<scripted_entries>()), log(std::make_shared<scripted_log>()), control(sys, log) {
    control.start(1);
    disk = sys.spawn(scripted_cache_disk, entries);
    run();
    start_cache();
  }

  ~cache_world() {
    entries->waiting.clear();
    const auto end = [](const auto& handle) {
      if (handle)
        caf::anon_send_exit(handle, caf::exit_reason::kill);
    };
    for (auto& s : supervisors_)
      end(s->handle), *s = {};
    for (auto& handle : fronts_)
      end(handle);
    for (auto& c : callers_)
      end(c->handle), *c = {};
    for (auto& handle : recorders_)
      end(handle);
    end(cache), end(disk), end(control.actor);
    run();
  }

  /// With a switchboard of a cluster, in which it is `this_node`.
  void start_cache(const switchboard_actor& switchboard = {}) {
    cache_config config{"node-1", entries, disk, control.actor, [this] { return unix_ms; }};
    config.self = switchboard ? this_node : node_uuid{};
    config.switchboard = switchboard;
    config.desk = desk;
    config.holds_lease = [this](seat_id) { return has_lease; };
    cache = sys.spawn(
      [config](cache_actor::stateful_pointer<cache_state> self) { return self->state.make_behavior(self, config); });
    run();
  }

  /// An environment whose task keeps its results.
  static std::shared_ptr<environment_spec> cached_spec(bool serialize = false, const std::string& version = "1",
                                                       const std::string& task = "env.square",
                                                       const std::string& project = "default") {
    auto spec = make_spec(0, 1);
    spec->project = project;
    spec->tasks[0].name = task;
    auto& caching = spec->tasks[0].caching;
    caching.version = version;
    caching.serialize = serialize;
    caching.scope = digest_called(project + '\n' + task + '\n' + version);
    return spec;
  }

  /// Arguments with the key of these inputs before them.
  static payload keyed(std::string_view inputs, bool overwrite = false) {
    std::string text("\xd9\xbe\x16\x58\x22\x01", 6);
    text += overwrite ? '\1' : '\0';
    text += digest_called(inputs).view();
    return payload::text(text + "arguments");
  }

  struct scripted_front {
    front_actor handle;
    std::shared_ptr<scripted_supervisor> behind;
  };

  scripted_front front() {
    auto behind = std::make_shared<scripted_supervisor>();
    behind->handle = sys.spawn(scripted_supervisor_behavior, behind);
    const front_config config{"default/development/env", behind->handle, cache};
    auto handle = sys.spawn(
      [config](front_actor::stateful_pointer<front_state> self) { return self->state.make_behavior(self, config); });
    supervisors_.push_back(behind);
    fronts_.push_back(handle);
    run();
    return {handle, behind};
  }

  std::shared_ptr<scripted_caller> caller() {
    callers_.push_back(spawn_caller(sys));
    return callers_.back();
  }

  /// Who keeps the record of a run, as listings read it.
  struct scripted_record {
    recorder_actor handle;
    run_entry run;

    /// What is known of the lookup of this action, "-" for an action that is not listed.
    std::string cache_of(call_id call) const {
      const auto found = run.index.find(call);
      return found == run.index.end() ? "-" : run.actions.at(found->second).cache;
    }
    const action_row& row(call_id call) const { return run.actions.at(run.index.at(call)); }
  };

  std::shared_ptr<scripted_record> recorder() {
    auto r = std::make_shared<scripted_record>();
    r->run.durable = std::make_shared<durable_run>();
    r->handle = sys.spawn([r](recorder_actor::pointer) -> recorder_actor::behavior_type {
      return {
        [](atom::replies, const std::vector<call_reply>&) {},
        [](atom::logged, const std::vector<log_text>&) {},
        [r](atom::actions, std::vector<action_event>& events) {
          for (auto& e : events)
            run_book::count(r->run, e);
        },
        [](atom::record, const std::vector<finished_child>&) {},
        [](atom::seek, call_id, const std::vector<call_id>&, const seeker_actor&) {},
      };
    });
    recorders_.push_back(r->handle);
    return r;
  }

  static call make_call(const spec_ptr& spec, const std::shared_ptr<scripted_caller>& from, call_id which,
                        payload arguments) {
    call c;
    c.header.id = which;
    c.header.root = which;
    c.arguments = std::move(arguments);
    c.spec = spec;
    c.caller = from->handle;
    c.output = from->handle;
    return c;
  }

  void invoke(const scripted_front& f, call c) {
    std::vector<call> batch;
    batch.push_back(std::move(c));
    tell(f.handle, atom::invoke::value, std::move(batch));
  }

  void invoke(const scripted_front& f, const spec_ptr& spec, const std::shared_ptr<scripted_caller>& from,
              call_id which, std::string_view inputs = "2", bool overwrite = false) {
    invoke(f, make_call(spec, from, which, keyed(inputs, overwrite)));
  }

  void cancel(const scripted_front& f, const caller_actor& caller, call_id which) {
    tell(f.handle, atom::cancel::value, std::vector<cancellation>{{caller, which, ec::aborted, "enough"}});
  }

  /// The call ends where it executes.
  void finish(const scripted_front& f, std::size_t index, std::string_view value = "4", ec code = ec::none) {
    call_reply reply;
    reply.id = f.behind->calls.at(index).header.id;
    reply.code = code;
    reply.run = std::chrono::milliseconds(50);
    reply.value = payload::text(value);
    std::vector<call_reply> batch;
    batch.push_back(std::move(reply));
    tell(f.behind->calls.at(index).caller, atom::replies::value, std::move(batch));
  }

  void disk_goes_on() { tell(disk, atom::tick::value); }

  /// Nothing below this path is served any more.
  void invalidate(const std::string& path) { ask<bool>(*this, cache, atom::disown::value, path); }

  cache_counts counts() {
    const auto [answer, error] = ask<std::vector<cache_report>>(*this, cache, atom::status::value);
    return answer ? std::get<0>(*answer).at(0).counts : cache_counts{};
  }

  std::uint64_t unix_ms = 1'700'000'000'000;
  std::shared_ptr<scripted_entries> entries;
  std::shared_ptr<scripted_log> log;
  scripted_control control;
  scripted_disk_actor disk;
  std::shared_ptr<cache_desk> desk = std::make_shared<cache_desk>();
  bool has_lease = true;
  cache_actor cache;

private:
  std::vector<std::shared_ptr<scripted_supervisor>> supervisors_;
  std::vector<front_actor> fronts_;
  std::vector<std::shared_ptr<scripted_caller>> callers_;
  std::vector<recorder_actor> recorders_;
};

/// The values that a caller got, one after another; of a failure its code.
inline std::string values_of(const scripted_caller& c) {
  std::string text;
  for (const auto& reply : c.replies) {
    text += text.empty() ? "" : " ";
    text += reply.code == ec::none ? std::string(reply.value.head.view()) : std::string(name(reply.code));
  }
  return text;
}

} // namespace hearth::test
