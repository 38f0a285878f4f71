#pragma once

#include "node/store/control_records.hpp"

#include <filesystem>

/// Stores of the control log as directories: how one comes to be, whole or not at all. All throw store_error or disk_error.
namespace hearth::node {

/// Whether a store may be made there: the directory is missing or empty.
bool is_free_for_control(const std::filesystem::path& directory);

/// An empty directory beside `target`, "<target>.hearth-new", private. What was there before, somebody's unfinished work, goes.
std::filesystem::path make_fresh_directory(const std::filesystem::path& target);

/// Commits `head` in `fresh`, where there is a data.mdb or there will be one, and makes it the store in `directory`.
void put_control_in_place(const std::filesystem::path& fresh, control_head head,
                          const std::filesystem::path& directory);

} // namespace hearth::node
