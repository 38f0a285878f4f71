#pragma once

#include "actors/client_messages.hpp"
#include "node/wire/frame.hpp"
#include "node/wire/value.hpp"

#include <map>
#include <string>
#include <vector>

namespace hearth::node {

/// What the frames of one client mean. Holds values of which parts are missing, at most one beside a window's worth. No
/// socket, no clock.
class inbound {
public:
  /// `default_python`: of environments that name no interpreter.
  explicit inbound(std::string default_python);

  /// Appends what `frame` means to `events`. A request that is nonsense goes to `refused` instead; it harms nobody but
  /// itself. Not empty: what the client did wrong, in words that follow its name; its connection is of no further use.
  [[nodiscard]] std::string take(const bytes& frame, client::events& events, std::vector<client::refused>& refused);

  /// A request was answered: a bundle under this number is stored or was refused.
  void answered(std::uint32_t request) { uploads_.erase(request); }

private:
  std::string take_call(const bytes& frame, client::events& events);
  std::string take_chunk(const bytes& frame, client::events& events);
  std::string take_upload(const wire::chunk& part, bytes content, client::events& events);
  std::string take_signal(const bytes& frame, client::events& events);
  std::string take_control(const bytes& frame, client::events& events, std::vector<client::refused>& refused);

  std::string default_python_;
  wire::partial_values<client::invoke> calls_;
  std::map<std::uint32_t, std::uint64_t> uploads_; // bytes taken, by request
};

} // namespace hearth::node
