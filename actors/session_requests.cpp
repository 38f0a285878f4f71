#include "actors/cluster_rows.hpp"
#include "actors/error.hpp"
#include "actors/session.hpp"
#include "core/defaults.hpp"

/// What a session looks up or asks for on behalf of a person.
namespace hearth {

namespace {

/// Singular and plural name the same thing.
std::string noun_of(std::string what) {
  if (!what.empty() && what.back() == 's')
    what.pop_back();
  return what == "env" ? "environment" : what;
}

template <class Row, class Match>
std::vector<Row> chosen(std::vector<Row>& rows, std::uint32_t limit, Match match) {
  std::vector<Row> result;
  for (auto& row : rows)
    if (result.size() < limit && match(row))
      result.push_back(std::move(row));
  return result;
}

std::string key_of(const environment_row& row) { return row.project + '/' + row.domain + '/' + row.name; }

bool is_named(const environment_row& row, const std::string& name) {
  return name.empty() || row.name == name || key_of(row) == name;
}
bool is_named(const app_row& row, const std::string& name) {
  return name.empty() || row.name == name || row.key() == name;
}
bool is_named(const replica_row& row, const std::string& name) { return name.empty() || row.environment == name; }

} // namespace

void session_state::take(client::get& e) {
  auto what = noun_of(e.what);
  auto limit = e.limit ? e.limit : defaults::rows_max;
  auto request = e.request;
  auto deliver = [this, request](auto&& rows) {
    tell(client::rows<typename std::decay_t<decltype(rows)>::value_type>{request, std::move(rows)});
    flush();
  };
  if (what == "token")
    return list_tokens(request);
  if (config_.switchboard && (what == "run" || what == "action"))
    return get_of_runs(e, what, limit);
  if (config_.switchboard && get_from_all(e, what, limit))
    return;
  if (what == "environment" || what == "replica") {
    self_->request(config_.agent, defaults::inner_request_timeout, atom::list::value)
      .then(
        [=, name = e.name](std::vector<environment_row>& environments, std::vector<replica_row>& replicas) {
          if (what == "environment")
            deliver(chosen(environments, limit, [&](auto& row) { return is_named(row, name); }));
          else
            deliver(chosen(replicas, limit, [&](auto& row) { return is_named(row, name); }));
        },
        refusing(request));
  } else if (what == "app" && config_.apps) {
    self_->request(config_.apps, defaults::inner_request_timeout, atom::list::value)
      .then(
        [=, name = e.name](std::vector<app_part>& parts) {
          auto rows = merged_apps(std::move(parts));
          deliver(chosen(rows, limit, [&](auto& row) { return is_named(row, name); }));
        },
        refusing(request));
  } else if (what == "run") {
    self_->request(config_.run_keeper, defaults::inner_request_timeout, atom::list::value, e.name, limit)
      .then([=](std::vector<run_row>& rows) { deliver(std::move(rows)); }, refusing(request));
  } else if (what == "action") {
    self_->request(config_.run_keeper, defaults::inner_request_timeout, atom::actions::value, e.name, limit)
      .then([=](std::vector<action_row>& rows) { deliver(std::move(rows)); }, refusing(request));
  } else if (what == "node") {
    self_->request(config_.agent, defaults::inner_request_timeout, atom::status::value)
      .then([=](node_row& row) { deliver(std::vector<node_row>{std::move(row)}); }, refusing(request));
  } else if (what == "check") {
    self_->request(config_.inspector, defaults::inner_request_timeout, atom::check::value, e.name)
      .then([=](std::vector<finding>& found) { deliver(std::vector<node_row>{checked({}, std::move(found))}); },
            refusing(request));
  } else if (what == "event") {
    self_->request(config_.journal, defaults::inner_request_timeout, atom::list::value, e.name, limit)
      .then([=](std::vector<event_row>& rows) { deliver(std::move(rows)); }, refusing(request));
  } else {
    refuse(request,
           {ec::bad_request, "There is no listing of `" + e.what
                               + "`; there are apps, environments, replicas, runs, actions, events and nodes."});
  }
}

/// In a cluster. The end of a run is final, whoever tells it; anything else is said only after this node has heard all that
/// was decided before.
void session_state::get_of_runs(const client::get& e, const std::string& what, std::uint32_t limit) {
  const auto from_all = [this, e, what, limit] {
    when_informed(e.request, [this, e, what, limit] { get_from_all(e, what, limit); });
  };
  if (what != "run" || e.name.empty())
    return from_all();
  self_->request(config_.run_keeper, defaults::inner_request_timeout, atom::list::value, e.name, limit)
    .then(
      [this, request = e.request, from_all](std::vector<run_row>& rows) {
        if (rows.size() != 1 || !has_ended(rows.front()))
          return from_all();
        tell(client::rows<run_row>{request, std::move(rows)});
        flush();
      },
      [from_all](const caf::error&) { from_all(); });
}

/// In a cluster: whether this is a listing that all nodes together give.
bool session_state::get_from_all(const client::get& e, const std::string& what, std::uint32_t limit) {
  const bool is_of_all = what == "app" || what == "environment" || what == "replica" || what == "node"
                         || what == "event" || what == "run" || what == "action" || what == "check";
  if (!is_of_all)
    return false;
  link::ask question;
  question.what = what + 's';
  question.words = {e.name};
  question.limit = limit;
  const auto deliver = [this, request = e.request](auto&& rows) {
    tell(client::rows<typename std::decay_t<decltype(rows)>::value_type>{request, std::move(rows)});
    flush();
  };
  // A check starts interpreters; a listing is there at once.
  const auto patience = what == "check" ? milliseconds(defaults::inspection_timeout)
                                        : milliseconds(defaults::listing_wait);
  self_->request(config_.switchboard, defaults::inner_request_timeout, atom::ask::value, std::move(question), patience)
    .then(
      [=, this, name = e.name](link::member_answers& all) {
        if (what == "app") {
          auto rows = merged_apps(std::move(all));
          deliver(chosen(rows, limit, [&](auto& row) { return is_named(row, name); }));
        } else if (what == "environment") {
          auto rows = merged<environment_row>(std::move(all));
          deliver(chosen(rows, limit, [&](auto& row) { return is_named(row, name); }));
        } else if (what == "replica") {
          auto rows = merged_replicas(std::move(all));
          deliver(chosen(rows, limit, [&](auto& row) { return is_named(row, name); }));
        } else if (what == "node" || what == "check") {
          deliver(merged<node_row>(std::move(all)));
        } else if (what == "run" || what == "action") {
          if (auto why = refusal_of_all(all); why.code != ec::none)
            refuse(e.request, std::move(why)), flush();
          else if (what == "run")
            deliver(best_of_each(std::move(all), limit));
          else
            deliver(fullest<action_row>(std::move(all)));
        } else {
          deliver(newest(merged<event_row>(std::move(all)), limit));
        }
      },
      refusing(e.request));
  return true;
}

void session_state::take(client::status& e) {
  self_->request(config_.agent, defaults::inner_request_timeout, atom::status::value)
    .then(
      [this, request = e.request](node_row& row) {
        tell(client::node_state{request, std::move(row)});
        flush();
      },
      refusing(e.request));
}

void session_state::take(client::stop& e) {
  const auto grace = e.grace.value_or(config_.stop_grace);
  self_->request(config_.agent, grace + milliseconds(defaults::stop_grace), atom::stop::value, grace, e.reason)
    .then(
      [this, request = e.request](bool) {
        tell(client::done{request, "stopped"});
        flush();
      },
      refusing(e.request));
}

} // namespace hearth
