#include "node/wire/control.hpp"

#include "core/defaults.hpp"
#include "node/wire/control_rows.hpp"
#include "node/wire/control_text.hpp"

#include <capnp/compat/json.h>
#include <capnp/message.h>

#include <algorithm>

namespace hearth::wire {

namespace {

std::string json_of(::Response::Reader response) {
  static const capnp::JsonCodec codec;
  auto json = codec.encode(response);
  return {json.begin(), json.size()};
}

/// Builds and renders one response.
template <class Fill>
std::string respond(Fill fill) {
  capnp::MallocMessageBuilder memory;
  auto response = memory.initRoot<::Response>();
  fill(response);
  return json_of(response.asReader());
}

void fill(::Failure::Builder into, const failure& why) {
  into.setCode(static_cast<std::uint16_t>(why.code));
  into.setName(text(name(why.code)));
  into.setMessage(text(clipped(why.message)));
}

// -- rows ----

auto open_list(::Response::Builder into, const app_row*, unsigned n) { return into.initApps(n); }
auto open_list(::Response::Builder into, const environment_row*, unsigned n) { return into.initEnvironments(n); }
auto open_list(::Response::Builder into, const replica_row*, unsigned n) { return into.initReplicas(n); }
auto open_list(::Response::Builder into, const run_row*, unsigned n) { return into.initRuns(n); }
auto open_list(::Response::Builder into, const action_row*, unsigned n) { return into.initActions(n); }
auto open_list(::Response::Builder into, const node_row*, unsigned n) { return into.initNodes(n); }
auto open_list(::Response::Builder into, const event_row*, unsigned n) { return into.initEvents(n); }
auto open_list(::Response::Builder into, const cluster::token_record*, unsigned n) { return into.initTokens(n); }
auto open_list(::Response::Builder into, const cache_report*, unsigned n) { return into.initCacheCounts(n); }
auto open_list(::Response::Builder into, const cache_row*, unsigned n) { return into.initCacheEntries(n); }
auto open_list(::Response::Builder into, const cache_check*, unsigned n) { return into.initCacheChecks(n); }
auto open_list(::Response::Builder into, const cache_audit_row*, unsigned n) { return into.initCacheAudits(n); }
auto open_list(::Response::Builder into, const cache_limit_row*, unsigned n) { return into.initCacheLimits(n); }

template <class Row>
std::string page_of(const Row* first, std::size_t count) {
  return respond([&](::Response::Builder response) {
    auto list = open_list(response, first, static_cast<unsigned>(count));
    for (unsigned i = 0; i < list.size(); ++i)
      wire::fill(list[i], first[i]);
  });
}

} // namespace

std::string write_response(const client::welcome& what) {
  return respond([&](::Response::Builder response) {
    auto into = response.initHello();
    into.setProtocol(defaults::protocol_version);
    into.setNode(text(what.node));
    into.setNodeId(text(what.node_id));
    into.setVersion(text(HEARTH_VERSION));
    into.setWindowCalls(defaults::window_calls);
    into.setWindowBytes(defaults::window_bytes);
    into.setValueBytesMax(defaults::value_bytes_max);
    into.setPrivate(what.is_private);
  });
}

std::string write_response(const client::refused& what) {
  return respond([&](::Response::Builder response) { fill(response.initError(), what.why); });
}

std::string write_response(const opened_handle& what) {
  return respond([&](::Response::Builder response) {
    if (what.error.code != ec::none)
      return fill(response.initError(), what.error);
    auto into = response.initEnvironment();
    into.setHandle(what.handle);
    into.setVersion(text(what.version));
    into.setIsNew(what.is_new);
  });
}

std::string write_response(const client::bundle_state& what) {
  return respond([&](::Response::Builder response) {
    auto into = response.initBundle();
    into.setDigest(text(what.digest));
    into.setStored(what.stored);
  });
}

std::string write_response(const client::done& what) {
  return respond([&](::Response::Builder response) {
    auto into = response.initDone();
    into.setDetail(text(clipped(what.detail)));
    into.setCount(what.count);
  });
}

std::string write_response(const client::run_state& what) {
  return respond([&](::Response::Builder response) { fill(response.initRun(), what.row); });
}

std::string write_response(const client::node_state& what) {
  return respond([&](::Response::Builder response) { fill(response.initStatus(), what.row); });
}

std::string write_response(const client::cluster_state& what) {
  return respond([&](::Response::Builder response) {
    auto into = response.initCluster();
    into.setName(text(what.name));
    into.setId(text(to_string(what.id)));
    into.setNodeId(text(to_string(what.node)));
    into.setHolds(what.standing.holds);
    into.setWhyNot(text(clipped(what.standing.why_not)));
    auto members = into.initMembers(static_cast<unsigned>(what.members.size()));
    for (unsigned i = 0; i < members.size(); ++i)
      fill(members[i], what.members[i]);
  });
}

std::string write_response(const client::echoes& what) {
  return respond([&](::Response::Builder response) {
    auto into = response.initEchoes();
    into.setNode(text(what.node));
    into.setCount(what.count);
    into.setMinNs(static_cast<std::uint64_t>(what.min.count()));
    into.setP50Ns(static_cast<std::uint64_t>(what.p50.count()));
    into.setP99Ns(static_cast<std::uint64_t>(what.p99.count()));
    into.setMaxNs(static_cast<std::uint64_t>(what.max.count()));
  });
}

template <class Row>
void write_rows(const std::vector<Row>& rows, bool more, const page_sink& sink) {
  std::size_t at = 0, count = rows.size();
  do {
    auto page = page_of(rows.data() + at, count);
    if (page.size() > defaults::frame_body_bytes_max) {
      if (count == 1) {
        const failure why{ec::value_too_large, "One row of the listing is larger than a message may be."};
        return sink(write_response(client::refused{0, why}), false);
      }
      count /= 2;
      continue;
    }
    at += count;
    count = std::min(count, rows.size() - at);
    sink(std::move(page), more || at < rows.size());
  } while (at < rows.size());
}

template void write_rows(const std::vector<app_row>&, bool, const page_sink&);
template void write_rows(const std::vector<environment_row>&, bool, const page_sink&);
template void write_rows(const std::vector<replica_row>&, bool, const page_sink&);
template void write_rows(const std::vector<run_row>&, bool, const page_sink&);
template void write_rows(const std::vector<action_row>&, bool, const page_sink&);
template void write_rows(const std::vector<node_row>&, bool, const page_sink&);
template void write_rows(const std::vector<event_row>&, bool, const page_sink&);
template void write_rows(const std::vector<cluster::token_record>&, bool, const page_sink&);
template void write_rows(const std::vector<cache_report>&, bool, const page_sink&);
template void write_rows(const std::vector<cache_row>&, bool, const page_sink&);
template void write_rows(const std::vector<cache_check>&, bool, const page_sink&);
template void write_rows(const std::vector<cache_audit_row>&, bool, const page_sink&);
template void write_rows(const std::vector<cache_limit_row>&, bool, const page_sink&);

} // namespace hearth::wire
