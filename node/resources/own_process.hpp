#pragma once

#include <chrono>
#include <cstdint>

/// What this process uses.
namespace hearth::node {

/// Memory that is not paged out.
std::uint64_t resident_bytes();

/// On all processors, since it started.
std::chrono::nanoseconds processor_time();

} // namespace hearth::node
