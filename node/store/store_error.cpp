#include "node/store/store_error.hpp"

#include <cerrno>
#include <system_error>

namespace hearth::node {

void throw_storage_failed(const std::string& what, int error) {
  auto sentence = "Cannot " + what + ": " + std::generic_category().message(error) + '.';
  if (error == ENOSPC || error == EDQUOT)
    sentence += " Make room there, or give the node another directory with --state-dir.";
  throw store_error(ec::storage_failed, sentence);
}

} // namespace hearth::node
