#include "actors/error.hpp"
#include "actors/session.hpp"
#include "core/defaults.hpp"

#include <utility>

/// What a session does with code and environments.
namespace hearth {

// -- environments ----

void session_state::take(client::open_environment& e) {
  if (!config_.rights.scopes.contains(scope::deploy)) { // what is there already, to the last detail
    self_
      ->request(config_.cluster.control, defaults::inner_request_timeout, atom::find::value, e.spec->key(),
                e.spec->version)
      .then([this, request = e.request, spec = e.spec](const bytes&) { open(request, spec, false); },
            [this, request = e.request, spec = e.spec](const caf::error&) {
              refuse(request, {ec::not_permitted, lacks(config_.rights, {scope::deploy},
                                                        "version " + spec->version + " of environment " + spec->key()
                                                          + ", which the cluster does not have,")});
              flush();
            });
    return;
  }
  self_->request(config_.bundles, defaults::inner_request_timeout, atom::has::value, e.spec->bundle)
    .then(
      [this, request = e.request, spec = e.spec, deploy = e.deploy](bool has) {
        if (has)
          return deploy && (!config_.cluster.name.empty() || spec->is_app()) ? this->deploy(request, spec)
                                                                             : open(request, spec, deploy);
        refuse(request,
               {ec::unknown_bundle, "The node does not have code bundle " + spec->bundle + "; send it first."});
        flush();
      },
      refusing(e.request));
}

/// The cluster keeps what is deployed, with or without replicas: who may only invoke finds it there, and so do the requests of
/// an app, also on a node alone.
void session_state::deploy(std::uint32_t request, const spec_ptr& spec) {
  cluster::put_spec put{spec->key(), spec->version, config_.encode_spec(*spec), true};
  self_
    ->request(config_.cluster.control, defaults::cluster_request_timeout, atom::propose::value,
              cluster::command(std::move(put)))
    .then(
      [this, request, spec](const cluster::outcome& outcome) {
        if (outcome.code == ec::none)
          return open(request, spec, true);
        refuse(request, {outcome.code, outcome.message});
        flush();
      },
      refusing(request));
}

void session_state::open(std::uint32_t request, spec_ptr spec, bool deploy) {
  self_->request(config_.agent, defaults::inner_request_timeout, atom::open::value, std::move(spec), deploy)
    .then(
      [this, request](opened_environment& opened) {
        opened_handle answer{request, 0, opened.spec->version, opened.is_new, {}};
        if (!handles_.knows(opened.supervisor))
          self_->monitor(opened.supervisor);
        answer.handle = handles_.put(std::move(opened));
        tell(std::move(answer));
        flush();
      },
      refusing(request));
}

// -- code ----

void session_state::take(client::put_bundle& e) {
  if (e.size > defaults::bundle_bytes_max)
    return refuse(e.request,
                  {ec::bundle_too_large, "The code bundle has " + std::to_string(e.size) + " bytes; this node takes "
                                           + std::to_string(defaults::bundle_bytes_max) + "."});
  if (!config_.rights.scopes.contains(scope::deploy)) // it can open only what is there, for which no code is needed
    return tell(client::bundle_state{e.request, e.digest, true});
  self_->request(config_.bundles, defaults::inner_request_timeout, atom::has::value, e.digest)
    .then(
      [this, put = e](bool has) {
        if (!has)
          uploads_[put.request] = {put.digest, put.size, 0, {}};
        tell(client::bundle_state{put.request, put.digest, has});
        flush();
      },
      refusing(e.request));
}

void session_state::take(client::bundle_part& e) {
  auto found = uploads_.find(e.request);
  if (found == uploads_.end())
    return; // of an upload that was refused
  auto& u = found->second;
  if (e.offset != u.received || u.received + e.content.size() > u.size
      || (e.last && u.received + e.content.size() != u.size)) {
    uploads_.erase(found);
    return refuse(e.request, {ec::bad_request, "The parts of the code bundle do not fit together."});
  }
  u.received += e.content.size();
  u.parts.push_back(std::move(e.content));
  if (!e.last)
    return;
  auto whole = std::move(u);
  uploads_.erase(found);
  store(e.request, std::move(whole));
}

void session_state::store(std::uint32_t request, upload&& what) {
  self_
    ->request(config_.bundles, defaults::bundle_store_timeout, atom::store::value, what.digest, std::move(what.parts))
    .then(
      [this, request, digest = what.digest](bool) {
        tell(client::bundle_state{request, digest, true});
        flush();
      },
      refusing(request));
}

} // namespace hearth
