#pragma once

#include "tests/sim/cluster_world.hpp"

#include <string>

/// What seldom comes together by chance, on purpose. Each gives what is wrong, or nothing.
namespace hearth::sim {

/// A node that is heard and hears nothing has no lease, and must not keep its seat.
std::string a_deaf_node(const cluster_faults& faults);

/// So must not one that hears of a leader and gets nothing of the log.
std::string a_starved_node(const cluster_faults& faults);

/// A node that did not see its seat begin asks for one again, and sees late that it had one: the leader may be about to end it.
std::string a_seat_asked_for_twice(const cluster_faults& faults);

} // namespace hearth::sim
