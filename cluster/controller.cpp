#include "cluster/controller.hpp"

#include "cluster/control_plane.hpp"

#include <utility>

namespace hearth::cluster {

controller::controller(controller_config how, controller_start disk, instant now)
  : plane_(std::make_unique<control_plane>(std::move(how), std::move(disk), now)) {}

controller::controller(controller&&) noexcept = default;
controller& controller::operator=(controller&&) noexcept = default;
controller::~controller() = default;

controller_effects controller::step(controller_event what, instant now) { return plane_->step(std::move(what), now); }
const control_state& controller::state() const { return plane_->state(); }
const raft::node& controller::log() const { return plane_->log(); }
seat_id controller::seat() const { return plane_->seat(); }
instant controller::lease_until() const { return plane_->lease_until(); }
std::vector<controller::sign_of_life> controller::heard() const { return plane_->heard(); }

namespace {

raft::config core_config(const controller_config& how) {
  raft::config core;
  core.self = how.self;
  core.seed = how.nonce;
  core.entries_behind_snapshot = how.entries_behind_snapshot;
  core.mutations = how.raft_mutations;
  return core;
}

control_state state_at_start(const controller_config& how, controller_start& disk) {
  if (disk.image)
    return control_state(std::move(*disk.image), how.state_mutations);
  return control_state(disk.log.snapshot.voters, how.state_mutations);
}

} // namespace

// The numbers of this process are not those of the one before it, which may still be in the log.
control_plane::control_plane(controller_config how, controller_start disk, instant now)
  : how_(std::move(how)), now_(now), log_(core_config(how_), disk.log, now), state_(state_at_start(how_, disk)),
    next_number_((how_.nonce << 32) + 1) {
  feed(raft::tick{});
  tell_learners();
}

controller_effects control_plane::step(controller_event what, instant now) {
  now_ = std::max(now_, now);
  out_.clear();
  if (!lost_) {
    wake_ = raft::never;
    std::visit([this](auto&& event) { on(std::forward<decltype(event)>(event)); }, std::move(what));
    if (log_timer_ <= now_) {
      log_timer_ = raft::never; // it goes off once, and is set anew by the core
      feed(raft::tick{});
    }
    drain();
    ask_for_seat();
    look_after_lease();
    look_after_seats();
    look_after_orphans();
    look_after_submissions();
    drain();
    wake_at(log_timer_);
    if (wake_ != told_timer_ || wake_ <= now_)
      out_.emplace_back(effects::set_timer{told_timer_ = wake_});
  }
  return std::exchange(out_, {});
}

void control_plane::on(events::tick what) {
  if (what.unix_ms != 0) {
    unix_ms_ = what.unix_ms;
    unix_at_ = now_;
  }
  feed(raft::tick{});
}

void control_plane::on(events::received what) {
  const auto from = what.from;
  std::visit(
    [&](auto&& message) {
      using kind = std::decay_t<decltype(message)>;
      if constexpr (std::is_same_v<kind, raft::message>)
        feed(raft::received{from, std::move(message)});
      else if constexpr (std::is_same_v<kind, messages::submit>)
        propose(from, message.number, std::move(message.order));
      else if constexpr (std::is_same_v<kind, messages::ask_index>)
        ask_core(from, message.number);
      else if constexpr (std::is_same_v<kind, messages::turned_down>)
        turned_down(message);
      else if constexpr (std::is_same_v<kind, messages::heartbeat>)
        receive(from, message);
      else if (const auto found = readings_.find(message.number); found != readings_.end())
        found->second.index = message.index;
    },
    std::move(what.message));
  drain();
  finish_reads();
}

void control_plane::on(const events::link_up& what) { links_.insert(what.node); }

void control_plane::on(const events::link_down& what) {
  links_.erase(what.node);
  feed(raft::unreachable{what.node});
  const auto* seat = state_.seat_of(what.node);
  if (!what.process_is_gone || seat == nullptr || (what.incarnation != 0 && seat->incarnation > what.incarnation))
    return;
  if (in_charge())
    propose_own(end_seat{seat->seat, departure::died});
  else
    submit(end_seat{seat->seat, departure::died}, 0, purpose::notice);
}

void control_plane::on(events::submit what) { submit(std::move(what.order), what.request, purpose::asked); }

void control_plane::on(const events::work_loop_turned& what) {
  work_turned_ = true;
  loop_lag_ = what.lag;
}

void control_plane::on(const events::stop&) {
  if (stopping_)
    return;
  stopping_ = true;
  stop_at_ = now_ + defaults::decision_patience;
  if (seat_)
    submit(end_seat{seat_, departure::left}, 0, purpose::departure);
  else
    left_ = true;
}

std::uint64_t control_plane::unix_ms() const {
  return unix_ms_ + static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now_ - unix_at_).count());
}

void control_plane::give_up(ec code, std::string why) {
  if (!std::exchange(lost_, true))
    out_.emplace_back(effects::fatal{{code, std::move(why)}});
}

} // namespace hearth::cluster
