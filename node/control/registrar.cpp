#include "node/control/registrar.hpp"

#include "actors/client_rights.hpp"
#include "actors/error.hpp"
#include "core/client_token.hpp"
#include "core/defaults.hpp"
#include "node/identity/files.hpp"
#include "node/identity/join_token.hpp"
#include "node/identity/openssl.hpp"
#include "node/link/join.hpp"
#include "node/start_error.hpp"
#include "node/store/digest.hpp"

#include <algorithm>
#include <utility>

namespace hearth::node {

using registrar_messages::newcomer;

// -- what is known of joins ----

register_of_joins::register_of_joins(std::filesystem::path directory, cluster_file own)
  : directory_(std::move(directory)), own_(std::move(own)) {
  if (read_private(directory_ / "ca.key", defaults::identity_file_bytes_max))
    authority_ = authority::open(directory_);
  if (const auto text = read_private(file(), defaults::identity_file_bytes_max * 2)) {
    auto known = join_ledger::parse(*text);
    if (!known)
      throw start_error(
        "The file of join tokens " + file().string()
        + " is not as Hearth wrote it. Remove it; tokens that are not used yet are then worth nothing.");
    ledger_ = std::move(*known);
  }
}

std::filesystem::path register_of_joins::file() const { return directory_ / "join-tokens"; }

std::string register_of_joins::give_out(std::chrono::milliseconds valid, time_point now) {
  const auto token = make_join_token(to_string(own_.listen), authority_->fingerprint());
  ledger_.add({digest_of(token.secret), now + valid}, now);
  return to_string(token);
}

std::string register_of_joins::check(std::string_view secret, time_point now) const {
  return std::string(sentence(ledger_.look(secret, now)));
}

std::string register_of_joins::redeem(std::string_view secret, time_point now) {
  return std::string(sentence(ledger_.redeem(secret, now)));
}

join_answer register_of_joins::welcome(const join_request& request, const std::vector<member_row>& members) const {
  if (!authority_)
    return {"This member does not hold the key of the cluster's authority; ask the one that made the token.", {}, {}};
  auto own = own_; // whose peers are those of its own beginning
  for (const auto& member : members) {
    const auto is_known = std::any_of(own.peers.begin(), own.peers.end(),
                                      [&](const auto& peer) { return peer.node == member.node; });
    const auto address = parse_link_address(member.address);
    if (!is_known && address && !member.is_removed && member.node != own.node)
      own.peers.push_back({member.node, member.name, *address});
  }
  return node::welcome(*authority_, request, own);
}

// -- the actor ----

namespace {

constexpr std::size_t message_bytes = 1024; // of what a small job holds in memory

caf::result<std::string> give_out(registrar_door::pointer self, const registrar_config& config,
                                  std::chrono::milliseconds valid) {
  if (!config.joins->has_authority())
    return error_of(
      {ec::not_permitted,
       "This node does not hold the key of the cluster's authority (ca.key), so it cannot let others in; ask "
       "the node on which the cluster was made."});
  if (valid <= std::chrono::milliseconds::zero() || valid > defaults::join_token_validity_max)
    return error_of(
      {ec::bad_request, "A join token is valid for at most seven days; make another one when it has ended."});
  auto token = config.joins->give_out(valid, config.now());
  return answer_off_loop<std::string>(self, *config.disk, message_bytes,
                                      [token, file = config.joins->file(), text = config.joins->text()] {
                                        write_private(file, text);
                                        return token;
                                      });
}

// -- tokens of remote clients ----

std::string known_scopes() {
  std::string text;
  for (const auto each : {scope::read, scope::invoke, scope::deploy, scope::admin})
    text.append(text.empty() ? "" : ", ").append(name(each));
  return text;
}

/// Empty: it can be made.
std::string why_not(const wanted_token& wanted) {
  const bool is_visible = std::all_of(wanted.name.begin(), wanted.name.end(),
                                      [](char c) { return c > ' ' && c < 0x7f; });
  if (!is_visible || wanted.name.size() > defaults::client_token_name_bytes_max)
    return "A token cannot be called `" + wanted.name + "`: its name has 1 to 63 visible characters.";
  if (wanted.scopes.empty())
    return "Say what the token is for: its scopes are some of " + known_scopes() + ".";
  for (const auto& each : wanted.scopes)
    if (!scope_called(each))
      return "There is no scope `" + each + "`; there are " + known_scopes() + ".";
  if (wanted.valid
      && (*wanted.valid <= std::chrono::milliseconds::zero() || *wanted.valid > defaults::client_token_validity_max))
    return "A token ends after at most ten years, or never; name another time.";
  return {};
}

caf::result<std::string> make_client_token(registrar_door::pointer self, const registrar_config& config,
                                           const wanted_token& wanted) {
  if (auto why = why_not(wanted); !why.empty())
    return error_of({ec::bad_request, std::move(why)});
  const client_token token{config.authority, random_bytes(client_token::part_bytes)};
  cluster::put_token order;
  order.digest = sha256_of(token.secret);
  constexpr std::size_t digits = 8;
  order.name = wanted.name.empty() ? "token-" + order.digest.substr(0, digits) : wanted.name;
  order.scopes = wanted.scopes;
  if (wanted.valid)
    order.expires_unix_ms = static_cast<std::uint64_t>(
      std::chrono::ceil<std::chrono::milliseconds>((config.now() + *wanted.valid).time_since_epoch()).count());
  auto promise = self->make_response_promise<std::string>();
  self->request(config.control, defaults::cluster_request_timeout, atom::propose::value, cluster::command(order))
    .then(
      [promise, text = to_string(token)](const cluster::outcome& outcome) mutable {
        if (outcome.code == ec::none)
          promise.deliver(text);
        else
          promise.deliver(
            error_of({outcome.code, outcome.message.empty() ? std::string(sentence(outcome.code)) : outcome.message}));
      },
      [promise](caf::error& error) mutable { promise.deliver(std::move(error)); });
  return promise;
}

// -- machines that join ----

/// It gets its certificate, and hears of all members: the one that lets it in may be gone when it starts.
void receive_admitted(registrar_door::pointer self, const registrar_config& config,
                      const std::shared_ptr<newcomer>& who) {
  self->request(config.control, defaults::join_timeout, atom::list::value)
    .then(
      [joins = config.joins, who, node = requested_node(who->request.request)](std::vector<member_row>& members) {
        std::erase_if(members, [&](const auto& member) { return member.node == node; });
        who->reply(joins->welcome(who->request, members));
      },
      [who](const caf::error& error) {
        who->reply({failure_of(error).message, {}, {}});
      });
}

/// The token is used up on disk: the node may be admitted.
void admit(registrar_door::pointer self, const registrar_config& config, const std::shared_ptr<newcomer>& who) {
  cluster::admit_node order;
  try {
    order.node = requested_node(who->request.request);
  } catch (const crypto_error& e) {
    return who->reply({"The certificate request " + std::string(e.what()) + '.', {}, {}});
  }
  order.name = who->request.name;
  order.address = who->request.listen;
  self->request(config.control, defaults::join_timeout, atom::propose::value, cluster::command(order))
    .then(
      [self, config, who](const cluster::outcome& outcome) {
        if (outcome.code != ec::none)
          who->reply({outcome.message.empty() ? std::string(sentence(outcome.code)) : outcome.message, {}, {}});
        else
          receive_admitted(self, config, who);
      },
      [who](const caf::error& error) {
        who->reply({failure_of(error).message, {}, {}});
      });
}

void receive(registrar_door::pointer self, const registrar_config& config, newcomer& came) {
  auto who = std::make_shared<newcomer>(std::move(came));
  if (auto refusal = config.joins->redeem(who->secret, config.now()); !refusal.empty())
    return who->reply({std::move(refusal), {}, {}});
  const auto door = registrar_door(self);
  const bool taken = config.disk->submit(
    message_bytes, [self, door, config, who, file = config.joins->file(), text = config.joins->text()] {
      completion then;
      try {
        write_private(file, text);
        then = [self, config, who] { admit(self, config, who); };
      } catch (const std::exception& e) {
        then = [who, why = std::string(e.what())] { who->reply({why, {}, {}}); };
      }
      caf::anon_send(door, atom::tick::value, std::move(then));
    });
  if (!taken)
    who->reply({storage_busy().message, {}, {}});
}

} // namespace

registrar_door::behavior_type registrar(registrar_door::pointer self, registrar_config config) {
  return {
    [=](atom::token, std::chrono::milliseconds valid) { return give_out(self, config, valid); },
    [=](atom::token, const wanted_token& wanted) { return make_client_token(self, config, wanted); },
    [=](atom::backup, const std::string& target) {
      return answer_off_loop<std::string>(self, *config.disk, message_bytes, [back_up = config.back_up, target] {
        back_up(target);
        return "The control log is copied to " + target + '.';
      });
    },
    [=](atom::open, newcomer& who) { receive(self, config, who); },
    [](atom::tick, completion& then) { then(); },
  };
}

join_desk::config desk_of(const registrar_door& door, std::shared_ptr<const register_of_joins> joins,
                          std::function<void(std::string_view)> warn) {
  join_desk::config config;
  config.check = [joins](std::string_view secret) { return joins->check(secret, std::chrono::system_clock::now()); };
  config.decide = [door](std::string secret, join_request request, join_desk::reply reply) {
    caf::anon_send(door, atom::open::value, newcomer{std::move(secret), std::move(request), std::move(reply)});
  };
  config.warn = std::move(warn);
  return config;
}

} // namespace hearth::node
