#include "actors/error.hpp"
#include "actors/session.hpp"
#include "core/defaults.hpp"

#include <algorithm>
#include <utility>

/// What a session does to its node's cluster on behalf of an operator.
namespace hearth {

namespace {

bool is_called(const member_row& member, const std::string& name) {
  return member.name == name || to_string(member.node) == name;
}

client::echoes summary(std::uint32_t request, const std::string& node, std::vector<std::uint64_t> times) {
  std::sort(times.begin(), times.end());
  const auto at = [&](std::size_t hundredths) {
    return std::chrono::nanoseconds(times[std::min(times.size() * hundredths / 100, times.size() - 1)]);
  };
  return {request, node, static_cast<std::uint32_t>(times.size()), at(0), at(50), at(99), at(100)};
}

std::string named(const std::vector<member_row>& members) {
  std::string text;
  for (const auto& member : members)
    text += (text.empty() ? "" : ", ") + member.name;
  return text;
}

/// Of those members; empty when they may be the voters.
std::string why_no_voters(const std::vector<member_row>& chosen) {
  const auto count = chosen.size();
  if (count == 2)
    return "Two voters are refused: when one of them is lost, the other is no majority and nothing is decided any more, so "
           "two survive less than one. Name one, three or five.";
  if (count != 1 && count != 3 && count != 5)
    return "A cluster has one, three or five voters, not " + std::to_string(count)
           + ": an even number survives no more losses than the odd one below it, and more than five make every decision "
             "slow.";
  for (const auto& member : chosen)
    if (!member.seat)
      return "Node " + member.name
             + " is not there, and a voter that is away makes every other loss one too many; start it first, or name "
               "another.";
  return {};
}

} // namespace

bool session_state::has_cluster(std::uint32_t request) {
  if (!config_.cluster.name.empty())
    return true;
  refuse(request,
         {ec::not_a_member, "This node belongs to no cluster; `hearth cluster init` makes one, `hearth node join` "
                            "enters one, `hearth cluster up` starts one on this machine."});
  return false;
}

void session_state::with_members(std::uint32_t request, std::vector<std::string> names,
                                 std::function<void(const std::vector<member_row>&)> then) {
  if (!has_cluster(request))
    return;
  self_->request(config_.cluster.control, defaults::inner_request_timeout, atom::list::value)
    .then(
      [this, request, names = std::move(names), then = std::move(then)](const std::vector<member_row>& members) {
        std::vector<member_row> chosen;
        for (const auto& name : names) {
          const auto found = std::find_if(members.begin(), members.end(),
                                          [&](const auto& member) { return is_called(member, name); });
          if (found == members.end()) {
            refuse(request, {ec::not_a_member, "There is no node `" + name + "` in cluster " + config_.cluster.name
                                                 + "; its nodes are " + named(members) + "."});
            return flush();
          }
          if (std::none_of(chosen.begin(), chosen.end(), [&](const auto& known) { return known.node == found->node; }))
            chosen.push_back(*found);
        }
        then(chosen);
        flush();
      },
      refusing(request));
}

void session_state::decide(std::uint32_t request, cluster::command command, std::string done) {
  self_->request(config_.cluster.control, defaults::cluster_request_timeout, atom::propose::value, std::move(command))
    .then(
      [this, request, done = std::move(done)](const cluster::outcome& outcome) {
        if (outcome.code == ec::none)
          tell(client::done{request, done});
        else
          refuse(request,
                 {outcome.code, outcome.message.empty() ? std::string(sentence(outcome.code)) : outcome.message});
        flush();
      },
      refusing(request));
}

void session_state::take(client::ask_cluster& e) {
  if (!has_cluster(e.request))
    return;
  self_->request(config_.cluster.control, defaults::inner_request_timeout, atom::status::value)
    .then(
      [this, request = e.request](const control::standing& standing) {
        self_->request(config_.cluster.control, defaults::inner_request_timeout, atom::list::value)
          .then(
            [this, request, standing](std::vector<member_row>& members) {
              const auto& own = config_.cluster;
              tell(client::cluster_state{request, own.name, own.id, own.self, standing, std::move(members)});
              flush();
            },
            refusing(request));
      },
      refusing(e.request));
}

void session_state::take(client::admit_node& e) {
  if (!has_cluster(e.request))
    return;
  const auto node = parse_node_uuid(e.node);
  if (!node)
    return refuse(e.request, {ec::bad_request, "`" + e.node + "` is no id of a node; an id is a UUID."});
  decide(e.request, cluster::admit_node{*node, e.name}, "Node " + e.name + " may join.");
}

void session_state::take(client::remove_node& e) {
  with_members(e.request, {e.node}, [this, request = e.request](const std::vector<member_row>& members) {
    const auto& member = members.front();
    decide(request, cluster::remove_node{member.node},
           "Node " + member.name + " is removed; its certificate is worth nothing any more.");
  });
}

void session_state::take(client::drain_node& e) {
  with_members(
    e.request, {e.node}, [this, request = e.request, draining = e.draining](const std::vector<member_row>& members) {
      const auto& member = members.front();
      decide(request, cluster::drain_node{member.node, draining},
             "Node " + member.name
               + (draining ? " takes no new work; what runs there goes on to its end." : " takes work again."));
    });
}

void session_state::take(client::set_voters& e) {
  with_members(e.request, e.nodes, [this, request = e.request](const std::vector<member_row>& members) {
    if (auto why = why_no_voters(members); !why.empty())
      return refuse(request, {ec::bad_request, std::move(why)});
    cluster::set_voters order;
    for (const auto& member : members)
      order.voters.push_back(member.node);
    decide(request, std::move(order), "The voters are " + named(members) + ".");
  });
}

void session_state::take(client::make_join_token& e) {
  if (!has_cluster(e.request))
    return;
  self_
    ->request(config_.cluster.registrar, defaults::inner_request_timeout, atom::token::value,
              e.valid.value_or(defaults::join_token_validity))
    .then(
      [this, request = e.request](const std::string& token) {
        tell(client::done{request, token});
        flush();
      },
      refusing(e.request));
}

void session_state::take(client::make_client_token& e) {
  if (!has_cluster(e.request))
    return;
  wanted_token wanted{e.name, e.scopes, {}};
  if (!e.is_endless)
    wanted.valid = e.valid.value_or(defaults::client_token_validity);
  self_->request(config_.cluster.registrar, defaults::cluster_request_timeout, atom::token::value, std::move(wanted))
    .then(
      [this, request = e.request](const std::string& token) {
        tell(client::done{request, token});
        flush();
      },
      refusing(e.request));
}

void session_state::list_tokens(std::uint32_t request) {
  if (!has_cluster(request))
    return;
  self_->request(config_.cluster.control, defaults::inner_request_timeout, atom::token::value)
    .then(
      [this, request](std::vector<cluster::token_record>& tokens) {
        tell(client::rows<cluster::token_record>{request, std::move(tokens)});
        flush();
      },
      refusing(request));
}

void session_state::take(client::revoke_client_token& e) {
  if (!has_cluster(e.request))
    return;
  self_->request(config_.cluster.control, defaults::inner_request_timeout, atom::token::value)
    .then(
      [this, request = e.request, name = e.name](const std::vector<cluster::token_record>& tokens) {
        if (std::none_of(tokens.begin(), tokens.end(), [&](const auto& token) { return token.name == name; })) {
          refuse(request, {ec::bad_request, "There is no token `" + name + "` in cluster " + config_.cluster.name
                                              + "; `hearth cluster token list` shows those that there are."});
          return flush();
        }
        decide(request, cluster::revoke_token{name}, "Token " + name + " is revoked; who uses it is put out.");
      },
      refusing(e.request));
}

void session_state::take(client::ping_node& e) {
  if (e.count == 0 || e.count > defaults::pings_max)
    return refuse(e.request, {ec::bad_request, "Between 1 and " + std::to_string(defaults::pings_max)
                                                 + " frames are sent to a node for one request, not "
                                                 + std::to_string(e.count) + "."});
  with_members(
    e.request, {e.node}, [this, request = e.request, count = e.count](const std::vector<member_row>& members) {
      const auto& member = members.front();
      if (member.node == config_.cluster.self)
        return refuse(request, {ec::bad_request, "Node " + member.name
                                                   + " is the one that was asked, and there is no link to itself; ask "
                                                     "another node (--socket), or for another one."});
      self_->request(config_.switchboard, defaults::inner_request_timeout, atom::ping::value, member.node, count)
        .then(
          [this, request, name = member.name](std::vector<std::uint64_t>& times) {
            tell(summary(request, name, std::move(times)));
            flush();
          },
          refusing(request));
    });
}

void session_state::take(client::back_up& e) {
  if (!has_cluster(e.request))
    return;
  if (e.target.empty() || e.target.front() != '/')
    return refuse(e.request, {ec::bad_request,
                              "A backup goes to an absolute path on the node's machine, not to `" + e.target + "`."});
  self_->request(config_.cluster.registrar, defaults::backup_timeout, atom::backup::value, e.target)
    .then(
      [this, request = e.request](const std::string& said) {
        tell(client::done{request, said});
        flush();
      },
      refusing(e.request));
}

} // namespace hearth
