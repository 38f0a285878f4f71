#include "node/wire/control.hpp"

#include "core/defaults.hpp"
#include "schema/control.capnp.h"

#include <capnp/compat/json.h>
#include <capnp/message.h>
#include <kj/encoding.h>

#include <algorithm>

namespace hearth::wire {

namespace {

/// JSON is UTF-8, whatever a user's error message was.
class text {
public:
  explicit text(std::string_view from) : content_(from) {
    if (std::all_of(from.begin(), from.end(), [](unsigned char c) { return c < 0x80; }))
      return;
    auto wide = kj::encodeUtf16(kj::arrayPtr(content_.data(), content_.size()), false);
    if (!wide.hadErrors)
      return;
    for (std::size_t i = 0; i < wide.size(); ++i) { // KJ keeps halves of surrogate pairs; nobody else reads them
      const bool is_pair = (wide[i] & 0xfc00) == 0xd800 && i + 1 < wide.size() && (wide[i + 1] & 0xfc00) == 0xdc00;
      if (is_pair)
        ++i;
      else if ((wide[i] & 0xf800) == 0xd800)
        wide[i] = 0xfffd;
    }
    auto narrow = kj::decodeUtf16(wide);
    content_.assign(narrow.begin(), narrow.size());
  }
  operator capnp::Text::Reader() const { return {content_.data(), content_.size()}; }

private:
  std::string content_;
};

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

/// No sentence for a person is longer; the rest of a frame stays for the others.
std::string clipped(const std::string& sentence) {
  constexpr std::size_t longest = 64 * defaults::kib;
  return sentence.size() <= longest ? sentence : sentence.substr(0, longest) + " ...";
}

void fill(::Failure::Builder into, const failure& why) {
  into.setCode(static_cast<std::uint16_t>(why.code));
  into.setName(text(name(why.code)));
  into.setMessage(text(clipped(why.message)));
}

// -- rows ----

auto open_list(::Response::Builder into, const environment_row*, unsigned n) { return into.initEnvironments(n); }
auto open_list(::Response::Builder into, const replica_row*, unsigned n) { return into.initReplicas(n); }
auto open_list(::Response::Builder into, const run_row*, unsigned n) { return into.initRuns(n); }
auto open_list(::Response::Builder into, const action_row*, unsigned n) { return into.initActions(n); }
auto open_list(::Response::Builder into, const node_row*, unsigned n) { return into.initNodes(n); }

void fill(::EnvironmentRow::Builder into, const environment_row& row) {
  into.setProject(text(row.project));
  into.setDomain(text(row.domain));
  into.setName(text(row.name));
  into.setVersion(text(row.version));
  into.setState(text(row.state));
  into.setReplicas(row.replicas);
  into.setStarting(row.starting);
  into.setMinReplicas(row.min_replicas);
  into.setMaxReplicas(row.max_replicas);
  into.setConcurrency(row.concurrency);
  into.setRunning(row.running);
  into.setParked(row.parked);
  into.setQueued(row.queued);
  into.setDone(row.done);
  into.setFailed(row.failed);
  into.setLost(row.lost);
  into.setStartMode(text(row.start_mode));
  into.setStartReason(text(row.start_reason));
  auto tasks = into.initTasks(static_cast<unsigned>(row.tasks.size()));
  for (unsigned i = 0; i < tasks.size(); ++i)
    tasks.set(i, text(row.tasks[i]));
  into.setMessage(text(clipped(row.message)));
  into.setPython(text(row.python));
  into.setMeanRunUs(row.mean_run_us);
  into.setColdStarts(row.cold_starts);
  into.setMeanStartUs(row.mean_start_us);
}

void fill(::ReplicaRow::Builder into, const replica_row& row) {
  into.setId(row.id);
  into.setEnvironment(text(row.environment));
  into.setVersion(text(row.version));
  into.setState(text(row.state));
  into.setPid(row.pid);
  into.setStartMode(text(row.start_mode));
  into.setStartUs(row.start_us);
  into.setRunning(row.running);
  into.setParked(row.parked);
  into.setAhead(row.ahead);
  into.setDone(row.done);
  into.setMemoryBytes(row.memory_bytes);
  into.setAgeMs(row.age_ms);
}

void fill(::RunRow::Builder into, const run_row& row) {
  into.setName(text(row.name));
  into.setTask(text(row.task));
  into.setPhase(text(row.phase));
  into.setStartedUnixMs(row.started_unix_ms);
  into.setDurationMs(row.duration_ms);
  into.setActions(row.actions);
  into.setActionsDone(row.actions_done);
  into.setActionsFailed(row.actions_failed);
  into.setDetached(row.detached);
  into.setError(text(clipped(row.error)));
  into.setInputs(text(clipped(row.inputs)));
  into.setProject(text(row.project));
  into.setDomain(text(row.domain));
  into.setEnvironmentVersion(text(row.environment_version));
  into.setCallHi(row.call.hi);
  into.setCallLo(row.call.lo);
}

void fill(::ActionRow::Builder into, const action_row& row) {
  into.setId(text(row.id));
  into.setParent(text(row.parent));
  into.setTask(text(row.task));
  into.setPhase(text(row.phase));
  into.setAttempt(row.attempt);
  into.setCold(row.cold);
  into.setQueuedUs(row.queued_us);
  into.setStartUs(row.start_us);
  into.setRunUs(row.run_us);
  into.setReplica(row.replica);
  into.setError(text(clipped(row.error)));
  into.setDepth(row.depth);
}

void fill(::NodeRow::Builder into, const node_row& row) {
  into.setName(text(row.name));
  into.setId(text(row.id));
  into.setPid(row.pid);
  into.setVersion(text(row.version));
  into.setState(text(row.state));
  into.setPrivate(row.is_private);
  into.setUpMs(row.up_ms);
  into.setIdleExitMs(row.idle_exit_ms);
  into.setCpuMillis(row.cpu_millis);
  into.setMemoryBytes(row.memory_bytes);
  into.setResidentBytes(row.resident_bytes);
  into.setSessions(row.sessions);
  into.setEnvironments(row.environments);
  into.setReplicas(row.replicas);
  into.setCalls(row.calls);
  into.setSocket(text(row.socket));
  into.setStateDirectory(text(row.state_directory));
}

template <class Row>
std::string page_of(const Row* first, std::size_t count) {
  return respond([&](::Response::Builder response) {
    auto list = open_list(response, first, static_cast<unsigned>(count));
    for (unsigned i = 0; i < list.size(); ++i)
      fill(list[i], first[i]);
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
  return respond([&](::Response::Builder response) { response.initDone().setDetail(text(clipped(what.detail))); });
}

std::string write_response(const client::run_state& what) {
  return respond([&](::Response::Builder response) { fill(response.initRun(), what.row); });
}

std::string write_response(const client::node_state& what) {
  return respond([&](::Response::Builder response) { fill(response.initStatus(), what.row); });
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

template void write_rows(const std::vector<environment_row>&, bool, const page_sink&);
template void write_rows(const std::vector<replica_row>&, bool, const page_sink&);
template void write_rows(const std::vector<run_row>&, bool, const page_sink&);
template void write_rows(const std::vector<action_row>&, bool, const page_sink&);
template void write_rows(const std::vector<node_row>&, bool, const page_sink&);

} // namespace hearth::wire
