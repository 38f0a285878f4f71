#include "node/identity/prepare.hpp"

#include "core/defaults.hpp"
#include "node/identity/authority.hpp"
#include "node/identity/files.hpp"
#include "node/identity/join_token.hpp"
#include "node/link/join.hpp"
#include "node/link/tcp.hpp"
#include "node/paths.hpp"
#include "node/start_error.hpp"
#include "node/store/control_store.hpp"
#include "node/store/store_error.hpp"

#include <kj/io.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t name_bytes_max = 63; // of a host name's part

void check_cluster_name(std::string_view name) {
  const auto is_fine = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_'
           || c == '.';
  };
  if (name.empty() || name.size() > name_bytes_max || name.front() == '.' || name.front() == '-'
      || !std::all_of(name.begin(), name.end(), is_fine))
    throw start_error(
      "A cluster cannot be called `" + std::string(name)
      + "`: its name has 1 to 63 letters, digits, `-`, `_` and `.`, and begins with a letter or digit.");
}

void check_name(const new_member& who) {
  const bool is_visible = std::all_of(who.name.begin(), who.name.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (who.name.empty() || who.name.size() > name_bytes_max || !is_visible)
    throw start_error("A node cannot be called `" + who.name + "`: its name has 1 to 63 visible characters.");
}

void check_voters(std::size_t voters, std::size_t members) {
  if (voters == 2)
    throw start_error(
      "Two voters are refused: when one of them is lost, the other is no majority and nothing is decided any "
      "more, so two survive less than one. Name one, three or five.");
  if (voters != 1 && voters != 3 && voters != 5)
    throw start_error("A cluster has one, three or five voters, not " + std::to_string(voters) + ".");
  if (voters > members)
    throw start_error("There are " + std::to_string(members) + " nodes, too few for " + std::to_string(voters)
                      + " voters.");
}

/// A state directory that no node uses and that belongs to no cluster, for as long as this object lives.
class claimed_directory {
public:
  explicit claimed_directory(const new_member& who)
    : lock_(claim_state_directory(who.state_directory)), state_(who.state_directory) {
    if (const auto file = read_cluster_file(identity()))
      throw start_error("The state directory " + state_.string() + " is a member of cluster " + file->cluster_name
                        + " already (" + file->name
                        + "); nothing was changed. Name another one: HEARTH_STATE_DIR, or --state-dir of hearthd.");
    const auto id = node_id(state_);
    const auto parsed = parse_node_uuid(id);
    if (!parsed)
      throw start_error("The file that names the node in " + state_.string() + " holds `" + id
                        + "`, which is no UUID. Remove it, and the node gets a new one.");
    node_ = *parsed;
  }

  fs::path identity() const { return cluster_directory(state_); }
  node_uuid node() const noexcept { return node_; }

private:
  kj::AutoCloseFd lock_;
  fs::path state_;
  node_uuid node_;
};

/// Free ports are held until all are known, so that none is given out twice.
void choose_addresses(std::vector<new_member>& members) {
  std::vector<kj::AutoCloseFd> held;
  for (auto& member : members)
    if (!member.listen) {
      held.push_back(listen_at({"127.0.0.1", 0}));
      member.listen = link_address{"127.0.0.1", port_of(held.back())};
    }
}

void check_different(const std::vector<new_member>& members) {
  std::set<std::string> names, addresses;
  for (const auto& member : members) {
    if (!names.insert(member.name).second)
      throw start_error("Two nodes are called " + member.name + "; give each a name of its own.");
    if (!addresses.insert(to_string(*member.listen)).second)
      throw start_error("Two nodes have the address " + to_string(*member.listen) + "; give each one of its own.");
  }
}

cluster_file file_of(const authority& authority, const std::vector<new_member>& members,
                     const std::vector<node_uuid>& nodes, std::size_t own, std::size_t voters) {
  cluster_file file;
  file.cluster = authority.cluster();
  file.cluster_name = authority.cluster_name();
  file.node = nodes[own];
  file.name = members[own].name;
  file.listen = *members[own].listen;
  file.voters.assign(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(voters));
  for (std::size_t i = 0; i < members.size(); ++i)
    if (i != own)
      file.peers.push_back({nodes[i], members[i].name, *members[i].listen});
  return file;
}

void copy_authority_key(const fs::path& from, const fs::path& to) {
  const auto key = read_private(from / "ca.key", defaults::identity_file_bytes_max);
  if (!key)
    throw start_error("The key of the cluster's authority is missing in " + from.string() + ".");
  write_private(to / "ca.key", *key);
}

/// A place for a control log that the node has no use for any more.
fs::path set_control_aside(const fs::path& state_directory) {
  const auto control = state_directory / "control";
  std::error_code error;
  if (!fs::exists(control, error) || fs::is_empty(control, error))
    return {};
  for (int number = 1;; ++number) {
    const auto aside = state_directory / ("control.alone-" + std::to_string(number));
    if (fs::exists(aside, error))
      continue;
    fs::rename(control, aside, error);
    if (error)
      throw start_error("The control log in " + control.string() + " cannot be set aside: " + error.message() + ".");
    return aside;
  }
}

} // namespace

std::vector<cluster_file> prepare_cluster(std::string_view cluster_name, std::vector<new_member> members,
                                          std::size_t voters) {
  check_cluster_name(cluster_name);
  check_voters(voters, members.size());
  for (const auto& member : members)
    check_name(member);
  choose_addresses(members);
  check_different(members);
  std::vector<claimed_directory> claims;
  std::vector<node_uuid> nodes;
  for (const auto& member : members) {
    claims.emplace_back(member);
    nodes.push_back(claims.back().node());
  }
  try {
    const auto first = claims.front().identity();
    const auto authority = authority::create(first, cluster_name);
    std::vector<cluster_file> files;
    for (std::size_t i = 0; i < members.size(); ++i) {
      write_credentials(claims[i].identity(),
                        authority.issue(nodes[i], members[i].name, defaults::certificate_validity));
      if (i > 0)
        copy_authority_key(first, claims[i].identity());
      files.push_back(file_of(authority, members, nodes, i, voters));
    }
    for (std::size_t i = 0; i < members.size(); ++i) // last: with it the directory is a member
      write_cluster_file(claims[i].identity(), files[i]);
    return files;
  } catch (const crypto_error& e) {
    throw start_error("The cluster's certificates cannot be made: " + std::string(e.what()) + '.');
  }
}

joined join(const new_member& who, std::string_view token) {
  check_name(who);
  if (!who.listen)
    throw start_error("Say with --listen HOST:PORT where the other nodes reach this one.");
  const auto parsed = parse_join_token(token);
  if (!parsed)
    throw start_error("That is no join token, or not all of it; `hearth cluster token` on a member prints one.");
  const claimed_directory claim(who);
  joined result;
  result.file = join_cluster(*parsed, claim.node(), who.name, *who.listen, claim.identity());
  result.set_aside = set_control_aside(who.state_directory);
  return result;
}

void restore_control(const fs::path& state_directory, const fs::path& backup) {
  const auto lock = claim_state_directory(state_directory);
  try {
    control_store::restore(backup, state_directory / "control");
  } catch (const store_error& e) {
    throw start_error(e.what());
  }
}

} // namespace hearth::node
