#include "core/client_token.hpp"
#include "tools/cli/commands.hpp"
#include "tools/cli/connection.hpp"
#include "tools/cli/nearest.hpp"
#include "tools/cli/rows.hpp"
#include "tools/cli/table.hpp"
#include "tools/cli/target.hpp"
#include "tools/cli/tls.hpp"
#include "tools/cli/units.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iostream>
#include <iterator>
#include <ostream>
#include <sstream>

/// `hearth cluster login|logout`, and `hearth cluster token create|list|revoke`: clusters elsewhere, and who may use this one
/// from elsewhere.
namespace hearth::cli {

namespace {

constexpr std::size_t token_file_bytes_max = 64 * 1024;

// -- the token ----

std::string token_in_file(const std::string& file) {
  if (file == "-")
    return {std::istreambuf_iterator<char>(std::cin), {}};
  struct stat found {};
  if (::stat(file.c_str(), &found) != 0)
    throw failed("The token's file " + file + " cannot be read: " + reason_of(errno) + ".");
  if (S_ISREG(found.st_mode) && (found.st_mode & 077) != 0)
    throw failed("Refusing the token's file " + file + ": other users may read it. Make it yours with `chmod 600 "
                 + file + "`, and ask for another token if somebody may have read this one.");
  std::ifstream in(file);
  std::string text(token_file_bytes_max, 0);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

/// What the user types at the terminal, which does not show it.
std::string typed_token() {
  const file_descriptor terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  termios before{};
  if (!terminal || ::tcgetattr(terminal.get(), &before) != 0)
    throw misused(
      "There is no terminal to ask for the token; say --token-file FILE, or --token-file - for standard input.");
  auto silent = before;
  silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  ::tcsetattr(terminal.get(), TCSAFLUSH, &silent);
  constexpr std::string_view question = "Token: ";
  [[maybe_unused]] auto asked = ::write(terminal.get(), question.data(), question.size());
  std::string text(token_file_bytes_max, 0);
  const auto size = ::read(terminal.get(), text.data(), text.size());
  ::tcsetattr(terminal.get(), TCSAFLUSH, &before);
  asked = ::write(terminal.get(), "\n", 1);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return text;
}

client_token read_token(const cluster_options& options) {
  const auto text = options.token_file.empty() ? typed_token() : token_in_file(options.token_file);
  if (const auto token = parse_client_token(text))
    return *token;
  if (text.find("hearth-join-") != std::string::npos)
    throw misused(
      "That is a token with which a machine joins (`hearth node join`); ask for one for clients, which `hearth "
      "cluster token create` on a member prints.");
  throw misused(
    "That is no token for clients, or not all of it; `hearth cluster token create` on a member prints one.");
}

// -- where ----

/// With the usual port where none is named.
std::string link_of(const std::string& text) {
  const bool is_bare_v6 = std::count(text.begin(), text.end(), ':') > 1 && !text.starts_with("[");
  if (is_bare_v6)
    return "[" + text + "]:" + std::to_string(usual_link_port);
  if (text.find(':') == std::string::npos || text.ends_with("]"))
    return text + ":" + std::to_string(usual_link_port);
  return text;
}

json state_of(connection& node) {
  node.set_patience(node_patience);
  return readable_cluster(node.ask("cluster", nullptr, "cluster"));
}

/// All members that have an address, and the one that was asked at the address that the user gave.
std::vector<remote_member> members_of(const json& state, const std::string& asked) {
  std::vector<remote_member> members;
  bool is_known = false;
  for (const auto& row : state.at("members")) {
    remote_member member{text_in(row, "name"), text_in(row, "id"), text_in(row, "address")};
    is_known = is_known || (member.id == text_in(state, "nodeId") && member.address == asked);
    if (!member.address.empty())
      members.push_back(std::move(member));
  }
  if (!is_known)
    members.insert(members.begin(), {"", text_in(state, "nodeId"), asked});
  return members;
}

std::string chosen_name(const surroundings& around, const cluster_options& options, const std::string& own) {
  const auto& name = options.name.empty() ? own : options.name;
  if (name.empty() || name == "none" || name.find('/') != std::string::npos)
    throw misused("A cluster cannot be called `" + name + "` here; give it another name with --name.");
  if (const auto known = find_target(around.variable, name); known && !known->login)
    throw misused("There is a cluster `" + name + "` on this machine; give this one another name with --name.");
  return name;
}

std::vector<std::string> parted_at_commas(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');)
    if (!part.empty())
      parts.push_back(part);
  return parts;
}

} // namespace

exit_status cluster_login(const surroundings& around, const cluster_options& options) {
  const auto address = link_of(options.words.front());
  const auto token = read_token(options);
  cluster_target target;
  target.login = std::make_shared<const credentials>(
    credentials{authority_at(address, token.authority, node_patience), token.secret});
  std::string as;
  try {
    auto node = connection::open({address, {}, target.login}, node_patience);
    as = node->let_in_as();
    const auto state = state_of(*node);
    target.name = chosen_name(around, options, text_in(state, "name"));
    target.members = members_of(state, address);
  } catch (const connection_lost& lost) {
    throw failed(std::string("The cluster was not reached: ") + lost.what());
  }
  keep_target(around.variable, target);
  use_target(around.variable, target.name);
  if (options.as_json)
    around.out << json{{"cluster", target.name}, {"as", as}, {"nodes", target.members.size()}}.dump(2) << '\n';
  else
    around.out << "You are in cluster " << target.name << " as " << as
               << ". `hearth run` and programs use it now; `hearth cluster use none` leaves it, `hearth cluster logout "
               << target.name << "` forgets it.\n";
  return exit_status::ok;
}

exit_status cluster_logout(const surroundings& around, const cluster_options& options) {
  const auto& name = options.words.front();
  const auto known = find_target(around.variable, name);
  if (!known)
    throw misused("There is no cluster `" + name + "` here" + suggestion(name, known_targets(around.variable)));
  if (!known->login)
    throw misused("Cluster " + name + " is on this machine; `hearth cluster down " + name + " --destroy` removes it.");
  forget_target(around.variable, name);
  around.out << "Cluster " << name
             << " and its token are forgotten here. The token is good until it is revoked (`hearth "
             << "cluster token revoke`) or ends.\n";
  return exit_status::ok;
}

exit_status cluster_token_create(const surroundings& around, const cluster_options& options) {
  const bool is_endless = options.valid == "never";
  const auto valid = is_endless ? std::nullopt : parse_duration(options.valid);
  if (valid && valid->count() == 0)
    throw misused("A token that has ended at once is of no use; name a time, or `--expires never`.");
  auto node = open_node(around);
  const auto done = node.ask("clientToken",
                             {{"name", options.name},
                              {"scopes", parted_at_commas(options.scopes)},
                              {"validMs", valid ? valid->count() : 0},
                              {"endless", is_endless}},
                             "done");
  const auto token = done.is_object() ? done.value("detail", "") : "";
  if (options.as_json) {
    around.out << json{{"token", token}}.dump(2) << '\n';
  } else {
    around.out << token << '\n';
    around.err
      << "hearth: the token is shown this once; whoever has it is a client of the cluster (`hearth cluster login`).\n";
  }
  return exit_status::ok;
}

exit_status cluster_token_list(const surroundings& around, const cluster_options& options) {
  auto node = open_node(around);
  auto tokens = json::array();
  for (const auto& row : node.ask("get", {{"what", "tokens"}}, "tokens"))
    tokens.push_back(readable_token(row));
  if (options.as_json) {
    around.out << tokens.dump(2) << '\n';
    return exit_status::ok;
  }
  table shown;
  shown.columns = {{"NAME"}, {"SCOPES"}, {"ENDS"}};
  for (const auto& token : tokens) {
    std::string scopes;
    for (const auto& each : token.at("scopes"))
      scopes += (scopes.empty() ? "" : ",") + each.get<std::string>();
    const auto ends = number_in(token, "expiresUnixMs");
    const bool is_over = ends != 0 && ends <= around.unix_ms();
    constexpr std::uint64_t ns_per_ms = 1'000'000;
    shown.rows.push_back(
      {text_in(token, "name"),
       scopes,
       {ends == 0 ? "never" : time_text(ends * ns_per_ms).substr(0, 19) + (is_over ? ", expired" : ""),
        is_over ? colour::red : colour::none}});
  }
  shown.write(around.out, around.colours);
  return exit_status::ok;
}

exit_status cluster_token_revoke(const surroundings& around, const cluster_options& options) {
  auto node = open_node(around);
  const auto done = node.ask("revokeToken", options.words.front(), "done");
  const auto said = done.is_object() ? done.value("detail", "") : "";
  if (options.as_json)
    around.out << json{{"done", said}}.dump(2) << '\n';
  else
    around.out << said << '\n';
  return exit_status::ok;
}

} // namespace hearth::cli
