#include "actors/cluster_rows.hpp"
#include "actors/error.hpp"
#include "actors/remote_caller.hpp"
#include "actors/switchboard.hpp"

#include <algorithm>
#include <utility>

/// Questions from node to node, each with one answer.
namespace hearth {

namespace {

/// The word at this place of a question; empty when it has not so many.
std::string word(const link::ask& what, std::size_t at) { return at < what.words.size() ? what.words[at] : ""; }

/// A question that an actor of this node answers with one value.
template <class Value, class Self, class Handle, class... Arguments>
void pass_on(Self* self, const std::function<void(link::answer)>& done, const Handle& to, caf::duration patience,
             Arguments&&... arguments) {
  self->request(to, patience, std::forward<Arguments>(arguments)...)
    .then(
      [done](Value& value) {
        done({0, {}, std::move(value)});
      },
      [done](const caf::error& error) {
        done({0, failure_of(error), {}});
      });
}

template <class Row>
std::vector<Row> named(std::vector<Row> rows, const std::string& node) {
  for (auto& row : rows)
    if (row.node.empty())
      row.node = node;
  return rows;
}

} // namespace

// -- asking ----

failure switchboard_state::obstacle_to(node_uuid node) const {
  if (!links_.contains(node))
    return {ec::node_lost, "Node " + name_of(node) + " cannot be reached."};
  const auto open = std::count_if(questions_.begin(), questions_.end(), [&](auto& q) { return q.second.node == node; });
  if (static_cast<std::size_t>(open) >= defaults::questions_max)
    return {ec::overloaded, "Node " + name_of(node) + " has too many questions to answer already; try again later."};
  return {};
}

std::uint64_t switchboard_state::put(question what, milliseconds patience) {
  const auto request = ++last_question_;
  questions_.emplace(request, std::move(what));
  if (patience.count() > 0)
    self_->delayed_send(self_, patience, atom::retry::value, request);
  return request;
}

void switchboard_state::settle(std::uint64_t request, link::answer what, bool is_new) {
  auto q = questions_.extract(request);
  if (q.empty())
    return; // it was answered, or given up
  if (q.mapped().opened)
    q.mapped().opened(std::move(what.error), is_new);
  else
    q.mapped().done(std::move(what));
}

caf::result<bool> switchboard_state::open_at(node_uuid node, link::open_environment& what) {
  if (auto why = obstacle_to(node); why.code != ec::none)
    return error_of(why);
  auto promise = self_->make_response_promise<bool>();
  question q{node, {}, [promise](failure why, bool is_new) mutable {
               if (why.code == ec::none)
                 promise.deliver(is_new);
               else
                 promise.deliver(error_of(why));
             }};
  what.request = put(std::move(q), defaults::owner_wait);
  say(node, std::move(what));
  return promise;
}

void switchboard_state::ask(node_uuid node, link::ask what, milliseconds patience, answerer done) {
  if (node == config_.node)
    return respond(std::move(what), done);
  if (auto why = obstacle_to(node); why.code != ec::none)
    return done({0, std::move(why), {}});
  what.request = put({node, std::move(done), {}}, patience);
  say(node, std::move(what));
}

void switchboard_state::ask_all(const link::ask& what, milliseconds patience,
                                const std::function<void(link::member_answers)>& done) {
  auto all = std::make_shared<link::member_answers>();
  for (const auto& [node, member] : members_)
    all->items.push_back({member, {}});
  if (!members_.contains(config_.node)) {
    member_row self;
    self.node = config_.node;
    all->items.push_back({self, {}});
  }
  auto missing = std::make_shared<std::size_t>(all->items.size());
  for (std::size_t i = 0; i < all->items.size(); ++i)
    ask(all->items[i].from.node, what, patience, [all, missing, done, i](link::answer found) {
      all->items[i].what = std::move(found);
      if (--*missing == 0)
        done(std::move(*all));
    });
}

// -- answering ----

void switchboard_state::take(node_uuid from, link::ask& what) {
  const auto request = what.request;
  if (what.what == "cache")
    what.caller = {nullptr, from, 0}; // who asks is known by its certificate
  respond(std::move(what), [this, from, request](link::answer found) {
    found.request = request;
    say(from, std::move(found));
  });
}

void switchboard_state::take(node_uuid from, link::answer& what) {
  const auto q = questions_.find(what.request);
  if (q != questions_.end() && q->second.node == from && q->second.done)
    settle(what.request, std::move(what));
}

/// Listings of what this node has; false: that is not what is asked.
bool switchboard_state::respond_with_rows(const link::ask& what, const answerer& done) {
  const auto patience = caf::duration(defaults::inner_request_timeout);
  const auto node = name_of(config_.node);
  const auto failed = [done](const caf::error& error) { done({0, failure_of(error), {}}); };
  if (what.what == "environments" || what.what == "replicas") {
    self_->request(parts_.agent, patience, atom::list::value)
      .then(
        [done, node, is_of_replicas = what.what == "replicas"](std::vector<environment_row>& environments,
                                                               std::vector<replica_row>& replicas) {
          if (is_of_replicas)
            done({0, {}, named(std::move(replicas), node)});
          else
            done({0, {}, named(std::move(environments), node)});
        },
        failed);
  } else if (what.what == "apps" && parts_.apps) {
    self_->request(parts_.apps, patience, atom::list::value)
      .then(
        [done, node](std::vector<app_part>& parts) {
          for (auto& part : parts)
            if (part.has_pool)
              part.row.node = node;
          done({0, {}, std::move(parts)});
        },
        failed);
  } else if (what.what == "nodes") {
    self_->request(parts_.agent, patience, atom::status::value)
      .then(
        [done](node_row& row) {
          done({0, {}, std::vector<node_row>{std::move(row)}});
        },
        failed);
  } else if (what.what == "events" && parts_.journal) {
    self_
      ->request(parts_.journal, patience, atom::list::value, word(what, 0),
                what.limit ? what.limit : defaults::rows_max)
      .then(
        [done, node](std::vector<event_row>& rows) {
          done({0, {}, named(std::move(rows), node)});
        },
        failed);
  } else {
    return false;
  }
  return true;
}

void switchboard_state::respond(link::ask what, const answerer& done) {
  const auto patience = caf::duration(defaults::inner_request_timeout);
  const auto node = name_of(config_.node);
  const auto failed = [done](const caf::error& error) { done({0, failure_of(error), {}}); };
  if (!parts_.agent)
    return done({0, {ec::node_lost, "Node " + node + " is starting."}, {}});
  if (respond_with_rows(what, done)) {
    return;
  } else if (what.what == "checks" && parts_.inspector) {
    self_->request(parts_.inspector, patience, atom::check::value, word(what, 0))
      .then(
        [done, node](std::vector<finding>& findings) {
          done({0, {}, std::vector<node_row>{checked(node, std::move(findings))}});
        },
        failed);
  } else if (what.what == "bundle" && parts_.bundles) {
    self_->request(parts_.bundles, caf::duration(defaults::bundle_store_timeout), atom::read::value, word(what, 0))
      .then(
        [done](std::vector<bytes>& parts) {
          payload whole;
          for (auto& part : parts)
            (whole.head.empty() ? whole.head : whole.rest.emplace_back()) = std::move(part);
          done({0, {}, std::move(whole)});
        },
        failed);
  } else if (what.what == "cache" && parts_.cache) {
    self_->request(parts_.cache, caf::infinite, atom::ask::value, std::move(what))
      .then([done](link::answer& answer) { done(std::move(answer)); }, failed);
  } else if (what.what == "logs") {
    respond_with_logs(what, done);
  } else if (what.what == "blob" && parts_.blobs) {
    pass_on<payload>(self_, done, parts_.blobs, caf::duration(defaults::bundle_store_timeout), atom::read::value,
                     word(what, 0));
  } else if (what.what == "keep" && parts_.blobs) {
    self_
      ->request(parts_.blobs, caf::duration(defaults::bundle_store_timeout), atom::store::value, std::move(what.value))
      .then([done](const std::string&) { done({}); }, failed);
  } else if (what.what == "record" && parts_.records) {
    self_->send(parts_.records, atom::append::value, std::move(what.children));
    done({});
  } else if (what.what == "recorded" && parts_.records && what.calls.size() > 2) {
    respond_with_record(what, done);
  } else if (!parts_.run_keeper || !respond_about_runs(what, done)) {
    done({0, {ec::bad_request, "Node " + node + " was asked for `" + what.what + "`, which it does not know."}, {}});
  }
}

/// Whether the question is one about runs.
bool switchboard_state::respond_about_runs(const link::ask& what, const answerer& done) {
  const auto patience = caf::duration(defaults::inner_request_timeout);
  const auto limit = what.limit ? what.limit : defaults::rows_max;
  const auto& keeper = parts_.run_keeper;
  const auto one_row = [this, done](auto&&... question) {
    self_->request(parts_.run_keeper, std::forward<decltype(question)>(question)...)
      .then(
        [done](run_row& row) {
          done({0, {}, std::vector<run_row>{std::move(row)}});
        },
        [done](const caf::error& error) {
          done({0, failure_of(error), {}});
        });
  };
  if (what.what == "runs")
    self_->request(keeper, patience, atom::list::value, word(what, 0), limit)
      .then(
        [done](std::vector<run_row>& rows) {
          done({0, {}, std::move(rows)});
        },
        [done](const caf::error& error) {
          done({0, failure_of(error), {}});
        });
  else if (what.what == "actions")
    pass_on<std::vector<action_row>>(self_, done, keeper, patience, atom::actions::value, word(what, 0), limit);
  else if (what.what == "await")
    one_row(caf::infinite, atom::await::value, word(what, 0));
  else if (what.what == "result")
    pass_on<call_reply>(self_, done, keeper, caf::infinite, atom::result::value, word(what, 0));
  else if (what.what == "abort")
    one_row(patience, atom::abort::value, word(what, 0), word(what, 1), word(what, 2));
  else
    return false;
  return true;
}

/// Output goes to the caller that the question names, and the answer, which is its end, goes behind it. Words: run or
/// "replica/ID", action.
void switchboard_state::respond_with_logs(const link::ask& what, const answerer& done) {
  constexpr std::string_view of_replica = "replica/";
  const auto of = word(what, 0);
  const auto failed = [done](const caf::error& error) { done({0, failure_of(error), {}}); };
  if (!what.caller.here)
    return done({0, {ec::bad_request, "Nobody is named who hears the output."}, {}});
  if (of.compare(0, of_replica.size(), of_replica) == 0) {
    self_
      ->request(parts_.logs, caf::duration(defaults::inner_request_timeout), atom::read::value,
                "replica-" + of.substr(of_replica.size()), what.limit)
      .then(
        [this, whom = what.caller, done](std::vector<log_text>& texts) {
          if (whom.number == 0)
            self_->send(caf::actor_cast<caller_actor>(whom.here), atom::logged::value, std::move(texts));
          else
            say(whom.node, link::logged{whom.number, std::move(texts)});
          done({});
        },
        failed);
    return;
  }
  const auto relay = self_->spawn(output_relay, what.caller, switchboard_actor(self_));
  const auto end = [this, relay](std::function<void()> then) {
    self_->request(relay, caf::infinite, atom::stop::value)
      .then([then](bool) { then(); }, [then](const caf::error&) { then(); });
  };
  self_
    ->request(parts_.run_keeper, caf::infinite, atom::watch::value, of, session_actor(relay), word(what, 1), what.limit,
              what.follow)
    .then([done, end](bool) { end([done] { done({}); }); },
          [failed, end](const caf::error& error) { end([failed, error] { failed(error); }); });
}

void switchboard_state::respond_with_record(const link::ask& what, const answerer& done) {
  self_
    ->request(parts_.records, caf::duration(defaults::record_patience), atom::find::value, what.calls[0], what.calls[1],
              std::vector<call_id>(what.calls.begin() + 2, what.calls.end()))
    .then(
      [done, root = what.calls[0]](std::vector<found_child>& found) {
        std::vector<finished_child> there;
        for (auto& child : found)
          if (child.reply)
            there.push_back({root, child.id, std::move(*child.reply)});
        done({0, {}, std::move(there)});
      },
      [done](const caf::error& error) {
        done({0, failure_of(error), {}});
      });
}

} // namespace hearth
