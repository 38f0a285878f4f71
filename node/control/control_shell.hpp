#pragma once

#include "actors/controller.hpp"
#include "cluster/controller.hpp"
#include "cluster/transport.hpp"
#include "core/errors.hpp"
#include "node/control/control_disk.hpp"
#include "node/loop/loop.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace hearth::node {

/// Until when the node may act for its cluster, and by which seat, for whoever has to know it this moment: messages may come
/// later, to a process that stood still. Any thread.
class lease_clock {
public:
  void begin(seat_id seat) noexcept {
    until_.store(cluster::instant::min().count(), std::memory_order_release);
    seat_.store(seat.value, std::memory_order_release);
  }
  void set(cluster::instant until) noexcept { until_.store(until.count(), std::memory_order_release); }

  /// Whether this seat's lease runs.
  bool holds(seat_id seat) const noexcept;

private:
  std::atomic<cluster::instant::rep> until_ = cluster::instant::min().count(); // of boot_time
  std::atomic<std::uint64_t> seat_ = 0;
};

/// What the control plane tells the rest of the node; each function is called on the control loop's thread.
struct control_listener {
  std::function<void(control::image_ptr)> on_image;
  std::function<void(control::entries)> on_entries;
  std::function<void(control::consensus)> on_consensus;
  std::function<void(std::uint64_t number, cluster::outcome)> on_decided;
  std::function<void(failure)> on_fatal; // the node cannot go on
  std::function<void()> on_stopped;
  std::shared_ptr<lease_clock> lease{}; // may be null
};

/// The shell around `cluster::controller` on the control loop's thread: it reads the clock, sets the timer, and carries
/// messages, entries and answers between the controller, its disk, its peers and the work loop. Loop thread only.
class control_shell final : public cluster::transport::observer {
public:
  /// `loop` and `store` outlive the shell. `ask_work` asks the work loop for a sign of life, which is `work_turned`; without
  /// peers it is never asked.
  control_shell(work_loop& loop, control_store& store, cluster::controller_config config,
                cluster::controller_start found, control_listener listener,
                std::function<void(std::function<void()> then)> ask_work);
  ~control_shell();

  /// The links to other nodes. Before `start`.
  void use(std::unique_ptr<cluster::transport> links);

  void start();
  void submit(std::uint64_t number, cluster::command command);
  void read(std::uint64_t number);
  void stop();
  bool finish_disk(std::chrono::steady_clock::time_point deadline) { return disk_.finish(deadline); }

  const cluster::controller& controller() const { return controller_; }

private:
  void step(cluster::controller_event event);
  void tell();

  void perform(cluster::effects::send&& e);
  void perform(cluster::effects::answer&& e);
  void perform(cluster::effects::readable&& e);
  void perform(cluster::effects::applied&& e);
  void perform(cluster::effects::replaced&& e);
  void perform(cluster::effects::seated&& e);
  void perform(cluster::effects::lease&& e);
  void perform(cluster::effects::keep_snapshot&& e);
  void perform(cluster::effects::set_timer&& e);
  void perform(cluster::effects::fatal&& e);
  void perform(cluster::effects::stopped&& e);
  void perform(raft::store&& e);
  void perform(raft::keep_chunk&& e);
  void perform(raft::install&& e);
  void perform(raft::fetch_chunk&& e);
  void perform(raft::role&& e);

  void on_disk(control_disk::report report);
  void settle_consensus();
  void watch_work();

  void on_up(node_uuid peer, std::uint64_t incarnation) override;
  void on_frame(node_uuid peer, cluster::channel on, bytes frame) override;
  void on_down(node_uuid peer, std::uint64_t incarnation, const std::string& reason) override;
  void on_gone(node_uuid peer, std::uint64_t incarnation) override;

  work_loop& loop_;
  const node_uuid self_;
  control_listener listener_;
  std::function<void(std::function<void()>)> ask_work_;
  cluster::controller controller_;
  std::unique_ptr<cluster::transport> links_;
  loop_timer timer_;
  loop_timer lease_timer_;
  loop_timer work_timer_;
  std::optional<std::chrono::steady_clock::time_point> asked_work_; // when, and it has not answered
  cluster::instant lease_{};
  seat_id seat_;
  node_uuid leader_;
  bool said_consensus_ = false;
  control::consensus told_;
  control::entries news_;
  std::vector<std::pair<std::uint64_t, cluster::outcome>> decided_; // told after the news
  control_disk::content snapshot_;                                  // for others; empty without links
  raft::snapshot_mark coming_;                                      // of the state that is coming in
  std::string coming_content_;
  std::shared_ptr<control_shell*> alive_; // null for what is posted after our end
  control_disk disk_;                     // last: its thread ends first
};

} // namespace hearth::node
