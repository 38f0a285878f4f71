#pragma once

#include "actors/cache_messages.hpp"

#include <functional>
#include <optional>

namespace hearth {

/// Where whoever takes calls in looks whether one is a plain hit: its result is kept on this node and lies there to be read. That
/// saves the messages to a FRONT and to the CACHE, which cost more than the look. All else goes to the FRONT as ever.
///
/// The node makes it; the CACHE opens it while it lives. Never throws. Loop thread only.
class cache_desk {
public:
  using look = std::function<std::optional<cache_entry>(const cache_key&, const cache_scope&)>;

  void open(look with) { look_ = std::move(with); }
  void close() { look_ = nullptr; }

  /// The reply of a call of this task; nothing: it is no plain hit. `arguments` as they came, with their key.
  std::optional<call_reply> answer(const environment_spec& spec, const call_header& header, const payload& arguments);

private:
  look look_;
  cache_scopes scopes_;
};

} // namespace hearth
