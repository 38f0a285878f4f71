#include "node/gateway/client_desk.hpp"

#include "core/defaults.hpp"
#include "node/gateway/outbound.hpp"
#include "node/store/digest.hpp"

#include <caf/all.hpp>
#include <kj/exception.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

namespace hearth::node {

namespace {

using std::chrono::milliseconds;

/// The answer to a token: a new socket has room for it.
void say(tls_channel& to, const client::effect& what) {
  wire::frame_text out;
  write_effect(what, out);
  const iovec part{out.text.data(), out.text.size()};
  // A client that does not even take this learns from the end of the connection.
  [[maybe_unused]] const auto sent = to.send({&part, 1});
}

std::optional<client_desk::time_point> end_of_time(const cluster::token_record& token) {
  if (token.expires_unix_ms == 0)
    return std::nullopt;
  return client_desk::time_point(milliseconds(token.expires_unix_ms));
}

client_rights rights_of(const cluster::token_record& token) {
  client_rights rights{token.name, {}};
  for (const auto& each : token.scopes)
    if (const auto known = scope_called(each)) // what a newer node gave is nothing here
      rights.scopes.insert(*known);
  return rights;
}

/// "laptop (invoke, read)"
std::string described(const cluster::token_record& token) {
  std::string scopes;
  for (const auto& each : token.scopes)
    scopes += (scopes.empty() ? "" : ", ") + each;
  return token.name + " (" + scopes + ')';
}

} // namespace

client_desk::client_desk(work_loop& loop, config config)
  : loop_(loop), config_(std::move(config)), next_look_(loop.timers(), [this] { look(); }) {}

/// Takes the same time for every secret.
const cluster::token_record* client_desk::find(std::string_view secret) const {
  const auto digest = sha256_of(secret);
  const cluster::token_record* found = nullptr;
  for (const auto& [known, token] : tokens_)
    if (known.size() == digest.size() && CRYPTO_memcmp(known.data(), digest.data(), digest.size()) == 0)
      found = &token;
  return found;
}

failure client_desk::refusal(const cluster::token_record* token) const {
  if (!standing_.holds)
    return {ec::no_quorum, standing_.why_not.empty() ? std::string(sentence(ec::no_quorum)) : standing_.why_not};
  if (!token)
    return {ec::unauthenticated,
            "The cluster does not know this token: it was revoked, or is of another cluster; ask an "
            "operator for one (`hearth cluster token create`)."};
  return end_of(token->digest);
}

/// Why a client with this token has to go; code none: it may stay.
failure client_desk::end_of(const std::string& digest) const {
  const auto token = tokens_.find(digest);
  if (token == tokens_.end())
    return {ec::unauthenticated,
            "Your token was revoked; ask an operator for another one (`hearth cluster token create`)."};
  if (const auto end = end_of_time(token->second); end && *end <= config_.now())
    return {ec::unauthenticated, "Token " + token->second.name
                                   + " has expired; ask an operator for another one (`hearth cluster token create`)."};
  return {};
}

void client_desk::receive(arrived connection) {
  const auto address = connection.address;
  try {
    admit(std::move(connection));
  } catch (const std::exception& e) { // memory, for instance: this client's loss alone
    config_.warn("a client at " + address + " cannot be served: " + e.what());
  } catch (const kj::Exception& e) {
    config_.warn("a client at " + address + " cannot be served: " + e.getDescription().cStr());
  }
  look();
}

void client_desk::admit(arrived connection) {
  const auto* token = find(connection.token);
  auto why = refusal(token);
  if (!connection.place)
    why = {ec::queue_full, "This node serves as many remote clients as it can, or as one address may have; end some "
                           "and try again."};
  if (why.code != ec::none) {
    config_.warn("a client at " + connection.address + " was refused: " + why.message);
    return say(*connection.tls, client::refused{0, std::move(why)});
  }
  say(*connection.tls, client::done{0, described(*token)});
  const std::weak_ptr<void> place = connection.place;
  guests_.push_back({config_.serve(std::move(connection), rights_of(*token)), place, token->digest});
}

std::variant<client_rights, failure> client_desk::judge(std::string_view secret) const {
  const auto* token = find(secret);
  if (auto why = refusal(token); why.code != ec::none)
    return why;
  return rights_of(*token);
}

void client_desk::learn(const control::tokens_changed& fact) {
  tokens_.clear();
  for (const auto& token : *fact.now)
    tokens_.emplace(token.digest, token);
  look();
}

std::size_t client_desk::clients() {
  std::erase_if(guests_, [](const guest& c) { return c.place.expired(); });
  return guests_.size();
}

/// Puts out whose token is good no more, and comes again when the next one ends.
void client_desk::look() {
  std::erase_if(guests_, [this](const guest& c) {
    if (c.place.expired())
      return true;
    auto why = end_of(c.token);
    if (why.code == ec::none)
      return false;
    client::effects last;
    last.emplace_back(client::refused{0, std::move(why)});
    last.emplace_back(client::close{});
    caf::anon_send(c.connection, atom::effects::value, std::move(last));
    return true;
  });
  std::optional<time_point> next;
  for (const auto& c : guests_)
    if (const auto end = end_of_time(tokens_.at(c.token)))
      next = next ? std::min(*next, *end) : *end;
  if (!next)
    return next_look_.cancel();
  const auto left = std::chrono::ceil<milliseconds>(*next - config_.now());
  next_look_.set(std::clamp(left, milliseconds{1}, milliseconds(defaults::client_token_look)));
}

} // namespace hearth::node
