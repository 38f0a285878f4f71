#pragma once

#include "tools/cli/rows.hpp"
#include "tools/cli/table.hpp"

#include <cstdint>
#include <string>

/// Rows of listings as tables for people. Pure.
namespace hearth::cli {

/// The listing; `now_ms` is the time of day that ages are counted from.
table table_of(noun what, const json& rows, std::uint64_t now_ms);

/// One row in full, name and value. Fields that say nothing are left out.
table details_of(noun what, const json& row, std::uint64_t now_ms);

/// Entries of the journal, oldest first.
table events_table(const json& rows);

/// What to tell somebody whose listing is empty: what there is not, and what makes it. `name`: what was asked for.
std::string nothing_of(noun what, const std::string& name);

/// A phase or state in its colour.
cell phase_cell(const std::string& phase);

} // namespace hearth::cli
