#include "node/wire/control_log.hpp"
#include "node/wire/control_log_parts.hpp"

#include <kj/debug.h>
#include <kj/exception.h>

#include <set>

namespace hearth::wire {

namespace {

using namespace cluster;

void write_members(log::State::Builder into, const control_image& image) {
  auto members = into.initMembers(count_of(image.members.size()));
  std::uint32_t at = 0;
  for (const auto& [id, node] : image.members) {
    auto to = members[at++];
    fill(to.initNode(), id);
    to.setName(text_of(node.name));
    to.setDraining(node.draining);
    to.setRemoved(node.removed);
    to.setIncarnation(node.incarnation);
    to.setNonce(node.nonce);
    to.setSeat(node.seat.value);
    to.setAddress(text_of(node.address));
  }
  auto seats = into.initSeats(count_of(image.seats.size()));
  at = 0;
  for (const auto& [id, seat] : image.seats) {
    auto to = seats[at++];
    to.setSeat(id.value);
    fill(to.initNode(), seat.node);
    to.setAddress(text_of(seat.address));
    fill(to.initCapacity(), seat.capacity);
    to.setLevel(seat.level);
    to.setIncarnation(seat.incarnation);
  }
}

void read_members(log::State::Reader from, control_image& image) {
  for (auto each : from.getMembers()) {
    const auto id = node_of(each.getNode());
    image.members.insert_or_assign(id, member{id, string_of(each.getName()), each.getDraining(), each.getRemoved(),
                                              each.getIncarnation(), each.getNonce(), seat_id{each.getSeat()},
                                              string_of(each.getAddress())});
  }
  for (auto each : from.getSeats()) {
    const seat_id id{each.getSeat()};
    image.seats.insert_or_assign(id, seat_record{id, node_of(each.getNode()), string_of(each.getAddress()),
                                                 read(each.getCapacity()), each.getLevel(), each.getIncarnation()});
  }
}

void write_environments(log::State::Builder into, const control_image& image) {
  auto environments = into.initEnvironments(count_of(image.environments.size()));
  std::uint32_t at = 0;
  for (const auto& [key, environment] : image.environments) {
    auto to = environments[at++];
    to.setKey(text_of(key));
    to.setOwner(environment.owner.value);
    to.setEpoch(environment.epoch.value);
    to.setLost(environment.lost);
    to.setDeployed(text_of(environment.deployed));
    auto specs = to.initSpecs(count_of(environment.specs.size()));
    std::uint32_t place = 0;
    for (const auto& [version, spec] : environment.specs) {
      auto one = specs[place++];
      one.setVersion(text_of(version));
      one.setSpec(data_of(spec.spec.view()));
      one.setPut(spec.put);
    }
  }
}

void read_environments(log::State::Reader from, control_image& image) {
  for (auto each : from.getEnvironments()) {
    environment_record environment;
    environment.key = string_of(each.getKey());
    environment.owner = seat_id{each.getOwner()};
    environment.epoch = hearth::epoch{each.getEpoch()};
    environment.lost = each.getLost();
    environment.deployed = string_of(each.getDeployed());
    for (auto spec : each.getSpecs())
      environment.specs.insert_or_assign(string_of(spec.getVersion()),
                                         spec_record{bytes_of(spec.getSpec()), spec.getPut()});
    auto key = environment.key;
    image.environments.insert_or_assign(std::move(key), std::move(environment));
  }
}

void write_runs(log::State::Builder into, const control_image& image) {
  auto runs = into.initRuns(count_of(image.runs.size()));
  std::uint32_t at = 0;
  for (const auto& [name, run] : image.runs) {
    auto to = runs[at++];
    fill(to.initOrder(), run.order);
    to.setAccepted(run.accepted);
    to.setPhase(static_cast<log::Phase>(run.phase));
    to.setAttempt(run.attempt);
    to.setLosses(run.losses);
    to.setHome(run.home.value);
    to.setPlaced(run.placed);
    to.setAbortWanted(run.abort_wanted);
    to.setAbortReason(text_of(run.abort_reason));
    if (!run.open())
      fill(to.initEnd(), run.end);
    to.setEnded(run.ended);
  }
}

void read_runs(log::State::Reader from, control_image& image) {
  std::set<call_id> roots;
  std::set<log_index> places;
  for (auto each : from.getRuns()) {
    KJ_REQUIRE(each.getPhase() <= log::Phase::ENDED, "a phase of a newer Hearth");
    run_record run;
    run.order = read(each.getOrder());
    run.accepted = each.getAccepted();
    run.phase = static_cast<run_phase>(each.getPhase());
    run.attempt = each.getAttempt();
    run.losses = each.getLosses();
    run.home = seat_id{each.getHome()};
    run.placed = each.getPlaced();
    run.abort_wanted = each.getAbortWanted();
    run.abort_reason = string_of(each.getAbortReason());
    if (!run.open())
      run.end = read(each.getEnd());
    run.ended = each.getEnded();
    KJ_REQUIRE(roots.insert(run.order.root).second && places.insert(run.accepted).second
                 && !image.runs.contains(run.order.name),
               "a run is there twice");
    auto name = run.order.name;
    image.runs.emplace(std::move(name), std::move(run));
  }
}

void write_rest(log::State::Builder into, const control_image& image) {
  auto voters = into.initVoters(count_of(image.voters.size()));
  for (std::uint32_t i = 0; i < voters.size(); ++i)
    fill(voters[i], image.voters[i]);
  auto generations = into.initGenerations(count_of(image.cache_generations.size()));
  std::uint32_t at = 0;
  for (const auto& [scope, raised] : image.cache_generations) {
    generations[at].setScope(text_of(scope));
    generations[at++].setRaised(raised);
  }
  auto tokens = into.initTokens(count_of(image.tokens.size()));
  at = 0;
  for (const auto& [name, token] : image.tokens) {
    auto to = tokens[at++];
    to.setName(text_of(name));
    to.setDigest(text_of(token.digest));
    fill(to.initScopes(count_of(token.scopes.size())), token.scopes);
    to.setExpiresUnixMs(token.expires_unix_ms);
  }
  auto limits = into.initCacheLimits(count_of(image.cache_limits.size()));
  at = 0;
  for (const auto& [project, limit] : image.cache_limits) {
    auto to = limits[at++];
    to.setProject(text_of(project));
    to.setBytesMax(limit.bytes_max);
    to.setTtlMs(limit.ttl_ms);
  }
}

control_image read_state(log::State::Reader from) {
  KJ_REQUIRE(from.getFormat() == log::FORMAT_NUMBER, "a format of another Hearth", from.getFormat());
  control_image image;
  image.applied = from.getApplied();
  for (auto voter : from.getVoters())
    image.voters.push_back(node_of(voter));
  image.generation = from.getGeneration();
  image.level = from.getLevel();
  image.cluster_time_ms = from.getClusterTimeMs();
  image.horizon_ms = from.getHorizonMs();
  read_members(from, image);
  read_environments(from, image);
  read_runs(from, image);
  for (auto each : from.getGenerations())
    image.cache_generations.insert_or_assign(string_of(each.getScope()), each.getRaised());
  for (auto each : from.getTokens()) {
    auto name = string_of(each.getName());
    image.tokens.insert_or_assign(
      name, token_record{name, string_of(each.getDigest()), strings_of(each.getScopes()), each.getExpiresUnixMs()});
  }
  for (auto each : from.getCacheLimits())
    image.cache_limits.insert_or_assign(string_of(each.getProject()), cache_limit{each.getBytesMax(), each.getTtlMs()});
  return image;
}

} // namespace

std::string encode(const control_image& image) {
  capnp::MallocMessageBuilder message;
  auto into = message.initRoot<log::State>();
  into.setFormat(log::FORMAT_NUMBER);
  into.setApplied(image.applied);
  into.setGeneration(image.generation);
  into.setLevel(image.level);
  into.setClusterTimeMs(image.cluster_time_ms);
  into.setHorizonMs(image.horizon_ms);
  write_members(into, image);
  write_environments(into, image);
  write_runs(into, image);
  write_rest(into, image);
  return flat(message);
}

std::variant<control_image, failure> decode_image(std::string_view text) {
  try {
    flat_message message(text);
    return read_state(message.root<log::State>());
  } catch (const kj::Exception& why) {
    return failure{ec::storage_failed,
                   "A snapshot of the control log cannot be read: " + std::string(why.getDescription().cStr())
                     + ". Restore this node's store, or install the Hearth that wrote it."};
  }
}

} // namespace hearth::wire
