#include "tools/cli/child.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/connection.hpp"
#include "tools/cli/places.hpp"
#include "tools/cli/rows.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/units.hpp"

#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <memory>
#include <ostream>
#include <sstream>

/// What operators do to members of a cluster: let them in, drain them, remove them, choose who votes; and make this machine's
/// node one.
namespace hearth::cli {

namespace fs = std::filesystem;

namespace {

std::string done_text(const surroundings& around, const std::string& request, const json& value,
                      const node_choice& by = {}) {
  auto node = open_node(around, by);
  const auto done = node.ask(request, value, "done");
  return done.is_object() ? done.value("detail", "") : "";
}

void say_done(const surroundings& around, const cluster_options& options, const std::string& request, const json& value,
              const node_choice& by = {}) {
  const auto said = done_text(around, request, value, by);
  if (options.as_json)
    around.out << json{{"done", said}}.dump(2) << '\n';
  else
    around.out << said << '\n';
}

/// Addresses of this machine that others may reach: of interfaces that are up and are no loopback.
std::vector<std::string> own_addresses() {
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0)
    return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(found, ::freeifaddrs);
  std::vector<std::string> addresses;
  for (const auto* at = found; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr || at->ifa_addr->sa_family != AF_INET || (at->ifa_flags & IFF_UP) == 0
        || (at->ifa_flags & IFF_LOOPBACK) != 0)
      continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(at->ifa_addr);
    if (::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size()) != nullptr)
      addresses.emplace_back(text.data());
  }
  return addresses;
}

/// Where the link is to listen, when nobody has said it: that is clear on a machine with one address.
std::string listen_address(const cluster_options& options) {
  if (!options.listen.empty())
    return options.listen;
  const auto addresses = own_addresses();
  if (addresses.size() == 1)
    return addresses.front() + ":" + std::to_string(usual_link_port);
  std::string known;
  for (const auto& address : addresses)
    known += (known.empty() ? "" : ", ") + address;
  throw command_error(exit_status::usage, "Say with --listen HOST:PORT where other nodes reach this one; "
                                            + (known.empty() ? "this machine has no address but its loopback"
                                                             : "its addresses are " + known)
                                            + ", and the usual port is " + std::to_string(usual_link_port) + ".");
}

/// What `hearthd init` and `hearthd join` print.
struct member_line {
  std::string name, id, address;
};

member_line member_in(const std::string& printed) {
  member_line member;
  std::istringstream(printed) >> member.name >> member.id >> member.address;
  return member;
}

void say_member(const surroundings& around, const cluster_options& options, const member_line& member,
                const std::string& what) {
  if (options.as_json)
    around.out << json{{"name", member.name}, {"id", member.id}, {"address", member.address}}.dump(2) << '\n';
  else
    around.out << "Node " << member.name << what << member.address
               << ". Start it with `hearth node start`, or with its service.\n";
}

/// A node that runs would go on without its cluster.
void require_no_node(const surroundings& around) {
  if (connection::open(around.socket))
    throw command_error(exit_status::failed,
                        "Your node runs, and its files must not change under it; end it with `hearth node "
                        "stop`, then say this again.");
}

} // namespace

exit_status cluster_init(const surroundings& around, const cluster_options& options) {
  require_no_node(around);
  const auto printed = run_file_work(find_daemon(around.variable, program_directory()),
                                     {"init", "--cluster", options.name, "--listen", listen_address(options)},
                                     around.err);
  say_member(around, options, member_in(printed), " is the first member of cluster " + options.name + ", at ");
  return exit_status::ok;
}

exit_status node_join(const surroundings& around, const cluster_options& options) {
  require_no_node(around);
  const auto printed = run_file_work(find_daemon(around.variable, program_directory()),
                                     {"join", "--listen", listen_address(options), options.words.front()}, around.err);
  say_member(around, options, member_in(printed), " is a member, at ");
  return exit_status::ok;
}

exit_status cluster_token(const surroundings& around, const cluster_options& options) {
  const auto valid = parse_duration(options.valid);
  const auto token = done_text(around, "joinToken", {{"validMs", valid ? valid->count() : 0}});
  if (options.as_json)
    around.out << json{{"token", token}}.dump(2) << '\n';
  else
    around.out << token << '\n';
  return exit_status::ok;
}

exit_status cluster_voters(const surroundings& around, const cluster_options& options) {
  say_done(around, options, "setVoters", options.words);
  return exit_status::ok;
}

exit_status cluster_backup(const surroundings& around, const cluster_options& options) {
  say_done(around, options, "backup", fs::absolute(options.words.front()).lexically_normal().string());
  return exit_status::ok;
}

exit_status node_drain(const surroundings& around, const cluster_options& options) {
  say_done(around, options, "drainNode", {{"node", options.words.front()}, {"draining", true}});
  return exit_status::ok;
}

exit_status node_undrain(const surroundings& around, const cluster_options& options) {
  say_done(around, options, "drainNode", {{"node", options.words.front()}, {"draining", false}});
  return exit_status::ok;
}

exit_status node_remove(const surroundings& around, const cluster_options& options) {
  const auto& name = options.words.front();
  // A node that is removed ends at once, and may not come to answer.
  const auto is_another = [&name](connection& asked) {
    asked.set_patience(node_patience);
    const auto state = readable_cluster(asked.ask("cluster", nullptr, "cluster"));
    asked.set_patience({});
    const auto self = text_in(state, "nodeId");
    for (const auto& member : state.at("members"))
      if (text_in(member, "id") == self)
        return text_in(member, "name") != name && self != name;
    return self != name;
  };
  say_done(around, options, "removeNode", name, is_another);
  return exit_status::ok;
}

exit_status node_ping(const surroundings& around, const cluster_options& options) {
  constexpr std::uint32_t usual_count = 100;
  auto node = open_node(around);
  const json wanted{{"node", options.words.front()}, {"count", options.count == 0 ? usual_count : options.count}};
  const auto echoes = readable_echoes(node.ask("ping", wanted, "echoes"));
  if (options.as_json) {
    around.out << echoes.dump(2) << '\n';
    return exit_status::ok;
  }
  const auto time = [&](const char* which) { return duration_text(number_in(echoes, which) / 1000); };
  around.out << text_in(echoes, "node") << ": " << count_text(number_in(echoes, "count"))
             << " frames there and back, p50 " << time("p50Ns") << ", p99 " << time("p99Ns") << ", from "
             << time("minNs") << " to " << time("maxNs") << ".\n";
  return exit_status::ok;
}

} // namespace hearth::cli
