#include "node/wire/cache_scope.hpp"
#include "node/wire/control.hpp"

#include "node/mount.hpp"
#include "node/wire/environment.hpp"
#include "node/wire/environment_version.hpp"
#include "node/wire/json_text.hpp"
#include "schema/control.capnp.h"

#include <capnp/compat/json.h>
#include <capnp/message.h>
#include <kj/exception.h>

#include <algorithm>
#include <cmath>
#include <memory>

namespace hearth::wire {

namespace {

using outcome = std::variant<client::event, failure>;

std::string string_of(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

failure bad_request(std::string what) { return {ec::bad_request, std::move(what)}; }

/// A client's wish, in the range in which durations can be added without care.
milliseconds duration_of(std::uint64_t ms) {
  constexpr auto longest = std::chrono::duration_cast<milliseconds>(std::chrono::hours(24 * 365 * 100));
  return milliseconds(std::min<std::uint64_t>(ms, static_cast<std::uint64_t>(longest.count())));
}

/// None for 0: the node's default.
std::optional<milliseconds> span_of(std::uint64_t ms) { return ms > 0 ? std::optional(duration_of(ms)) : std::nullopt; }

outcome read_hello(std::uint32_t request, ::Hello::Reader from) {
  return client::hello{request,       from.getProtocol(),           string_of(from.getProgram()),
                       from.getPid(), string_of(from.getVersion()), string_of(from.getFailure())};
}

outcome read_open(std::uint32_t request, ::Environment::Reader from, bool deploy, const std::string& default_python) {
  auto spec = std::make_shared<environment_spec>(read_environment(from));
  for (const auto& task : spec->tasks)
    if (!std::isfinite(task.retries.backoff_factor) || task.retries.backoff_factor < 0)
      return bad_request("The backoff factor of task " + task.name + " must be a number from 0.");
  const auto& reuse = spec->reuse;
  if (reuse.hygiene != "keep" && reuse.hygiene != "fork")
    return bad_request("Environment " + spec->name + " asks for the hygiene '" + reuse.hygiene
                       + "'; there are \"keep\" and \"fork\".");
  if (reuse.placement != "spread" && reuse.placement != "pack")
    return bad_request("Environment " + spec->name + " asks for the placement '" + reuse.placement
                       + "'; there are \"spread\" and \"pack\".");
  if (!spec->isolation.empty() && spec->isolation != "process" && spec->isolation != "sandbox")
    return bad_request("Environment " + spec->name + " asks for the isolation '" + spec->isolation
                       + "'; there are \"process\" and \"sandbox\".");
  for (const auto& text : spec->mounts)
    if (const auto fault = node::fault_of_mount(text))
      return bad_request("Environment " + spec->name + ": the mount '" + text + "' " + *fault + '.');
  if (reuse.forks_per_call() && reuse.concurrency > 1)
    return bad_request("Environment " + spec->name
                       + " asks for a fork for each call, so its concurrency must be 1; raise replicas instead.");
  if (spec->python.empty())
    spec->python = default_python;
  spec->version = node::environment_version(*spec);
  node::name_scopes(*spec);
  return client::open_environment{request, std::move(spec), deploy};
}

outcome read_start(std::uint32_t request, ::StartRun::Reader from) {
  client::start_run order;
  order.request = request;
  order.call = {from.getCallHi(), from.getCallLo()};
  order.name = string_of(from.getName());
  order.detach = from.getDetach();
  order.logs = from.getLogs();
  order.project = string_of(from.getProject());
  order.domain = string_of(from.getDomain());
  order.inputs = string_of(from.getInputs());
  return order;
}

outcome read_logs(std::uint32_t request, ::Logs::Reader from) {
  return client::logs{request, string_of(from.getOf()), string_of(from.getAction()), from.getFollow(), from.getLines()};
}

outcome read_voters(std::uint32_t request, capnp::List<capnp::Text>::Reader from) {
  client::set_voters order{request, {}};
  for (auto node : from)
    order.nodes.push_back(string_of(node));
  if (order.nodes.empty())
    return bad_request("Name the voters: one, three or five nodes.");
  return order;
}

cache_filter filter_of(::CacheFilter::Reader from) {
  return {string_of(from.getProject()),
          string_of(from.getDomain()),
          string_of(from.getTask()),
          string_of(from.getVersion()),
          {},
          string_of(from.getEntry())};
}

/// The key of a row.
cache_row key_in(::CacheRow::Reader from) {
  cache_row row;
  row.scope = {string_of(from.getProject()),
               string_of(from.getDomain()),
               string_of(from.getTask()),
               string_of(from.getVersion()),
               string_of(from.getSignature()),
               string_of(from.getTrust()),
               {}};
  for (auto input : from.getInputs()) {
    row.scope.inputs.push_back(string_of(input.getName()));
    row.entry.inputs.push_back(parse_digest(string_of(input.getDigest())).value_or(digest{}));
  }
  return row;
}

outcome read_get_cache(std::uint32_t request, ::GetCache::Reader from) {
  client::get_cache asked{request, string_of(from.getWhat()), filter_of(from.getWhich()), from.getLimit()};
  if (from.hasNear())
    asked.near = key_in(from.getNear());
  asked.per_million = from.getPerMillion();
  return asked;
}

outcome read_drop(std::uint32_t request, ::DropFromCache::Reader from) {
  return client::drop_from_cache{request, filter_of(from.getWhich()), from.getAll(), from.getDeletes()};
}

outcome read_limit(std::uint32_t request, ::LimitCache::Reader from) {
  client::limit_cache wanted{request, {string_of(from.getProject()), {}, {}}};
  if (from.getSetsSize())
    wanted.order.bytes_max = from.getSizeBytes();
  if (from.getSetsTtl())
    wanted.order.ttl_ms = from.getTtlMs();
  return wanted;
}

outcome read_change(std::uint32_t request, ::ChangeApp::Reader from) {
  client::change_app order{request, string_of(from.getProject()), string_of(from.getDomain()),
                           string_of(from.getName())};
  const auto what = string_of(from.getWhat());
  if (what == "deactivate")
    order.what = client::app_change::deactivate;
  else if (what == "delete")
    order.what = client::app_change::remove;
  else if (what != "activate")
    return bad_request("An app can be activated, deactivated or deleted; `" + what + "` is none of these.");
  return order;
}

outcome read_rerun(std::uint32_t request, ::Rerun::Reader from) {
  return client::rerun{request,
                       {from.getCallHi(), from.getCallLo()},
                       string_of(from.getName()),
                       string_of(from.getNewName()),
                       from.getUseRecord()};
}

outcome read_abort(std::uint32_t request, ::Abort::Reader from) {
  return client::abort{request, string_of(from.getRun()), string_of(from.getAction()), string_of(from.getReason())};
}

outcome read_client_token(std::uint32_t request, ::ClientToken::Reader from) {
  client::make_client_token token{
    request, string_of(from.getName()), {}, span_of(from.getValidMs()), from.getEndless()};
  for (auto scope : from.getScopes())
    token.scopes.push_back(string_of(scope));
  return token;
}

outcome read(std::uint32_t request, ::Request::Reader from, const std::string& default_python) {
  switch (from.which()) {
    case ::Request::HELLO:
      return read_hello(request, from.getHello());
    case ::Request::OPEN_ENVIRONMENT:
      return read_open(request, from.getOpenEnvironment(), false, default_python);
    case ::Request::DEPLOY:
      return read_open(request, from.getDeploy(), true, default_python);
    case ::Request::PUT_BUNDLE:
      return client::put_bundle{request, string_of(from.getPutBundle().getDigest()), from.getPutBundle().getSize()};
    case ::Request::START_RUN:
      return read_start(request, from.getStartRun());
    case ::Request::RERUN:
      return read_rerun(request, from.getRerun());
    case ::Request::ABORT:
      return read_abort(request, from.getAbort());
    case ::Request::GET:
      return client::get{request, string_of(from.getGet().getWhat()), string_of(from.getGet().getName()),
                         from.getGet().getLimit()};
    case ::Request::LOGS:
      return read_logs(request, from.getLogs());
    case ::Request::WAIT:
      return client::wait{request, string_of(from.getWait())};
    case ::Request::STATUS:
      return client::status{request};
    case ::Request::STOP: {
      client::stop stop{request, {}, string_of(from.getStop().getReason())};
      if (!from.getStop().getUsualGrace())
        stop.grace = duration_of(from.getStop().getGraceMs());
      return stop;
    }
    case ::Request::RESULT:
      return client::result{request, string_of(from.getResult())};
    case ::Request::CLUSTER:
      return client::ask_cluster{request};
    case ::Request::ADMIT_NODE:
      return client::admit_node{request, string_of(from.getAdmitNode().getNode()),
                                string_of(from.getAdmitNode().getName())};
    case ::Request::REMOVE_NODE:
      return client::remove_node{request, string_of(from.getRemoveNode())};
    case ::Request::DRAIN_NODE:
      return client::drain_node{request, string_of(from.getDrainNode().getNode()), from.getDrainNode().getDraining()};
    case ::Request::SET_VOTERS:
      return read_voters(request, from.getSetVoters());
    case ::Request::JOIN_TOKEN:
      return client::make_join_token{request, span_of(from.getJoinToken().getValidMs())};
    case ::Request::CLIENT_TOKEN:
      return read_client_token(request, from.getClientToken());
    case ::Request::REVOKE_TOKEN:
      return client::revoke_client_token{request, string_of(from.getRevokeToken())};
    case ::Request::BACKUP:
      return client::back_up{request, string_of(from.getBackup())};
    case ::Request::PING:
      return client::ping_node{request, string_of(from.getPing().getNode()), from.getPing().getCount()};
    case ::Request::GET_CACHE:
      return read_get_cache(request, from.getGetCache());
    case ::Request::DROP_FROM_CACHE:
      return read_drop(request, from.getDropFromCache());
    case ::Request::LIMIT_CACHE:
      return read_limit(request, from.getLimitCache());
    case ::Request::MOVE_CACHE:
      return client::move_cache{request, string_of(from.getMoveCache().getFile()), from.getMoveCache().getImports()};
    case ::Request::CHANGE_APP:
      return read_change(request, from.getChangeApp());
    case ::Request::UNSPECIFIED:
      break;
  }
  return bad_request("The request names nothing that this node does.");
}

struct strict_codec : capnp::JsonCodec {
  strict_codec() {
    constexpr std::size_t nesting_max = 16; // Request, environment, tasks, one task, retries: far below
    setMaxNestingDepth(nesting_max);
    setRejectUnknownFields(true);
  }
};

} // namespace

outcome read_request(std::uint32_t request, std::string_view json, const std::string& default_python) {
  outcome result = bad_request({});
  auto thrown = kj::runCatchingExceptions([&] {
    static const strict_codec codec;
    capnp::MallocMessageBuilder raw_memory, memory;
    auto raw = raw_memory.initRoot<capnp::JsonValue>();
    const auto plain = without_hex_escapes(json);
    codec.decodeRaw({plain.data(), plain.size()}, raw);
    if (!raw.isObject() || raw.getObject().size() != 1) {
      result = bad_request("A request is a JSON object with one field, the name of what is asked.");
      return;
    }
    auto message = memory.initRoot<::Request>();
    codec.decode(raw.asReader(), message);
    result = read(request, message.asReader(), default_python);
  });
  KJ_IF_MAYBE (exception, thrown) {
    result = bad_request(
      "The request is not valid JSON of this protocol: " + std::string(exception->getDescription().cStr()) + ".");
  }
  return result;
}

} // namespace hearth::wire
