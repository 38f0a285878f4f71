#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::node {

/// A join token as a member remembers it: whoever reads this cannot join with it.
struct join_ticket {
  std::string digest; // SHA-256 of the secret, 32 bytes
  std::chrono::system_clock::time_point expires;
  bool is_used = false;

  bool operator==(const join_ticket&) const = default;
};

enum class join_verdict : std::uint8_t { good, unknown, expired, used };

/// One sentence for who showed the token; empty for a good one.
std::string_view sentence(join_verdict verdict) noexcept;

/// The join tokens that a member has given out. Decides only: no clock, no file. What it holds is written and read by its
/// owner as text.
class join_ledger {
public:
  join_ledger() = default;

  /// Forgets what has been expired for a day, and the oldest beyond defaults::join_tickets_max.
  void add(join_ticket ticket, std::chrono::system_clock::time_point now);

  /// What a node with this secret may do. Takes the same time for every secret.
  join_verdict look(std::string_view secret, std::chrono::system_clock::time_point now) const;

  /// The same, and the token is used up when it was good.
  join_verdict redeem(std::string_view secret, std::chrono::system_clock::time_point now);

  const std::vector<join_ticket>& tickets() const noexcept { return tickets_; }

  /// A line for each ticket.
  std::string text() const;

  /// Nothing when `text` is not what text() wrote.
  static std::optional<join_ledger> parse(std::string_view text);

private:
  std::optional<std::size_t> find(std::string_view secret) const;

  std::vector<join_ticket> tickets_; // in the order in which they were given out
};

} // namespace hearth::node
