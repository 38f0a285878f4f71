#pragma once

#include "actors/client_messages.hpp"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

/// Who a client is, and what it may ask for. Pure.
namespace hearth {

/// A part of what a node does for clients.
enum class scope : std::uint8_t {
  read,   // listings, logs, the state of nodes
  invoke, // calls and runs of what is on the cluster; their results
  deploy, // code and environments
  admin,  // nodes, voters, tokens
};

/// "read", "invoke", ...
std::string_view name(scope which) noexcept;
std::optional<scope> scope_called(std::string_view name) noexcept;

class scope_set {
public:
  constexpr scope_set() = default;
  constexpr scope_set(std::initializer_list<scope> scopes) {
    for (const auto each : scopes)
      insert(each);
  }
  static constexpr scope_set all() { return {scope::read, scope::invoke, scope::deploy, scope::admin}; }

  constexpr void insert(scope which) { bits_ |= bit(which); }
  constexpr bool contains(scope which) const { return (bits_ & bit(which)) != 0; }
  constexpr bool meets(scope_set other) const { return (bits_ & other.bits_) != 0; }

  friend bool operator==(const scope_set&, const scope_set&) = default;

private:
  static constexpr std::uint8_t bit(scope which) {
    return static_cast<std::uint8_t>(1U << static_cast<unsigned>(which));
  }

  std::uint8_t bits_ = 0;
};

/// Of a client that was let in.
struct client_rights {
  std::string principal; // its token's name; empty: the user to whom the node belongs
  scope_set scopes = scope_set::all();

  bool is_remote() const noexcept { return !principal.empty(); }
};

/// Why a client with these rights is refused `what`, as a sentence; empty: it may. Opening an environment and sending code
/// depend on what the cluster knows already and are the session's to judge, but for who may do neither.
std::string why_not(const client_rights& rights, const client::event& what);

/// "Token laptop has no scope `deploy`, which ... needs."
std::string lacks(const client_rights& rights, scope_set any_of, std::string_view what);

} // namespace hearth
