#include "actors/error.hpp"
#include "actors/session.hpp"
#include "core/defaults.hpp"

#include <memory>
#include <string>
#include <utility>

/// What a session does with apps that are deployed.
namespace hearth {

namespace {

std::string done_text(client::app_change what, const std::string& key) {
  switch (what) {
    case client::app_change::activate:
      return "App " + key + " is active.";
    case client::app_change::deactivate:
      return "App " + key
             + " is deactivated: its requests are refused, and its replicas end when they have answered what they have.";
    case client::app_change::remove:
      break;
  }
  return "App " + key + " is deleted; its replicas end when they have answered what they have.";
}

} // namespace

void session_state::take(client::change_app& e) {
  // Another node may have deployed it a moment ago.
  when_informed(e.request, [this, e] {
    self_
      ->request(config_.apps, defaults::inner_request_timeout, atom::find::value,
                e.project + '/' + e.domain + '/' + e.name)
      .then([this, e](const spec_ptr& now) { change(e, now); }, refusing(e.request));
  });
}

/// The cluster keeps what an app is to be; its owner hears of it at once.
void session_state::change(const client::change_app& e, const spec_ptr& now) {
  auto next = std::make_shared<environment_spec>(*now);
  next->app.inactive = e.what != client::app_change::activate;
  const auto key = next->key();
  cluster::command order = cluster::undeploy{key};
  if (e.what != client::app_change::remove)
    order = cluster::put_spec{key, next->version, config_.encode_spec(*next), true};
  self_->request(config_.cluster.control, defaults::cluster_request_timeout, atom::propose::value, std::move(order))
    .then(
      [this, request = e.request, what = e.what, next = spec_ptr(next)](const cluster::outcome& outcome) {
        if (outcome.code != ec::none) {
          refuse(request,
                 {outcome.code, outcome.message.empty() ? std::string(sentence(outcome.code)) : outcome.message});
          return flush();
        }
        self_->request(config_.agent, defaults::inner_request_timeout, atom::open::value, next, true)
          .then(
            [this, request, what, key = next->key()](const opened_environment&) {
              tell(client::done{request, done_text(what, key)});
              flush();
            },
            refusing(request));
      },
      refusing(e.request));
}

} // namespace hearth
