#include "node/identity/join_ledger.hpp"

#include "core/defaults.hpp"
#include "node/identity/openssl.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace hearth::node {

namespace {

using clock = std::chrono::system_clock;

constexpr std::size_t digest_bytes = 32;
constexpr std::string_view digits = "0123456789abcdef";

std::string to_hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += digits[static_cast<unsigned char>(c) >> 4];
    text += digits[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  std::string bytes;
  for (; text.size() >= 2; text.remove_prefix(2)) {
    const auto high = digits.find(text[0]);
    const auto low = digits.find(text[1]);
    if (high == std::string_view::npos || low == std::string_view::npos)
      return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return text.empty() ? std::optional(bytes) : std::nullopt;
}

std::int64_t seconds_of(clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch()).count();
}

/// "<digest> <expiry, seconds since 1970> open|used"
std::optional<join_ticket> parse_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos)
    return std::nullopt;
  const auto digest = from_hex(line.substr(0, first));
  const auto expiry = line.substr(first + 1, second - first - 1);
  const auto state = line.substr(second + 1);
  std::int64_t at = 0;
  const auto [end, error] = std::from_chars(expiry.data(), expiry.data() + expiry.size(), at);
  if (!digest || digest->size() != digest_bytes || error != std::errc{} || end != expiry.data() + expiry.size()
      || (state != "open" && state != "used"))
    return std::nullopt;
  return join_ticket{*digest, clock::time_point(std::chrono::seconds{at}), state == "used"};
}

} // namespace

std::string_view sentence(join_verdict verdict) noexcept {
  switch (verdict) {
    case join_verdict::good:
      return {};
    case join_verdict::unknown:
      return "The cluster has not given out this join token; make one with `hearth cluster token` on a member.";
    case join_verdict::expired:
      return "The join token has expired; make another one with `hearth cluster token` on a member.";
    case join_verdict::used:
      return "The join token has been used already; make another one with `hearth cluster token` on a member.";
  }
  return "The join token cannot be judged.";
}

void join_ledger::add(join_ticket ticket, clock::time_point now) {
  std::erase_if(tickets_, [&](const join_ticket& old) { return old.expires + defaults::join_ticket_kept < now; });
  if (tickets_.size() >= defaults::join_tickets_max)
    tickets_.erase(tickets_.begin());
  tickets_.push_back(std::move(ticket));
}

std::optional<std::size_t> join_ledger::find(std::string_view secret) const {
  const auto digest = digest_of(secret);
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < tickets_.size(); ++i)
    if (CRYPTO_memcmp(tickets_[i].digest.data(), digest.data(), digest_bytes) == 0)
      found = i;
  return found;
}

join_verdict join_ledger::look(std::string_view secret, clock::time_point now) const {
  const auto at = find(secret);
  if (!at)
    return join_verdict::unknown;
  if (tickets_[*at].is_used)
    return join_verdict::used;
  return tickets_[*at].expires <= now ? join_verdict::expired : join_verdict::good;
}

join_verdict join_ledger::redeem(std::string_view secret, clock::time_point now) {
  const auto verdict = look(secret, now);
  if (verdict == join_verdict::good)
    tickets_[*find(secret)].is_used = true;
  return verdict;
}

std::string join_ledger::text() const {
  std::string text;
  for (const auto& ticket : tickets_)
    text += to_hex(ticket.digest) + ' ' + std::to_string(seconds_of(ticket.expires))
            + (ticket.is_used ? " used\n" : " open\n");
  return text;
}

std::optional<join_ledger> join_ledger::parse(std::string_view text) {
  join_ledger ledger;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
      return std::nullopt;
    auto ticket = parse_line(text.substr(0, end));
    if (!ticket)
      return std::nullopt;
    ledger.tickets_.push_back(std::move(*ticket));
    text.remove_prefix(end + 1);
  }
  return ledger;
}

} // namespace hearth::node
