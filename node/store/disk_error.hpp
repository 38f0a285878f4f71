#pragma once

#include "node/store/store_error.hpp"

#include <stdexcept>

namespace hearth::node {

/// Exit status of a daemon whose disk failed under the control log (EX_IOERR of sysexits.h): whoever restarts daemons can
/// tell it from a crash, and should not restart it before somebody has looked at the disk.
inline constexpr int exit_disk_failed = 74;

/// The disk refused what has to be durable. Nobody knows what it holds until the store is opened, and checked, again:
/// the process must end, with `exit_disk_failed`. The text is a sentence for a person.
struct disk_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What `work` returns. For stores that can be done without: what their disk refuses is nobody's end, it is a failed request.
template <class Work>
auto as_store_error(Work work) {
  try {
    return work();
  } catch (const disk_error& e) {
    throw store_error(ec::storage_failed, e.what());
  }
}

} // namespace hearth::node
