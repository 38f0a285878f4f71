#pragma once

#include <kj/io.h>

#include <fcntl.h>

/// What those have in common who accept connections.
namespace hearth {

inline constexpr int accept_backlog =
  1024; // connections that wait while the node is busy; the system's limit may be lower

/// Given up to accept a connection that is then told, or only closed, because no descriptor is left. Without one there is none.
inline kj::AutoCloseFd spare_descriptor() { return kj::AutoCloseFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

} // namespace hearth
