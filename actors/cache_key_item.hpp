#pragma once

#include "core/bytes.hpp"
#include "core/digest.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace hearth {

/// The key of the inputs that may stand before the arguments of a call (schema/frame.capnp, Call).
struct cache_key_item {
  bool overwrite = false;
  digest inputs;
  std::vector<digest> each;
};

/// There is something that begins like a key and is none.
struct broken_key_item {};

/// Takes the key off `arguments`; nothing when there is none. Copies no argument. Pure.
std::variant<std::monostate, cache_key_item, broken_key_item> take_key_item(payload& arguments);

/// The digest of the inputs, of a call that is to be looked up; the key stays where it is. Pure.
std::optional<digest> looked_up_inputs(const payload& arguments);

} // namespace hearth
