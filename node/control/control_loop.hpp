#pragma once

#include "actors/controller.hpp"
#include "cluster/controller.hpp"
#include "cluster/transport.hpp"
#include "core/errors.hpp"
#include "node/loop/loop.hpp"
#include "node/store/control_store.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

namespace hearth::node {

/// The control plane of a node: the shell around `cluster::controller`. It has a thread and a loop of its own, so that
/// heartbeats and the log wait for nothing that the work loop does, and a second thread for the disk, so that they do not wait
/// for that either. What it decides goes to the CONTROLLER actor on the work loop.
struct control_config {
  node_uuid self;
  std::string name;
  std::string address; // of the link; empty: nowhere
  cluster::node_capacity capacity;
  std::vector<node_uuid> voters;               // with which the log begins, if this is one of them
  std::vector<cluster::admit_node> founders;   // likewise
  std::filesystem::path directory;             // of the store

  /// Makes the links to other nodes, on the control loop's thread; empty: there are none. What it returns is destroyed there.
  using connector = std::function<std::unique_ptr<cluster::transport>(work_loop&, cluster::transport::observer&,
                                                                      std::uint64_t incarnation, std::uint64_t process)>;
  connector connect;
};

class control_loop final : private cluster::transport::observer {
public:
  /// What is told to the work loop; each is called there. They must not throw.
  struct listener {
    std::function<void(control::image_ptr)> on_image;
    std::function<void(control::entries)> on_entries;
    std::function<void(control::consensus)> on_consensus;
    std::function<void(std::uint64_t number, cluster::outcome)> on_decided;
    /// The node cannot go on; the sentence says why.
    std::function<void(failure)> on_fatal;
    /// The link to a node ended; its host says that nobody listens there any more (or its seat ended).
    std::function<void(node_uuid)> on_gone;
  };

  /// Opens the store: throws start_error when it is damaged, and disk_error. `work` outlives the control loop.
  control_loop(control_config config, work_loop& work, listener listener);

  /// Ends the thread, at once and without saying good-bye to the cluster.
  ~control_loop() noexcept override;
  control_loop(const control_loop&) = delete;
  control_loop& operator=(const control_loop&) = delete;

  /// Begins to take part. Work loop's thread.
  void start();

  /// Proposes a command; `on_decided` hears of it under this number, once. Any thread.
  void submit(std::uint64_t number, cluster::command command);

  /// Gives up the seat and lets another voter lead, at most for `patience`; then ends the thread.
  void stop(std::chrono::milliseconds patience);

  /// Writes a copy of the store; blocks. Any thread.
  void backup(const std::filesystem::path& target) const { store_.backup(target); }

  std::uint64_t incarnation() const noexcept { return incarnation_; }
  /// Random; the same on all links of this process.
  std::uint64_t process() const noexcept { return process_; }

private:
  // What goes to the disk, in order.
  struct keep {
    raft::snapshot_mark mark;
    std::variant<cluster::control_image, std::string> content; // still to be encoded, or as it came
    std::string digest;                                        // of what came: to be checked
    bool drops_log = false;
    bool is_installed = false;
  };
  using disk_job = std::variant<raft::store, keep>;

  void run();
  void begin(kj::Own<kj::PromiseFulfiller<void>> ended);
  void step(cluster::controller_event event);
  void tell_work();

  // Effects.
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

  void write_next();
  void written(std::vector<disk_job> done, std::vector<cluster::controller_event> events);
  std::vector<cluster::controller_event> write(std::vector<disk_job>& jobs);
  cluster::controller_event write(keep& what);
  void settle_lease();
  void watch_work_loop();

  // Links.
  void on_up(node_uuid peer, std::uint64_t incarnation) override;
  void on_frame(node_uuid peer, cluster::channel on, bytes frame) override;
  void on_down(node_uuid peer, std::uint64_t incarnation, const std::string& reason) override;
  void on_gone(node_uuid peer, std::uint64_t incarnation) override;

  const control_config config_;
  work_loop& work_;
  const listener listener_;
  control_store store_; // its writes are the disk thread's
  std::uint64_t incarnation_ = 0;
  std::uint64_t process_ = 0;
  cluster::controller_start found_;
  std::shared_ptr<control_loop*> self_; // null for what is posted after our end; the work loop's
  std::string snapshot_;                // the newest durable one, for others
  std::string snapshot_digest_;
  cluster::log_index snapshot_index_ = 0;

  struct inside; // what lives on the control loop's thread
  std::unique_ptr<inside> inside_;
  std::thread thread_;
};

} // namespace hearth::node
