#pragma once

#include <string>

/// System calls that no task needs and that reach far into the kernel, or past namespaces.
namespace hearth::node {

/// A filter as of seccomp(2), for bwrap's `--seccomp`: these calls answer EPERM, calls of another architecture ENOSYS, all
/// others do what they do. Pure.
std::string forbidden_calls_filter();

} // namespace hearth::node
