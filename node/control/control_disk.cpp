#include "node/control/control_disk.hpp"

#include "core/defaults.hpp"
#include "node/store/digest.hpp"
#include "node/store/disk_error.hpp"
#include "node/wire/control_log.hpp"

#include <spdlog/spdlog.h>

#include <cstdlib>
#include <memory>
#include <utility>

namespace hearth::node {

namespace {

/// Nobody knows what the disk holds now; what this process would go on to promise might not be so.
[[noreturn]] void end_process(const char* what) {
  spdlog::critical("the control log cannot be written, and the node ends: {}", what);
  spdlog::shutdown();
  std::_Exit(exit_disk_failed);
}

} // namespace

control_disk::control_disk(control_store& store, std::function<void(report)> done)
  : store_(store), done_(std::move(done)), thread_(defaults::disk_queue_bytes_max) {}

void control_disk::write_next(bool is_free) {
  if (is_free)
    is_writing_ = false;
  if (is_writing_ || waiting_.empty())
    return;
  is_writing_ = true;
  auto jobs = std::make_shared<std::vector<job>>(std::exchange(waiting_, {}));
  thread_.submit(0, [this, jobs] {
    try {
      done_(write(*jobs));
    } catch (const std::exception& e) {
      end_process(e.what());
    }
  });
}

control_disk::report control_disk::write(std::vector<job>& jobs) {
  report result;
  std::vector<raft::store> together;
  const auto flush = [&] {
    if (together.empty())
      return;
    store_.write(together);
    result.events.emplace_back(raft::stored{together.back().token});
    together.clear();
  };
  for (auto& job : jobs) {
    if (auto* entries = std::get_if<raft::store>(&job)) {
      together.push_back(std::move(*entries));
    } else {
      flush();
      write(std::get<snapshot>(job), result);
    }
  }
  flush();
  return result;
}

void control_disk::write(snapshot& what, report& into) {
  content kept;
  kept.index = what.mark.index;
  std::optional<cluster::control_image> image;
  if (auto* ours = std::get_if<cluster::control_image>(&what.content)) {
    kept.bytes = wire::encode(*ours);
    kept.digest = sha256_of(kept.bytes);
  } else {
    kept.bytes = std::move(std::get<std::string>(what.content));
    kept.digest = sha256_of(kept.bytes);
    auto decoded = wire::decode_image(kept.bytes);
    if (kept.digest != what.digest || !std::holds_alternative<cluster::control_image>(decoded)) {
      into.events.emplace_back(raft::snapshot_damaged{what.mark.generation, what.mark.index});
      return;
    }
    image = std::move(std::get<cluster::control_image>(decoded));
  }
  store_.write_snapshot(what.mark, kept.bytes, what.entries);
  if (what.is_installed)
    into.events.emplace_back(cluster::events::installed{what.mark.generation, what.mark.index, std::move(*image)});
  else if (what.entries == later_entries::drop)
    into.events.emplace_back(raft::snapshot_stored{what.mark.generation, what.mark.index});
  else
    into.events.emplace_back(raft::snapshot_taken{what.mark.index});
  into.snapshot = std::move(kept);
}

} // namespace hearth::node
