#include "node/interpreter/workshop.hpp"

#include "actors/capacity.hpp"
#include "core/defaults.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

namespace hearth::node {

namespace {

std::pair<kj::AutoCloseFd, kj::AutoCloseFd> two_ends(const char* what, int (*make)(int*)) {
  std::array<int, 2> ends{};
  if (make(ends.data()) != 0)
    throw std::system_error(errno, std::generic_category(), what);
  return {kj::AutoCloseFd(ends[0]), kj::AutoCloseFd(ends[1])};
}

// Blocking at the interpreter's side; our streams read and write without waiting either way.
int make_socket(int* ends) {
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return -1;
  const int size = defaults::interpreter_send_buffer_bytes;
  return ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

int make_pipe(int* ends) {
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return -1;
  return ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

failure cannot_make(const std::exception& error) {
  return {ec::start_failed, std::string("A replica cannot be made on this node (") + error.what() + ")."};
}

} // namespace

workshop::workshop(const workshop_tools& tools, spec_ptr spec) : tools_(tools), spec_(std::move(spec)) {}

// -- orders ----

bool workshop::take(replica_order order) {
  forgotten_ = false;
  waiting_.push_back({std::move(order)});
  if (stopping_) {
    fail_waiting({ec::shutting_down, std::string(sentence(ec::shutting_down))});
    return false;
  }
  serve();
  const auto wanted = spawn_reason_ ? waiting_.size() : std::min<std::size_t>(1, waiting_.size());
  if (launching_ + count(stage::starting) >= wanted)
    return false;
  ++launching_;
  return true;
}

void workshop::launch(const std::string& directory) {
  --launching_;
  directory_ = directory;
  if (!waiting_.empty() && parent_ == nullptr && !stopping_)
    start_process();
}

void workshop::refuse(const failure& why) {
  --launching_;
  fail_waiting(why);
}

void workshop::start_process() {
  try {
    const auto starting = command_for(tools_.isolation, *spec_, interpreter_words(spec_->python, tools_.boot),
                                      tools_.boot, tools_.variables, directory_);
    auto process = hearth::node::launch(starting);
    const bool in_sandbox = starting.has_sandbox();
    const auto orders = zygote_message::configure(*spec_, directory_, tools_.force_spawn, in_sandbox);
    zygote::owner& self = *this;
    hands_.push_back({std::make_unique<zygote>(tools_.loop, std::move(process), in_sandbox, *spec_, orders, self)});
  } catch (const std::exception& error) {
    fail_waiting({ec::start_failed, "The interpreter " + spec_->python + " of environment '" + spec_->name
                                      + "' cannot be started (" + error.what()
                                      + "). Choose another with TaskEnvironment(python=...) or HEARTH_PYTHON."});
  }
}

void workshop::answer_rehearsals() {
  std::erase_if(waiting_, [this](const wish& wanted) {
    if (wanted.order.rehearses)
      unmake(wanted.order, {});
    return wanted.order.rehearses;
  });
}

void workshop::serve() {
  if (parent_ != nullptr)
    answer_rehearsals();
  while (parent_ != nullptr && !waiting_.empty()) {
    const auto wanted = std::move(waiting_.front());
    waiting_.pop_front();
    fork(wanted);
  }
}

/// The start of a process failed. One that was started for a single replica takes one order with it; before anything is
/// known of the environment, all that waited for it.
void workshop::fail_waiting(const failure& why) {
  do {
    if (waiting_.empty())
      return;
    const auto wanted = std::move(waiting_.front());
    waiting_.pop_front();
    unmake(wanted.order, why);
  } while (!spawn_reason_ || stopping_);
}

void workshop::unmake(const replica_order& order, const failure& why) {
  caf::anon_send(order.replica, atom::unmade::value, why);
}

// -- making replicas ----

void workshop::fork(const wish& wanted) {
  const auto& order = wanted.order;
  try {
    auto [ours, theirs] = two_ends("socketpair", make_socket);
    auto [output, their_output] = two_ends("pipe2", make_pipe);
    auto table = slot_table::make(std::max<std::uint32_t>(1, order.slots));
    parent_->order(zygote_message::start(order, false, tools_.sets_gpus),
                   {theirs.get(), table.descriptor(), their_output.get()});
    table.close_descriptor();
    forking_.emplace(order.id, making{wanted, std::move(table), std::move(ours), std::move(output), parent_->pid()});
  } catch (const std::exception& error) {
    unmake(order, cannot_make(error));
  }
}

void workshop::become(zygote& from) {
  const auto wanted = std::move(waiting_.front());
  waiting_.pop_front();
  const auto& order = wanted.order;
  try {
    auto [ours, theirs] = two_ends("socketpair", make_socket);
    auto table = slot_table::make(std::max<std::uint32_t>(1, order.slots));
    from.order(zygote_message::start(order, true, tools_.sets_gpus), {theirs.get(), table.descriptor()});
    table.close_descriptor();
    auto process = from.release();
    attach({wanted, std::move(table), std::move(ours), std::move(process.output), 0},
           {process.pid, std::move(process.pidfd), {}, {}, true, process.sandbox, std::move(process.sandbox_pidfd)});
  } catch (const std::exception& error) {
    unmake(order, cannot_make(error));
  }
}

void workshop::attach(making what, interpreter_link::process process) {
  const auto& order = what.wanted.order;
  process.socket = std::move(what.socket);
  process.output = std::move(what.output);
  interpreter_link::settings settings;
  settings.talk = {order.id, tools_.default_python, has_slot_table_};
  settings.replica = order.replica;
  settings.memory_limit = memory_limit();
  settings.group = group_for(order.id, process.pid);
  settings.end_grace = end_grace_of(*spec_);
  settings.on_gone = [weak = weak_from_this(), id = order.id] {
    if (const auto self = weak.lock()) {
      self->made_.erase(id);
      self->tools_.on_change();
    }
  };
  const auto import = what.wanted.import;
  const attachment how{what.table.size(),
                       has_slot_table_,
                       what.zygote != 0,
                       spawn_reason_.value_or(std::string{}),
                       clock::now() - what.wanted.since - import,
                       import};
  auto link = std::make_shared<interpreter_link>(tools_.loop, std::move(process), std::move(what.table), settings);
  made_.emplace(order.id, made{link, what.zygote});
  const auto door = spawn_interpreter(tools_.loop, link);
  caf::anon_send(order.replica, atom::attach::value, door, how);
}

std::uint64_t workshop::memory_limit() const noexcept {
  const auto own = memory_limit_of(spec_->resources);
  return own != 0 ? own : tools_.default_memory_limit;
}

/// Null where nothing is limited or the kernel refuses: then memory is watched.
std::shared_ptr<const cgroup> workshop::group_for(replica_id id, pid_t pid) const {
  const auto& asked = spec_->resources;
  const cgroup_limits limits{memory_limit(), demand_of(asked).cpu_millis, tools_.cpu_bars ? asked.cpu_limit_millis : 0};
  if (tools_.groups == nullptr || (limits.memory_bytes == 0 && limits.cpu_millis == 0))
    return nullptr;
  std::shared_ptr<const cgroup> made = tools_.groups->make(id, limits);
  return made && made->add(pid) ? made : nullptr;
}

// -- what zygotes say ----

void workshop::count_imports(const zygote& from) {
  const auto now = clock::now();
  const auto started = hand_of(from).started;
  for (auto& wanted : waiting_)
    wanted.import = now - std::max(started, wanted.since);
}

void workshop::on_ready(zygote& from, const zygote_message::ready& what) {
  count_imports(from);
  answer_rehearsals();
  has_slot_table_ = what.has_slot_table;
  if (what.can_fork && parent_ == nullptr) {
    hand_of(from).at = stage::parent;
    parent_ = &from;
    spawn_reason_.reset();
    return serve();
  }
  if (!what.can_fork)
    spawn_reason_ = what.spawn_reason;
  if (what.can_fork || waiting_.empty())
    return end(hand_of(from));
  become(from);
  std::erase_if(hands_, [&](const hand& h) { return h.process.get() == &from; });
  // Those that waited to be forked need processes of their own.
  while (launching_ + count(stage::starting) < waiting_.size()) {
    const auto before = waiting_.size();
    start_process();
    if (waiting_.size() < before)
      break;
  }
}

void workshop::on_forked(zygote& from, const zygote_message::forked& what, kj::AutoCloseFd pidfd) {
  const auto found = forking_.find(what.replica);
  if (found == forking_.end())
    return;
  auto made = std::move(found->second);
  forking_.erase(found);
  const auto order = made.wanted.order;
  // It ends by itself, because the other end of its socket goes with `made`.
  if (pidfd == nullptr)
    return unmake(order,
                  {ec::start_failed, "A replica cannot be made on this node (no descriptor is left; see ulimit -n)."});
  // What the zygote says is not believed: the number may be one of its sandbox's own, or a lie.
  const auto pid = pid_of(pidfd);
  if (pid == 0)
    return unmake(order, {ec::interpreter_lost, "A replica of " + order.spec->name + " ended before it began."});
  try {
    attach(std::move(made), {pid, std::move(pidfd), {}, {}, false});
  } catch (const std::exception& error) {
    unmake(order, cannot_make(error));
    end(hand_of(from)); // what it forked ends with it
  }
}

void workshop::on_exited(zygote&, const zygote_message::exited& what) {
  if (const auto never = forking_.find(what.replica); never != forking_.end()) {
    const auto order = never->second.wanted.order;
    forking_.erase(never);
    return unmake(order, {ec::start_failed, "A replica of " + order.spec->name + " could not be forked: " + what.reason
                                              + ". `ulimit -u` and the node's memory bound how many there can be."});
  }
  if (const auto found = made_.find(what.replica); found != made_.end()) {
    const auto link = found->second.link; // may leave the table with this
    link->ended(what.signal != 0 ? exit_status{0, what.signal} : exit_status{what.status, 0});
  }
}

void workshop::on_end(zygote& from, const failure& why) {
  const auto keep = shared_from_this();
  const auto pid = from.pid();
  const auto at = hand_of(from).at;
  if (parent_ == &from)
    parent_ = nullptr;
  std::erase_if(hands_, [&](const hand& h) { return h.process.get() == &from; });
  for (auto it = forking_.begin(); it != forking_.end();) {
    if (it->second.zygote != pid) {
      ++it;
      continue;
    }
    unmake(it->second.wanted.order, why);
    it = forking_.erase(it);
  }
  // What it forked ends with it, and nobody is left to say how.
  const auto all = made_;
  for (const auto& [id, one] : all)
    if (one.zygote == pid)
      one.link->unattended();
  if (at == stage::starting)
    fail_waiting(why);
  tools_.on_change();
}

workshop::hand& workshop::hand_of(const zygote& process) {
  return *std::find_if(hands_.begin(), hands_.end(), [&](const hand& h) { return h.process.get() == &process; });
}

std::size_t workshop::count(stage at) const noexcept {
  return static_cast<std::size_t>(
    std::count_if(hands_.begin(), hands_.end(), [&](const hand& h) { return h.at == at; }));
}

// -- the end ----

void workshop::end(hand& which) {
  which.at = stage::ending;
  if (parent_ == which.process.get())
    parent_ = nullptr;
  which.process->end();
}

void workshop::forget() {
  forgotten_ = true;
  tidy();
}

void workshop::tidy() {
  if ((!forgotten_ && !stopping_) || !idle())
    return;
  for (auto& h : hands_)
    if (h.at != stage::ending)
      end(h);
}

void workshop::stop() {
  stopping_ = true;
  const failure why{ec::shutting_down, std::string(sentence(ec::shutting_down))};
  fail_waiting(why);
  for (auto& [id, made] : std::exchange(forking_, {}))
    unmake(made.wanted.order, why);
  for (const auto& [id, one] : made_)
    one.link->halt(!spec_->has_stop_hooks(), why);
  tidy(); // zygotes end after what they forked, which would end with them
}

bool workshop::idle() const noexcept {
  return waiting_.empty() && launching_ == 0 && forking_.empty() && made_.empty();
}

bool workshop::empty() const noexcept { return idle() && hands_.empty(); }

// -- the census ----

bool workshop::knows(pid_t pid) const noexcept {
  return std::any_of(hands_.begin(), hands_.end(), [&](const hand& h) { return h.process->pid() == pid; })
         || std::any_of(made_.begin(), made_.end(),
                        [&](const auto& entry) { return entry.second.link->is_child(pid); });
}

void workshop::strays(std::vector<pid_t>& into) const {
  for (const auto& h : hands_)
    for (const auto pid : h.process->strays())
      into.push_back(pid);
}

void workshop::limited(std::vector<std::shared_ptr<interpreter_link>>& into) const {
  for (const auto& [id, one] : made_)
    if (one.link->watched_limit() != 0)
      into.push_back(one.link);
}

void workshop::grown(std::vector<std::shared_ptr<interpreter_link>>& into) const {
  if (may_grow())
    for (const auto& [id, one] : made_)
      if (one.link->has_served())
        into.push_back(one.link);
}

bool workshop::may_grow() const noexcept { return spec_->reuse.recycle_growth_bytes != 0 && !idle(); }

bool workshop::is_limited() const noexcept { return memory_limit() != 0 && !idle(); }

void workshop::list(std::vector<std::pair<replica_id, std::uint64_t>>& into) const {
  for (const auto& [id, one] : made_)
    into.emplace_back(id, resident_bytes_of(one.link->pid()));
}

} // namespace hearth::node
