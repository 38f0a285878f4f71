#include "node/wire/control_log.hpp"
#include "node/wire/control_log_parts.hpp"

#include <kj/debug.h>
#include <kj/exception.h>

#include <type_traits>

namespace hearth::wire {

namespace {

using namespace cluster;

void put(log::Command::Builder into, const admit_node& order) {
  auto to = into.initAdmitNode();
  fill(to.initNode(), order.node);
  to.setName(text_of(order.name));
  to.setAddress(text_of(order.address));
}

void put(log::Command::Builder into, const remove_node& order) { fill(into.initRemoveNode().initNode(), order.node); }

void put(log::Command::Builder into, const drain_node& order) {
  auto to = into.initDrainNode();
  fill(to.initNode(), order.node);
  to.setDraining(order.draining);
}

void put(log::Command::Builder into, const take_seat& order) {
  auto to = into.initTakeSeat();
  fill(to.initNode(), order.node);
  to.setIncarnation(order.incarnation);
  to.setAddress(text_of(order.address));
  fill(to.initCapacity(), order.capacity);
  to.setLevel(order.level);
  to.setNonce(order.nonce);
}

void put(log::Command::Builder into, const end_seat& order) {
  auto to = into.initEndSeat();
  to.setSeat(order.seat.value);
  to.setHow(static_cast<log::Departure>(order.how));
}

void put(log::Command::Builder into, const renew& order) {
  auto to = into.initRenew();
  auto heard = to.initHeard(count_of(order.heard.size()));
  for (std::uint32_t i = 0; i < heard.size(); ++i) {
    heard[i].setSeat(order.heard[i].seat.value);
    heard[i].setNumber(order.heard[i].number);
  }
  to.setClusterTimeMs(order.cluster_time_ms);
}

void put(log::Command::Builder into, const set_voters& order) {
  auto voters = into.initSetVoters().initVoters(count_of(order.voters.size()));
  for (std::uint32_t i = 0; i < voters.size(); ++i)
    fill(voters[i], order.voters[i]);
}

void put(log::Command::Builder into, const raise_level& order) { into.initRaiseLevel().setLevel(order.level); }

void put(log::Command::Builder into, const put_spec& order) {
  auto to = into.initPutSpec();
  to.setKey(text_of(order.key));
  to.setVersion(text_of(order.version));
  to.setSpec(data_of(order.spec.view()));
  to.setDeployed(order.deployed);
}

void put(log::Command::Builder into, const grant& order) {
  auto to = into.initGrant();
  to.setKey(text_of(order.key));
  to.setSeat(order.seat.value);
}

void put(log::Command::Builder into, const release& order) {
  auto to = into.initRelease();
  to.setKey(text_of(order.key));
  to.setEpoch(order.epoch.value);
}

void put(log::Command::Builder into, const accept_run& order) { fill(into.initAcceptRun(), order); }
void put(log::Command::Builder into, const complete_run& order) { fill(into.initCompleteRun(), order); }

void put(log::Command::Builder into, const claim_run& order) {
  auto to = into.initClaimRun();
  to.setName(text_of(order.name));
  to.setAttempt(order.attempt);
  to.setHome(order.home.value);
}

void put(log::Command::Builder into, const abort_run& order) {
  auto to = into.initAbortRun();
  to.setName(text_of(order.name));
  to.setReason(text_of(order.reason));
  to.setUnixMs(order.unix_ms);
}

void put(log::Command::Builder into, const rehome_runs& order) {
  auto to = into.initRehomeRuns();
  fill(to.initNames(count_of(order.names.size())), order.names);
  to.setHome(order.home.value);
  to.setUnixMs(order.unix_ms);
}

void put(log::Command::Builder into, const raise_generation& order) {
  into.initRaiseGeneration().setScope(text_of(order.scope));
}

void put(log::Command::Builder into, const put_token& order) {
  auto to = into.initPutToken();
  to.setName(text_of(order.name));
  to.setDigest(text_of(order.digest));
  fill(to.initScopes(count_of(order.scopes.size())), order.scopes);
  to.setExpiresUnixMs(order.expires_unix_ms);
}

void put(log::Command::Builder into, const revoke_token& order) { into.initRevokeToken().setName(text_of(order.name)); }

void put(log::Command::Builder into, const limit_cache& order) {
  auto to = into.initLimitCache();
  to.setProject(text_of(order.project));
  to.setSetsBytes(order.bytes_max.has_value());
  to.setBytesMax(order.bytes_max.value_or(0));
  to.setSetsTtl(order.ttl_ms.has_value());
  to.setTtlMs(order.ttl_ms.value_or(0));
}

void put(log::Command::Builder into, const undeploy& order) { into.setUndeploy(text_of(order.key)); }

command read_limit_cache(log::LimitCache::Reader from) {
  limit_cache order{string_of(from.getProject()), {}, {}};
  if (from.getSetsBytes())
    order.bytes_max = from.getBytesMax();
  if (from.getSetsTtl())
    order.ttl_ms = from.getTtlMs();
  return order;
}

command read_end_seat(log::EndSeat::Reader from) {
  KJ_REQUIRE(from.getHow() <= log::Departure::DIED, "a departure of a newer Hearth");
  return end_seat{seat_id{from.getSeat()}, static_cast<departure>(from.getHow())};
}

command read_renew(log::Renew::Reader from) {
  renew order;
  for (auto heard : from.getHeard())
    order.heard.push_back({seat_id{heard.getSeat()}, heard.getNumber()});
  order.cluster_time_ms = from.getClusterTimeMs();
  return order;
}

command read_set_voters(log::SetVoters::Reader from) {
  set_voters order;
  for (auto voter : from.getVoters())
    order.voters.push_back(node_of(voter));
  return order;
}

command read_take_seat(log::TakeSeat::Reader from) {
  return take_seat{node_of(from.getNode()),  from.getIncarnation(), string_of(from.getAddress()),
                   read(from.getCapacity()), from.getLevel(),       from.getNonce()};
}

} // namespace

void fill(log::Command::Builder into, const command& order) {
  into.setFormat(log::FORMAT_NUMBER);
  std::visit([&](const auto& what) { put(into, what); }, order);
}

command read(log::Command::Reader from) {
  using which = log::Command::Which;
  KJ_REQUIRE(from.getFormat() == log::FORMAT_NUMBER, "a format of another Hearth", from.getFormat());
  switch (from.which()) {
    case which::UNKNOWN:
      break;
    case which::ADMIT_NODE:
      return admit_node{node_of(from.getAdmitNode().getNode()), string_of(from.getAdmitNode().getName()),
                        string_of(from.getAdmitNode().getAddress())};
    case which::REMOVE_NODE:
      return remove_node{node_of(from.getRemoveNode().getNode())};
    case which::DRAIN_NODE:
      return drain_node{node_of(from.getDrainNode().getNode()), from.getDrainNode().getDraining()};
    case which::TAKE_SEAT:
      return read_take_seat(from.getTakeSeat());
    case which::END_SEAT:
      return read_end_seat(from.getEndSeat());
    case which::RENEW:
      return read_renew(from.getRenew());
    case which::SET_VOTERS:
      return read_set_voters(from.getSetVoters());
    case which::RAISE_LEVEL:
      return raise_level{from.getRaiseLevel().getLevel()};
    case which::PUT_SPEC: {
      const auto spec = from.getPutSpec();
      return put_spec{string_of(spec.getKey()), string_of(spec.getVersion()), bytes_of(spec.getSpec()),
                      spec.getDeployed()};
    }
    case which::GRANT:
      return grant{string_of(from.getGrant().getKey()), seat_id{from.getGrant().getSeat()}};
    case which::RELEASE:
      return release{string_of(from.getRelease().getKey()), epoch{from.getRelease().getEpoch()}};
    case which::ACCEPT_RUN:
      return read(from.getAcceptRun());
    case which::CLAIM_RUN: {
      const auto claim = from.getClaimRun();
      return claim_run{string_of(claim.getName()), claim.getAttempt(), seat_id{claim.getHome()}};
    }
    case which::COMPLETE_RUN:
      return read(from.getCompleteRun());
    case which::ABORT_RUN: {
      const auto abort = from.getAbortRun();
      return abort_run{string_of(abort.getName()), string_of(abort.getReason()), abort.getUnixMs()};
    }
    case which::REHOME_RUNS: {
      const auto rehome = from.getRehomeRuns();
      return rehome_runs{strings_of(rehome.getNames()), seat_id{rehome.getHome()}, rehome.getUnixMs()};
    }
    case which::RAISE_GENERATION:
      return raise_generation{string_of(from.getRaiseGeneration().getScope())};
    case which::PUT_TOKEN: {
      const auto token = from.getPutToken();
      return put_token{string_of(token.getName()), string_of(token.getDigest()), strings_of(token.getScopes()),
                       token.getExpiresUnixMs()};
    }
    case which::REVOKE_TOKEN:
      return revoke_token{string_of(from.getRevokeToken().getName())};
    case which::LIMIT_CACHE:
      return read_limit_cache(from.getLimitCache());
    case which::UNDEPLOY:
      return undeploy{string_of(from.getUndeploy())};
  }
  KJ_FAIL_REQUIRE("a command of a newer Hearth", static_cast<std::uint16_t>(from.which()));
}

std::string encode(const command& order) {
  capnp::MallocMessageBuilder message;
  fill(message.initRoot<log::Command>(), order);
  return flat(message);
}

std::variant<command, failure> decode_command(std::string_view text) {
  try {
    flat_message message(text);
    return read(message.root<log::Command>());
  } catch (const kj::Exception& why) {
    return failure{ec::storage_failed,
                   "An entry of the control log cannot be read: " + std::string(why.getDescription().cStr())
                     + ". Restore this node's store, or install the Hearth that wrote it."};
  }
}

} // namespace hearth::wire
