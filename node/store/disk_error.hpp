#pragma once

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

} // namespace hearth::node
