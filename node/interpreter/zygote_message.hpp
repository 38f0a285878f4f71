#pragma once

#include "actors/interfaces.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>

/// What node and zygote say to each other: the JSON renderings of schema/zygote.capnp. Pure; any thread.
namespace hearth::node::zygote_message {

struct ready {
  std::uint32_t pid = 0;
  std::string python; // "3.11.2"
  bool can_fork = false;
  std::string spawn_reason;
  std::chrono::microseconds import_time{0};
  bool has_slot_table = false;
};

struct forked {
  replica_id replica;
  std::uint32_t pid = 0;
};

struct exited {
  replica_id replica;
  std::uint32_t pid = 0;
  int status = 0;
  int signal = 0;
  std::string reason; // why it never came to be
};

using event = std::variant<ready, failure, forked, exited>;

/// Nothing when it is not an event of ours.
std::optional<event> parse(std::string_view json);

/// What a zygote is for; `code_directory` is the unpacked bundle.
std::string configure(const environment_spec& spec, const std::string& code_directory, bool force_spawn,
                      bool in_sandbox = false);

/// "Make this replica" of a zygote that can fork, "be this replica" (`become`) of one that cannot.
/// `sets_gpus`: the replica sees the GPUs of the order and no others.
std::string start(const replica_order& order, bool become, bool sets_gpus);

} // namespace hearth::node::zygote_message
