#include "node/store/control_place.hpp"

#include "core/defaults.hpp"
#include "node/store/durable.hpp"
#include "node/store/store_error.hpp"

#include <system_error>

namespace hearth::node {

namespace fs = std::filesystem;

bool is_free_for_control(const fs::path& directory) {
  std::error_code error;
  const bool is_there = fs::exists(directory, error);
  const bool is_free = !error && (!is_there || fs::is_empty(directory, error));
  if (error)
    throw_storage_failed("look into " + directory.string(), error.value());
  return is_free;
}

fs::path make_fresh_directory(const fs::path& target) {
  const fs::path fresh = target.string() + ".hearth-new";
  std::error_code error;
  fs::remove_all(fresh, error);
  if (!error)
    fs::create_directory(fresh, error);
  if (!error)
    fs::permissions(fresh, fs::perms::owner_all, error);
  if (error)
    throw_storage_failed("make the directory " + fresh.string(), error.value());
  return fresh;
}

void put_control_in_place(const fs::path& fresh, control_head head, const fs::path& directory) {
  {
    lmdb_env env(fresh, defaults::control_map_bytes, lmdb_env::durability::full);
    env.reserve(defaults::control_reserve_bytes, defaults::control_reserve_bytes);
    lmdb_transaction txn(env, lmdb_transaction::kind::write);
    head.transaction = txn.number();
    txn.put(control_key::head, frame_of(head));
    txn.commit();
  }
  write_durably(fresh / witness_name, {bytes::copy_of(witness_frame(head.transaction))});
  sync_directory(fresh);
  move_durably(fresh, directory);
}

} // namespace hearth::node
