#include "node/control/control_shell.hpp"

#include "core/defaults.hpp"
#include "node/calendar.hpp"
#include "node/store/digest.hpp"
#include "node/wire/control_log.hpp"
#include "node/wire/control_message.hpp"

#include <spdlog/spdlog.h>

#include <ctime>
#include <utility>

namespace hearth::node {

namespace {

/// Counts while the machine sleeps, as leases do.
cluster::instant boot_time() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

} // namespace

/// The lease is read before the seat: one that was set for a later seat is not taken for this one's.
bool lease_clock::holds(seat_id seat) const noexcept {
  const auto until = until_.load(std::memory_order_acquire);
  return seat && seat_.load(std::memory_order_acquire) == seat.value && boot_time().count() < until;
}

control_shell::control_shell(work_loop& loop, control_store& store, cluster::controller_config config,
                             cluster::controller_start found, control_listener listener,
                             std::function<void(std::function<void()>)> ask_work)
  : loop_(loop), self_(config.self), listener_(std::move(listener)), ask_work_(std::move(ask_work)),
    controller_(std::move(config), std::move(found), boot_time()),
    timer_(loop.timers(), [this] { step(cluster::events::tick{unix_ms()}); }),
    lease_timer_(loop.timers(), [this] { settle_consensus(); }), work_timer_(loop.timers(), [this] { watch_work(); }),
    alive_(std::make_shared<control_shell*>(this)), disk_(store, [this, alive = alive_](control_disk::report report) {
      loop_.post([alive, report = std::make_shared<control_disk::report>(std::move(report))] {
        if (*alive)
          (*alive)->on_disk(std::move(*report));
      });
    }) {}

control_shell::~control_shell() { *alive_ = nullptr; }

void control_shell::use(std::unique_ptr<cluster::transport> links) {
  links_ = std::move(links);
  snapshot_.index = controller_.log().snapshot().index;
  snapshot_.bytes = wire::encode(controller_.state().image()); // before anything is applied: what the disk has
  snapshot_.digest = sha256_of(snapshot_.bytes);
}

void control_shell::start() {
  listener_.on_image(
    std::make_shared<const cluster::control_image>(cluster::control_image(controller_.state().image())));
  if (links_)
    watch_work();
  step(cluster::events::tick{unix_ms()});
}

void control_shell::submit(std::uint64_t number, cluster::command command) {
  step(cluster::events::submit{number, std::move(command)});
}

void control_shell::read(std::uint64_t number) { step(cluster::events::read{number}); }

void control_shell::stop() { step(cluster::events::stop{}); }

void control_shell::step(cluster::controller_event event) {
  for (auto& effect : controller_.step(std::move(event), boot_time()))
    std::visit([this](auto& e) { perform(std::move(e)); }, effect);
  disk_.write_next(false);
  tell();
}

/// Entries first, so that whoever is answered finds what was decided.
void control_shell::tell() {
  if (!news_.empty())
    listener_.on_entries(std::exchange(news_, {}));
  for (auto& [number, outcome] : std::exchange(decided_, {}))
    listener_.on_decided(number, std::move(outcome));
}

// -- effects ----

void control_shell::perform(cluster::effects::send&& e) {
  if (links_) // a frame that is not taken is lost, as any may be
    links_->send(e.to, cluster::channel::control, bytes::copy_of(wire::encode(e.message)));
}

void control_shell::perform(cluster::effects::answer&& e) { decided_.emplace_back(e.request, std::move(e.result)); }

void control_shell::perform(cluster::effects::readable&& e) { decided_.emplace_back(e.request, cluster::outcome{}); }

void control_shell::perform(cluster::effects::applied&& e) { news_.push_back({e.index, std::move(e.order)}); }

void control_shell::perform(cluster::effects::replaced&&) {
  news_.clear(); // they are in the image
  listener_.on_image(
    std::make_shared<const cluster::control_image>(cluster::control_image(controller_.state().image())));
}

void control_shell::perform(cluster::effects::seated&& e) {
  seat_ = e.seat;
  if (listener_.lease)
    listener_.lease->begin(e.seat);
  if (e.seat)
    spdlog::info("this node has seat {} in its cluster", e.seat.value);
  else
    spdlog::warn("this node has lost its seat in its cluster");
  settle_consensus();
}

void control_shell::perform(cluster::effects::lease&& e) {
  lease_ = e.until;
  if (listener_.lease)
    listener_.lease->set(e.until);
  settle_consensus();
}

void control_shell::perform(cluster::effects::keep_snapshot&& e) {
  disk_.add(control_disk::snapshot{
    e.mark, std::move(e.image), {}, e.sealing ? later_entries::drop : later_entries::keep, false});
}

void control_shell::perform(cluster::effects::set_timer&& e) {
  if (e.at == raft::never)
    timer_.cancel();
  else
    timer_.set(std::max(e.at - boot_time(), cluster::instant{0}));
}

void control_shell::perform(cluster::effects::fatal&& e) { listener_.on_fatal(std::move(e.why)); }

void control_shell::perform(cluster::effects::stopped&&) { listener_.on_stopped(); }

void control_shell::perform(raft::store&& e) { disk_.add(std::move(e)); }

void control_shell::perform(raft::keep_chunk&& e) {
  if (e.offset == 0) {
    coming_ = e.mark;
    coming_content_.clear();
  }
  if (e.mark == coming_ && e.offset == coming_content_.size()
      && coming_content_.size() + e.data.size() <= defaults::control_snapshot_bytes_max)
    coming_content_ += e.data;
}

void control_shell::perform(raft::install&& e) {
  disk_.add(control_disk::snapshot{e.mark, std::exchange(coming_content_, {}), e.digest, later_entries::drop, true});
}

void control_shell::perform(raft::fetch_chunk&& e) {
  if (e.index != snapshot_.index || e.offset > snapshot_.bytes.size())
    return; // there is a newer one; the other side asks again
  raft::snapshot_data answer;
  answer.to = e.to;
  answer.index = e.index;
  answer.offset = e.offset;
  answer.data = snapshot_.bytes.substr(e.offset, defaults::control_chunk_bytes);
  answer.last = e.offset + answer.data.size() == snapshot_.bytes.size();
  answer.digest = snapshot_.digest;
  loop_.post([alive = alive_, answer = std::move(answer)]() mutable { // not from within a step
    if (*alive)
      (*alive)->step(std::move(answer));
  });
}

void control_shell::perform(raft::role&& e) {
  if (e.leader != leader_ && e.leader)
    spdlog::info("the control log is led by {} in term {}", e.leader == self_ ? "this node" : to_string(e.leader),
                 e.term);
  leader_ = e.leader;
  settle_consensus();
}

// -- disk, lease, work loop ----

void control_shell::on_disk(control_disk::report report) {
  if (report.snapshot && links_)
    snapshot_ = std::move(*report.snapshot);
  disk_.write_next(true);
  for (auto& event : report.events)
    step(std::move(event));
}

void control_shell::settle_consensus() {
  const auto here = boot_time(); // a lease may be the earliest time that there is, so it is compared, not subtracted
  control::consensus now;
  now.has_lease = lease_ > here;
  now.seat = seat_;
  now.leader = leader_;
  if (!now.has_lease)
    now.why_not = leader_ ? "This node is cut off from its cluster for the moment; try again soon, or ask another node."
                          : std::string(sentence(ec::no_quorum));
  if (now.has_lease && lease_ != cluster::instant::max())
    lease_timer_.set(lease_ - here);
  if (std::exchange(said_consensus_, true) && now.has_lease == told_.has_lease && now.leader == told_.leader
      && now.seat == told_.seat && now.why_not == told_.why_not)
    return;
  told_ = now;
  tell(); // in the order in which it happened
  listener_.on_consensus(std::move(now));
}

/// A work loop that does not turn serves nobody, so another node should have what is its; one that is late is told to those
/// who wait for it.
void control_shell::watch_work() {
  using clock = std::chrono::steady_clock;
  work_timer_.set(defaults::work_watch_interval);
  if (asked_work_)
    return; // it has not answered yet
  asked_work_ = clock::now();
  ask_work_([this, alive = alive_] {
    loop_.post([alive] {
      if (!*alive)
        return;
      auto& shell = **alive;
      const auto lag = clock::now() - *std::exchange(shell.asked_work_, std::nullopt);
      shell.step(cluster::events::work_loop_turned{lag});
    });
  });
}

// -- links ----

void control_shell::on_up(node_uuid peer, std::uint64_t) {
  spdlog::info("the link to node {} is up", to_string(peer));
  step(cluster::events::link_up{peer});
}

void control_shell::on_frame(node_uuid peer, cluster::channel, bytes frame) {
  auto message = wire::decode_message(frame.view());
  if (auto* why = std::get_if<failure>(&message)) {
    if (links_)
      links_->drop(peer, why->message);
    return;
  }
  step(cluster::events::received{peer, std::move(std::get<cluster::control_message>(message))});
}

void control_shell::on_down(node_uuid peer, std::uint64_t incarnation, const std::string& reason) {
  spdlog::info("the link to node {} is down: {}", to_string(peer), reason);
  step(cluster::events::link_down{peer, false, incarnation});
}

void control_shell::on_gone(node_uuid peer, std::uint64_t incarnation) {
  spdlog::info("the process of node {} is gone", to_string(peer));
  step(cluster::events::link_down{peer, true, incarnation});
}

} // namespace hearth::node
