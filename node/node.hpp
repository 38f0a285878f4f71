#pragma once

#include "node/settings.hpp"

namespace hearth::node {

/// Runs a node until it is told to stop: by a signal, by a client, or because it was idle for its time. The composition
/// root: everything that touches the operating system is made here and given to the actors.
///
/// The first SIGTERM or SIGINT drains (`stop_grace`), the second ends the process at once. Returns the status of
/// the process when nothing is left;
/// ends the process itself when something does not go in time. Throws start_error before it serves anybody.
int run_node(const settings& wanted);

} // namespace hearth::node
