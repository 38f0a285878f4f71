#include "actors/cluster_rows.hpp"
#include "actors/error.hpp"
#include "actors/session.hpp"
#include "core/defaults.hpp"

#include <utility>

/// What a session does about runs that are there already, whoever started them and wherever they are.
namespace hearth {

/// Goes on when this node knows everything that its cluster has decided; refuses where it reaches no majority. A node alone
/// always knows.
void session_state::when_informed(std::uint32_t request, std::function<void()> then) {
  if (config_.cluster.name.empty())
    return then();
  self_->request(config_.cluster.control, defaults::inner_request_timeout, atom::read::value)
    .then(
      [this, request, then](const cluster::outcome& outcome) {
        if (outcome.code == ec::none)
          return then();
        refuse(request, {outcome.code, outcome.message});
        flush();
      },
      refusing(request));
}

/// Asks a question about a run. `question` gets what is to happen when it fails: where the run is not known, this node may
/// not have heard of it yet, and is asked once more when it has.
void session_state::ask_about_run(std::uint32_t request, std::function<void(const error_handler&)> question) {
  question([this, request, question](const caf::error& error) {
    if (failure_of(error).code != ec::unknown_run || config_.cluster.name.empty())
      return refusing(request)(error);
    when_informed(request, [this, request, question] { question(refusing(request)); });
  });
}

/// It ran on one node, or on several after another.
void session_state::ask_all_for_logs(const client::logs& e, const error_handler& failed) {
  link::ask question;
  question.what = "logs";
  question.words = {e.of, e.action};
  question.limit = e.lines;
  question.follow = e.follow;
  question.caller.here = self_->ctrl();
  self_->request(config_.switchboard, caf::infinite, atom::ask::value, std::move(question), milliseconds{0})
    .then(
      [this, request = e.request, failed](const link::member_answers& all) {
        if (auto why = refusal_of_all(all); why.code != ec::none)
          return failed(error_of(why));
        tell(client::done{request, {}});
        flush();
      },
      failed);
}

void session_state::take(client::logs& e) {
  auto request = e.request;
  auto finish = [this, request](bool) {
    tell(client::done{request, {}});
    flush();
  };
  if (config_.switchboard)
    return ask_about_run(e.request, [this, e](const error_handler& failed) { ask_all_for_logs(e, failed); });
  constexpr std::string_view of_replica = "replica/";
  if (e.of.compare(0, of_replica.size(), of_replica) == 0) {
    self_
      ->request(config_.logs, defaults::inner_request_timeout, atom::read::value,
                "replica-" + e.of.substr(of_replica.size()), e.lines)
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
  ask_about_run(e.request, [this, e](const error_handler& failed) {
    self_->request(config_.run_keeper, caf::infinite, atom::await::value, e.run)
      .then(
        [this, request = e.request](run_row& row) {
          tell(client::run_state{request, std::move(row)});
          flush();
        },
        failed);
  });
}

void session_state::take(client::result& e) {
  ask_about_run(e.request, [this, e](const error_handler& failed) {
    self_->request(config_.run_keeper, caf::infinite, atom::result::value, e.run)
      .then(
        [this, request = e.request](call_reply& answer) {
          tell(std::move(answer));
          tell(client::done{request, {}});
          flush();
        },
        failed);
  });
}

void session_state::take(client::rerun& e) {
  ask_about_run(e.request, [this, e](const error_handler& failed) {
    self_->request(config_.run_keeper, defaults::inner_request_timeout, atom::rerun::value, e.name)
      .then([this, e](kept_call& kept) { open_again(e, kept); }, failed);
  });
}

void session_state::open_again(const client::rerun& e, const kept_call& kept) {
  self_->request(config_.bundles, defaults::inner_request_timeout, atom::has::value, kept.spec->bundle)
    .then(
      [this, e, kept](bool has) {
        if (!has && !config_.switchboard) { // in a cluster another node may have it
          refuse(e.request, {ec::unknown_bundle,
                             "The code of run `" + e.name + "` is no longer stored; start it from its program."});
          return flush();
        }
        self_->request(config_.agent, defaults::inner_request_timeout, atom::open::value, kept.spec, false)
          .then([this, e, kept](const opened_environment& in) { start_again(e, kept, in); }, refusing(e.request));
      },
      refusing(e.request));
}

void session_state::start_again(const client::rerun& e, const kept_call& kept, const opened_environment& in) {
  run_order run;
  run.name = e.new_name;
  run.rerun_of = e.use_record ? e.name : std::string{};
  run.detach = true;
  run.project = kept.project;
  run.domain = kept.domain;
  run.inputs = kept.inputs;
  run.principal = config_.rights.principal;
  run.root.header.id = run.root.header.root = e.call;
  run.root.header.task = kept.task;
  run.root.header.cache = kept.cache;
  run.root.arguments = kept.arguments;
  run.root.spec = run.spec = in.spec;
  run.supervisor = in.supervisor;
  self_->request(config_.run_keeper, defaults::inner_request_timeout, atom::accept::value, std::move(run))
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
  ask_about_run(e.request, [this, e, reason](const error_handler& failed) {
    self_->request(config_.run_keeper, defaults::inner_request_timeout, atom::abort::value, e.run, e.action, reason)
      .then(
        [this, request = e.request](run_row& row) {
          tell(client::run_state{request, std::move(row)});
          flush();
        },
        failed);
  });
}

} // namespace hearth
