#pragma once

#include "node/control/control_shell.hpp"

#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace hearth::node {

struct control_config {
  node_uuid self;
  std::string name;
  std::string address; // of the link; empty: nowhere
  cluster::node_capacity capacity;
  std::vector<node_uuid> voters;             // with which the log begins, if this node is one of them
  std::vector<cluster::admit_node> founders; // likewise
  std::filesystem::path directory;           // of the store
  std::uint32_t versions_ahead = 0;          // as in membership_config

  /// Makes the links to other nodes on the control loop's thread, where they end too; without it there are none.
  using connector = std::function<std::unique_ptr<cluster::transport>(work_loop&, cluster::transport::observer&)>;
  connector connect;
};

/// The control plane of a node as the work loop sees it: a thread with a loop of its own, so that heartbeats and the log wait
/// for nothing that the work loop does, and a second thread for the disk, so that they do not wait for that either.
class control_loop {
public:
  /// Opens the store. Throws start_error when it is damaged or cannot be opened. `work` outlives the control loop; what
  /// `listener` hears it hears on the work loop.
  control_loop(control_config config, work_loop& work, control_listener listener);

  /// Ends the threads, without a word to the cluster.
  ~control_loop();
  control_loop(const control_loop&) = delete;
  control_loop& operator=(const control_loop&) = delete;

  /// Begins to take part; the incarnation and process may be known to links from now on.
  void start();

  /// Proposes a command; `on_decided` hears of it under this number, once. Any thread.
  void submit(std::uint64_t number, cluster::command command);

  /// `on_decided` hears under this number, once, when `on_entries` has heard all that was decided until now. Any thread.
  void read(std::uint64_t number);

  /// Gives up the seat, lets another voter lead, and ends the threads; after `patience` without that.
  void stop(std::chrono::milliseconds patience);

  /// Writes a copy of the store; blocks. Any thread. Throws as control_store::backup.
  void backup(const std::filesystem::path& target) const { store_->backup(target); }

  std::uint64_t incarnation() const noexcept { return incarnation_; }
  /// Drawn at each start; the same on all links of this process.
  std::uint64_t process() const noexcept { return process_; }

private:
  void run(std::promise<void>& started);
  control_listener on_work_loop(control_listener listener);

  control_config config_;
  work_loop& work_;
  std::shared_ptr<bool> ended_ = std::make_shared<bool>(false); // the work loop's: nobody listens any more
  control_listener listener_;                                   // made with what is above
  std::unique_ptr<control_store> store_;
  std::uint64_t incarnation_ = 0;
  std::uint64_t process_ = 0;
  cluster::controller_start found_;
  work_loop* loop_ = nullptr;      // of the thread, while that runs
  control_shell* shell_ = nullptr; // likewise
  kj::PromiseFulfiller<void>* over_ = nullptr;
  loop_timer* deadline_ = nullptr; // of a stop
  std::thread thread_;
};

} // namespace hearth::node
