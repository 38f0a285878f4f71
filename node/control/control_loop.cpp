#include "node/control/control_loop.hpp"

#include "core/defaults.hpp"
#include "node/identity/openssl.hpp"
#include "node/start_error.hpp"
#include "node/store/disk_error.hpp"
#include "node/wire/control_log.hpp"
#include "node/wire/control_message.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace hearth::node {

namespace {

std::uint64_t random_number() {
  std::uint64_t number = 0;
  const auto drawn = random_bytes(sizeof number);
  std::memcpy(&number, drawn.data(), sizeof number);
  return number;
}

/// What the disk holds; a voter of a new cluster writes down first with which voters the log begins.
cluster::controller_start read_store(control_store& store, const control_config& config) {
  auto stored = store.take_stored();
  cluster::controller_start found{std::move(stored.state), std::nullopt};
  const bool is_new = found.log.snapshot.generation == 0;
  const auto& voters = config.voters;
  if (is_new && std::find(voters.begin(), voters.end(), config.self) != voters.end()) {
    found.log.snapshot = {0, 0, 1, voters};
    std::sort(found.log.snapshot.voters.begin(), found.log.snapshot.voters.end());
    found.image = cluster::control_state(found.log.snapshot.voters).image();
    store.write_snapshot(found.log.snapshot, wire::encode(*found.image), later_entries::keep);
    return found;
  }
  if (is_new) { // it follows the log of others, from its beginning
    found.image = cluster::control_state(voters).image();
    return found;
  }
  auto image = wire::decode_image(stored.snapshot.view());
  if (auto* why = std::get_if<failure>(&image))
    throw start_error("The control log of this node (" + config.directory.string()
                      + ") is not readable: " + why->message);
  found.image = std::move(std::get<cluster::control_image>(image));
  if (stored.restored) {
    if (found.log.snapshot.voters.size() > 1)
      throw start_error("The control log in " + config.directory.string()
                        + " was restored from a backup, and other voters may know more than it does. Remove that "
                          "folder, and the node gets everything from them.");
    store.accept_restored();
  }
  return found;
}

} // namespace

control_loop::control_loop(control_config config, work_loop& work, control_listener listener)
  : config_(std::move(config)), work_(work), listener_(on_work_loop(std::move(listener))), process_(random_number()) {
  try {
    store_ = std::make_unique<control_store>(config_.directory);
    found_ = read_store(*store_, config_);
    incarnation_ = store_->next_incarnation();
  } catch (const start_error&) {
    throw;
  } catch (const disk_error&) {
    throw;
  } catch (const std::exception& e) {
    throw start_error(e.what());
  }
}

control_loop::~control_loop() {
  *ended_ = true;
  if (thread_.joinable())
    stop(std::chrono::milliseconds{0});
}

/// What happens on the control loop is heard on the work loop, in its order.
control_listener control_loop::on_work_loop(control_listener listener) {
  const auto post = [this, ended = ended_](auto call) {
    return [this, ended, call](auto... what) {
      work_.post([ended, call, ... what = std::move(what)]() mutable {
        if (!*ended)
          call(std::move(what)...);
      });
    };
  };
  control_listener result;
  result.on_image = post(std::move(listener.on_image));
  result.on_entries = post(std::move(listener.on_entries));
  result.on_consensus = post(std::move(listener.on_consensus));
  result.on_decided = post(std::move(listener.on_decided));
  result.on_fatal = post(std::move(listener.on_fatal));
  result.on_stopped = [this] { over_->fulfill(); };
  result.lease = std::move(listener.lease);
  return result;
}

void control_loop::start() {
  std::promise<void> started;
  thread_ = std::thread([this, &started] { run(started); });
  started.get_future().wait();
}

void control_loop::run(std::promise<void>& started) {
  work_loop loop([](std::string_view what) { spdlog::error("control: {}", what); });
  auto end = kj::newPromiseAndFulfiller<void>();
  cluster::controller_config how;
  how.self = config_.self;
  how.name = config_.name;
  how.incarnation = incarnation_;
  how.nonce = process_;
  how.address = config_.address;
  how.capacity = config_.capacity;
  how.level += config_.versions_ahead;
  how.founders = config_.founders;
  how.encode = wire::encode_entry;
  how.decode = wire::decode_entry;
  {
    control_shell shell(loop, *store_, std::move(how), std::move(found_), std::move(listener_),
                        [this, ended = ended_](std::function<void()> then) {
                          work_.post([ended, then = std::move(then)] {
                            if (!*ended)
                              then();
                          });
                        });
    if (config_.connect)
      shell.use(config_.connect(loop, shell));
    loop_timer deadline(loop.timers(), [this] { over_->fulfill(); });
    deadline_ = &deadline;
    loop_ = &loop;
    shell_ = &shell;
    over_ = end.fulfiller.get();
    started.set_value();
    shell.start();
    loop.run(std::move(end.promise));
    if (!shell.finish_disk(std::chrono::steady_clock::now() + defaults::stop_grace)) {
      spdlog::warn("the disk of the control log did not end in time");
      spdlog::shutdown();
      std::_Exit(0);
    }
  }
  loop.stop({}, std::chrono::steady_clock::now());
}

void control_loop::submit(std::uint64_t number, cluster::command command) {
  loop_->post([this, number, command = std::move(command)]() mutable { shell_->submit(number, std::move(command)); });
}

void control_loop::read(std::uint64_t number) {
  loop_->post([this, number] { shell_->read(number); });
}

void control_loop::stop(std::chrono::milliseconds patience) {
  *ended_ = true;
  loop_->post([this, patience] {
    deadline_->set(patience);
    if (patience.count() > 0)
      shell_->stop();
  });
  thread_.join();
}

} // namespace hearth::node
