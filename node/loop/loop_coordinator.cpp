#include "node/loop/loop_coordinator.hpp"

#include "core/defaults.hpp"

#include <caf/actor_system.hpp>
#include <caf/make_actor.hpp>
#include <caf/monitorable_actor.hpp>
#include <caf/scheduled_actor.hpp>
#include <caf/type_id.hpp>

#include <cstdio>
#include <exception>
#include <string>

namespace hearth {

namespace {

/// Where CAF's own complaints go (`caf::aout`, unhandled exceptions): to standard error, at once, from any thread.
class error_printer final : public caf::monitorable_actor {
public:
  explicit error_printer(caf::actor_config& config) : caf::monitorable_actor(config) {}

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit*) override {
    const auto& content = what->content();
    if (content.match_elements<caf::add_atom, caf::actor_id, std::string>()) {
      const auto& text = content.get_as<std::string>(2);
      std::fwrite(text.data(), 1, text.size(), stderr);
    }
  }
};

/// Whether jobs of this kind are actors, which know the system they belong to.
bool is_actor(const caf::resumable* job) {
  return job->subtype() == caf::resumable::scheduled_actor || job->subtype() == caf::resumable::io_actor;
}

} // namespace

loop_coordinator::unit::unit(loop_coordinator& owner) : caf::execution_unit(&owner.system()), owner_(owner) {}

void loop_coordinator::unit::exec_later(caf::resumable* job) {
  // CAF runs a receiver where its sender runs; an actor of another loop belongs to that loop's thread.
  if (is_actor(job)) {
    auto& home = static_cast<caf::scheduled_actor*>(job)->home_system();
    if (&home != &owner_.system()) {
      home.scheduler().enqueue(job);
      return;
    }
  }
  owner_.enqueue(job);
}

loop_coordinator::loop_coordinator(caf::actor_system& system, loop_host& host)
  : abstract_coordinator(system), host_(host), clock_(host), unit_(*this) {}

void loop_coordinator::enqueue(caf::resumable* job) {
  if (host_.on_loop())
    jobs_.push_back(job);
  else
    remote_.push(job);
  host_.wake();
}

void loop_coordinator::collect() {
  remote_.take(collected_);
  jobs_.insert(jobs_.end(), collected_.begin(), collected_.end());
  collected_.clear();
}

void loop_coordinator::run(std::size_t resumes, std::chrono::nanoseconds time) {
  if (jobs_.empty())
    return;
  const auto end = clock_.now() + time;
  for (std::size_t n = 0; n < resumes && !jobs_.empty(); ++n) {
    auto* job = jobs_.front();
    jobs_.pop_front();
    resume(job);
    if (clock_.now() >= end)
      return;
  }
}

void loop_coordinator::resume(caf::resumable* job) {
  try {
    switch (job->resume(&unit_, defaults::messages_per_resume)) {
      case caf::resumable::resume_later:
        jobs_.push_back(job);
        return;
      case caf::resumable::shutdown_execution_unit:
        return;
      case caf::resumable::awaiting_message:
      case caf::resumable::done:
        caf::intrusive_ptr_release(job);
        return;
    }
  } catch (const std::exception& error) {
    host_.report(std::string{"An actor threw outside its handlers and is ended: "} + error.what());
  } catch (...) {
    host_.report("An actor threw outside its handlers and is ended.");
  }
  // CAF catches what handlers throw; past that an actor is in no state to go on, and whoever monitors it must hear.
  cleanup_and_release(job);
}

void loop_coordinator::start() {
  caf::actor_config config{&unit_};
  auto& home = system();
  utility_actors_[printer_id] = caf::make_actor<error_printer, caf::actor>(home.next_actor_id(), home.node(), &home,
                                                                           config);
}

void loop_coordinator::stop() {
  clock_.cancel_all();
  collect();
  // Ending actors wake those that monitor them, so a few rounds; what is busy after that would be so for ever.
  for (auto left = jobs_.size() * 4 + defaults::resumes_per_turn; left > 0 && !jobs_.empty(); --left) {
    auto* job = jobs_.front();
    jobs_.pop_front();
    resume(job);
    collect();
  }
  while (!jobs_.empty()) {
    auto* job = jobs_.front();
    jobs_.pop_front();
    cleanup_and_release(job);
    collect();
  }
}

} // namespace hearth
