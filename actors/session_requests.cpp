#include "actors/cluster_rows.hpp"
#include "actors/error.hpp"
#include "actors/session.hpp"
#include "core/defaults.hpp"

/// What a session looks up or asks for on behalf of a person.
namespace hearth {

namespace {

constexpr auto inner_timeout = defaults::inner_request_timeout;

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
  if (config_.switchboard && get_from_all(e, what, limit))
    return;
  if (what == "environment" || what == "replica") {
    self_->request(config_.agent, inner_timeout, atom::list::value)
      .then(
        [=, name = e.name](std::vector<environment_row>& environments, std::vector<replica_row>& replicas) {
          if (what == "environment")
            deliver(chosen(environments, limit, [&](auto& row) { return is_named(row, name); }));
          else
            deliver(chosen(replicas, limit, [&](auto& row) { return is_named(row, name); }));
        },
        refusing(request));
  } else if (what == "run") {
    self_->request(config_.run_keeper, inner_timeout, atom::list::value, e.name, limit)
      .then([=](std::vector<run_row>& rows) { deliver(std::move(rows)); }, refusing(request));
  } else if (what == "action") {
    self_->request(config_.run_keeper, inner_timeout, atom::actions::value, e.name, limit)
      .then([=](std::vector<action_row>& rows) { deliver(std::move(rows)); }, refusing(request));
  } else if (what == "node") {
    self_->request(config_.agent, inner_timeout, atom::status::value)
      .then([=](node_row& row) { deliver(std::vector<node_row>{std::move(row)}); }, refusing(request));
  } else if (what == "check") {
    self_->request(config_.inspector, inner_timeout, atom::check::value, e.name)
      .then([=](std::vector<finding>& found) { deliver(std::vector<node_row>{checked({}, std::move(found))}); },
            refusing(request));
  } else if (what == "event") {
    self_->request(config_.journal, inner_timeout, atom::list::value, e.name, limit)
      .then([=](std::vector<event_row>& rows) { deliver(std::move(rows)); }, refusing(request));
  } else {
    refuse(request, {ec::bad_request, "There is no listing of `" + e.what
                                        + "`; there are environments, replicas, runs, actions, events and nodes."});
  }
}

/// In a cluster: whether this is a listing that all nodes together give.
bool session_state::get_from_all(const client::get& e, const std::string& what, std::uint32_t limit) {
  const bool is_of_all = what == "environment" || what == "replica" || what == "node" || what == "event"
                         || what == "run" || what == "action" || what == "check";
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
  self_->request(config_.switchboard, inner_timeout, atom::ask::value, std::move(question), patience)
    .then(
      [=, this, name = e.name](link::member_answers& all) {
        if (what == "environment") {
          auto rows = merged<environment_row>(std::move(all));
          deliver(chosen(rows, limit, [&](auto& row) { return is_named(row, name); }));
        } else if (what == "replica") {
          auto rows = merged<replica_row>(std::move(all));
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
  self_->request(config_.agent, inner_timeout, atom::status::value)
    .then(
      [this, request = e.request](node_row& row) {
        tell(client::node_state{request, std::move(row)});
        flush();
      },
      refusing(e.request));
}

void session_state::take(client::logs& e) {
  auto request = e.request;
  auto finish = [this, request](bool) {
    tell(client::done{request, {}});
    flush();
  };
  if (config_.switchboard) { // it ran on one node, or on several after another
    link::ask question;
    question.what = "logs";
    question.words = {e.of, e.action};
    question.limit = e.lines;
    question.follow = e.follow;
    question.caller.here = self_->ctrl();
    self_->request(config_.switchboard, caf::infinite, atom::ask::value, std::move(question), milliseconds{0})
      .then(
        [this, request, finish](const link::member_answers& all) {
          if (auto why = refusal_of_all(all); why.code != ec::none)
            refuse(request, std::move(why)), flush();
          else
            finish(true);
        },
        refusing(request));
    return;
  }
  constexpr std::string_view of_replica = "replica/";
  if (e.of.compare(0, of_replica.size(), of_replica) == 0) {
    self_->request(config_.logs, inner_timeout, atom::read::value, "replica-" + e.of.substr(of_replica.size()), e.lines)
      .then(
        [this, finish](std::vector<log_text>& texts) {
          for (auto& text : texts)
            tell(std::move(text));
          finish(true);
        },
        refusing(request));
    return;
  }
  // The run keeper sends what is kept, then what comes; it answers when nothing more will follow.
  self_
    ->request(config_.run_keeper, caf::infinite, atom::watch::value, e.of, session_actor(self_), e.action, e.lines,
              e.follow)
    .then(finish, refusing(request));
}

void session_state::take(client::wait& e) {
  self_->request(config_.run_keeper, caf::infinite, atom::await::value, e.run)
    .then(
      [this, request = e.request](run_row& row) {
        tell(client::run_state{request, std::move(row)});
        flush();
      },
      refusing(e.request));
}

void session_state::take(client::result& e) {
  self_->request(config_.run_keeper, caf::infinite, atom::result::value, e.run)
    .then(
      [this, request = e.request](call_reply& answer) {
        tell(std::move(answer));
        tell(client::done{request, {}});
        flush();
      },
      refusing(e.request));
}

void session_state::take(client::rerun& e) {
  self_->request(config_.run_keeper, inner_timeout, atom::rerun::value, e.name)
    .then(
      [this, e](kept_call& kept) {
        self_->request(config_.bundles, inner_timeout, atom::has::value, kept.spec->bundle)
          .then(
            [this, e, kept](bool has) {
              if (!has) {
                refuse(e.request, {ec::unknown_bundle,
                                   "The code of run `" + e.name + "` is no longer stored; start it from its program."});
                return flush();
              }
              self_->request(config_.agent, inner_timeout, atom::open::value, kept.spec, false)
                .then([this, e, kept](opened_environment& in) mutable { start_again(e, kept, in); },
                      refusing(e.request));
            },
            refusing(e.request));
      },
      refusing(e.request));
}

void session_state::start_again(const client::rerun& e, kept_call& kept, const opened_environment& in) {
  run_order run;
  run.name = e.new_name;
  run.rerun_of = e.use_record ? e.name : std::string{};
  run.detach = true;
  run.project = kept.project;
  run.domain = kept.domain;
  run.inputs = kept.inputs;
  run.root.header.id = run.root.header.root = e.call;
  run.root.header.task = kept.task;
  run.root.arguments = std::move(kept.arguments);
  run.root.spec = run.spec = in.spec;
  run.supervisor = in.supervisor;
  self_->request(config_.run_keeper, inner_timeout, atom::accept::value, std::move(run))
    .then(
      [this, e](const std::string& name) {
        client::run_state accepted{e.request, {}};
        accepted.row.name = name;
        accepted.row.phase = "QUEUED";
        accepted.row.call = e.call;
        accepted.row.detached = true;
        tell(std::move(accepted));
        flush();
      },
      refusing(e.request));
}

void session_state::take(client::abort& e) {
  auto reason = e.reason.empty() ? std::string("Somebody asked for it.") : e.reason;
  self_->request(config_.run_keeper, inner_timeout, atom::abort::value, e.run, e.action, std::move(reason))
    .then(
      [this, request = e.request](run_row& row) {
        tell(client::run_state{request, std::move(row)});
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
