#pragma once

#include "core/errors.hpp"

#include <stdexcept>
#include <string>

namespace hearth::node {

/// Why something could not be stored or read: the code and a sentence for a person.
struct store_error : std::runtime_error {
  store_error(ec why, const std::string& what) : std::runtime_error(what), code(why) {}

  ec code;
};

/// "Cannot <what>: <the system's reason>", as storage_failed; for a full disk with what to do about it.
[[noreturn]] void throw_storage_failed(const std::string& what, int error);

} // namespace hearth::node
