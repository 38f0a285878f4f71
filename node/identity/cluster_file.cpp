#include "node/identity/cluster_file.hpp"

#include "core/defaults.hpp"
#include "node/identity/files.hpp"
#include "node/start_error.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>
#include <stdexcept>

namespace hearth::node {

namespace {

using std::invalid_argument;

void only_known(const toml::table& table, const std::string& where, std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : table)
    if (std::find(known.begin(), known.end(), key.str()) == known.end())
      throw invalid_argument("says `" + std::string(key.str()) + "` in " + where + ", which nobody understands");
}

const toml::table& table_in(const toml::table& table, std::string_view key) {
  if (const auto* found = table[key].as_table())
    return *found;
  throw invalid_argument("has no [" + std::string(key) + "]");
}

std::string text_in(const toml::table& table, const std::string& where, std::string_view key) {
  if (const auto* found = table[key].as_string(); found && !found->get().empty())
    return found->get();
  throw invalid_argument("says no `" + std::string(key) + "` in " + where);
}

node_uuid uuid_of(const std::string& text, const std::string& where) {
  if (auto id = parse_node_uuid(text))
    return *id;
  throw invalid_argument("names `" + text + "` in " + where + ", which is no UUID");
}

link_address address_in(const toml::table& table, const std::string& where, std::string_view key) {
  const auto text = text_in(table, where, key);
  if (auto address = parse_link_address(text))
    return *address;
  throw invalid_argument("names the address `" + text + "` in " + where + "; it is to be host:port");
}

std::vector<node_uuid> voters_in(const toml::table& cluster) {
  const auto* list = cluster["voters"].as_array();
  if (!list)
    throw invalid_argument("says no `voters` in [cluster]");
  std::vector<node_uuid> voters;
  for (const auto& voter : *list)
    voters.push_back(uuid_of(voter.value_or(std::string{}), "the voters"));
  return voters;
}

cluster_file::peer peer_of(const toml::node& node) {
  const auto* table = node.as_table();
  if (!table)
    throw invalid_argument("has a peer that is no table");
  only_known(*table, "[[peer]]", {"node", "name", "address"});
  return {uuid_of(text_in(*table, "[[peer]]", "node"), "[[peer]]"), text_in(*table, "[[peer]]", "name"),
          address_in(*table, "[[peer]]", "address")};
}

void check(const cluster_file& file) {
  std::set<node_uuid> nodes{file.node};
  for (const auto& peer : file.peers)
    if (!nodes.insert(peer.node).second)
      throw invalid_argument("names the node " + to_string(peer.node) + " twice");
  std::set<node_uuid> voters;
  for (const auto voter : file.voters) {
    if (!voters.insert(voter).second)
      throw invalid_argument("names the voter " + to_string(voter) + " twice");
    if (!nodes.contains(voter))
      throw invalid_argument("names the voter " + to_string(voter) + ", which is neither this node nor a peer");
  }
  if (voters.size() != 1 && voters.size() != 3 && voters.size() != 5)
    throw invalid_argument("names " + std::to_string(voters.size())
                           + " voters; a cluster has one, three or five, because only an odd number gains from each");
}

} // namespace

std::optional<link_address> parse_link_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return std::nullopt;
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find_first_of(":[]") != std::string_view::npos)
    return std::nullopt;
  constexpr std::size_t host_bytes_max = 255;
  const bool fits = !host.empty() && host.size() <= host_bytes_max
                    && std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c < 0x7f; });
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (!fits || error != std::errc{} || end != port.data() + port.size())
    return std::nullopt;
  return link_address{std::string(host), number};
}

std::string to_string(const link_address& address) {
  const bool is_v6 = address.host.find(':') != std::string::npos;
  return (is_v6 ? '[' + address.host + ']' : address.host) + ':' + std::to_string(address.port);
}

std::string to_toml(const cluster_file& file) {
  toml::array voters;
  for (const auto voter : file.voters)
    voters.push_back(to_string(voter));
  toml::array peers;
  for (const auto& peer : file.peers)
    peers.push_back(
      toml::table{{"node", to_string(peer.node)}, {"name", peer.name}, {"address", to_string(peer.address)}});
  const toml::table table{
    {"cluster", toml::table{{"id", to_string(file.cluster)}, {"name", file.cluster_name}, {"voters", voters}}},
    {"node", toml::table{{"id", to_string(file.node)}, {"name", file.name}, {"listen", to_string(file.listen)}}},
    {"peer", peers},
  };
  std::ostringstream out;
  out
    << "# The cluster that this node belongs to. Written by Hearth; change it with `hearth cluster` and `hearth node`.\n"
    << table << '\n';
  return out.str();
}

cluster_file cluster_file_from_toml(std::string_view text) {
  toml::table table;
  try {
    table = toml::parse(text);
  } catch (const toml::parse_error& e) {
    std::ostringstream what;
    what << "is no TOML (line " << e.source().begin.line << ": " << e.description() << ')';
    throw invalid_argument(what.str());
  }
  only_known(table, "the file", {"cluster", "node", "peer"});
  const auto& cluster = table_in(table, "cluster");
  const auto& node = table_in(table, "node");
  only_known(cluster, "[cluster]", {"id", "name", "voters"});
  only_known(node, "[node]", {"id", "name", "listen"});
  cluster_file file;
  file.cluster = uuid_of(text_in(cluster, "[cluster]", "id"), "[cluster]");
  file.cluster_name = text_in(cluster, "[cluster]", "name");
  file.voters = voters_in(cluster);
  file.node = uuid_of(text_in(node, "[node]", "id"), "[node]");
  file.name = text_in(node, "[node]", "name");
  file.listen = address_in(node, "[node]", "listen");
  if (table.contains("peer")) {
    const auto* peers = table["peer"].as_array();
    if (!peers)
      throw invalid_argument("has a `peer` that is no list of tables");
    for (const auto& peer : *peers)
      file.peers.push_back(peer_of(peer));
  }
  check(file);
  return file;
}

std::optional<cluster_file> read_cluster_file(const std::filesystem::path& directory) {
  const auto place = directory / "cluster.toml";
  const auto text = read_private(place, defaults::cluster_file_bytes_max);
  if (!text)
    return std::nullopt;
  try {
    return cluster_file_from_toml(*text);
  } catch (const invalid_argument& e) {
    throw start_error("The file " + place.string() + ' ' + e.what() + ". Correct it, or let the node join again.");
  }
}

void write_cluster_file(const std::filesystem::path& directory, const cluster_file& file) {
  make_identity_directory(directory);
  write_private(directory / "cluster.toml", to_toml(file));
}

} // namespace hearth::node
