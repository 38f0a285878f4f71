#include "node/loop/loop.hpp"

#include "core/defaults.hpp"

#include <caf/actor_registry.hpp>
#include <caf/send.hpp>
#include <kj/common.h>
#include <kj/time.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <sched.h>
#include <string>
#include <utility>

namespace hearth {

work_loop::work_loop(std::function<void(std::string_view)> on_fault)
  : report_(std::move(on_fault)), io_(kj::setupAsyncIo()),
    bell_observer_(kj::heap<kj::UnixEventPort::FdObserver>(io_.unixEventPort, bell_.fd(),
                                                           kj::UnixEventPort::FdObserver::OBSERVE_READ)),
    reading_([this] { wake(); }), flushing_([this] { wake(); }), timers_([this] { wake(); }) {
  listening_ = listen().eagerlyEvaluate([this](kj::Exception&& error) { report(kj::str(error).cStr()); });
  // Only what is set here holds: the configuration is never parsed, which would read a file of the working directory.
  config_.module_factories.push_back([this](caf::actor_system& system) -> caf::actor_system::module* {
    coordinator_ = new loop_coordinator(system, *this); // CAF's interface passes ownership so
    return coordinator_;
  });
  system_ = std::make_unique<caf::actor_system>(config_);
}

work_loop::~work_loop() {
  // Posted functions may hold actors, which must not outlive their system.
  posted_.take(running_posted_);
  running_posted_.clear();
  system_->await_actors_before_shutdown(false); // this thread is the one that would have to run them
  system_.reset();
}

void work_loop::report(std::string_view what) noexcept {
  if (report_)
    report_(what);
  else
    std::fprintf(stderr, "%.*s\n", static_cast<int>(what.size()), what.data());
}

void work_loop::report_current(std::string_view where) noexcept {
  auto text = std::string{where} + " threw: ";
  try {
    throw;
  } catch (const kj::Exception& error) {
    text += kj::str(error).cStr();
  } catch (const std::exception& error) {
    text += error.what();
  } catch (...) {
    text += "not a standard exception";
  }
  report(text);
}

// -- when a turn comes ----

void work_loop::wake() {
  if (!on_loop())
    bell_.ring();
  else if (!in_turn_ && !scheduled_) // the end of a turn looks for itself what is left
    schedule();
}

void work_loop::keep(kj::Promise<void> coming) {
  scheduled_ = true;
  coming_at_ = 1 - coming_at_;
  coming_[coming_at_] = coming.eagerlyEvaluate([this](kj::Exception&& error) { report(kj::str(error).cStr()); });
}

void work_loop::schedule() {
  // Last: everything that the sockets have delivered so far goes through one turn.
  keep(kj::evalLast([this] { turn(); }));
}

void work_loop::yield() {
  // KJ looks at its sockets only when no event is queued. A timer that is due already fires after that look.
  auto& timer = io_.unixEventPort.getTimer();
  keep(timer.atTime(timer.now()).then([this] { schedule(); }));
}

kj::Promise<void> work_loop::listen() {
  return bell_observer_->whenBecomesReadable().then([this] {
    bell_.hear();
    rung_ = true;
    wake();
    return listen();
  });
}

void work_loop::set_alarm() {
  auto due = coordinator_->clock().next_due();
  if (auto timer = timers_.next_due(); timer && (!due || *timer < *due))
    due = timer;
  // An alarm that comes too early costs one turn, after which the next one is right: cheaper than to move it each time.
  if (!due || (alarm_at_ && *alarm_at_ <= *due))
    return;
  alarm_at_ = due;
  const auto delay = std::min<std::chrono::nanoseconds>(*due - clock::now(), defaults::alarm_max);
  const auto at = kj::systemPreciseMonotonicClock().now() + delay.count() * kj::NANOSECONDS;
  alarm_ = io_.unixEventPort.getTimer()
             .atTime(at)
             .then([this] {
               alarm_at_.reset();
               wake();
             })
             .eagerlyEvaluate([this](kj::Exception&& error) { report(kj::str(error).cStr()); });
}

// -- the turn ----

void work_loop::turn() {
  scheduled_ = false;
  in_turn_ = true;
  turns_.fetch_add(1, std::memory_order_relaxed);
  reading_.run([this] { report_current("A reader of the loop"); });
  if (frames_ != 0)
    poll_.begin(std::exchange(frames_, 0), clock::now());
  if (rung_) {
    rung_ = false;
    run_posted();
    coordinator_->collect();
  }
  fire_due();
  coordinator_->run(defaults::resumes_per_turn, defaults::turn_time);
  flushing_.run([this] { report_current("A writer of the loop"); });
  if (at_turn_end_)
    at_turn_end_();
  in_turn_ = false;
  if (coordinator_->has_jobs() || !reading_.empty() || !flushing_.empty())
    yield();
  else if (!poll())
    set_alarm();
}

bool work_loop::poll() {
  if (!poll_.go_on(clock::now()))
    return false;
  ::sched_yield();
  yield();
  return true;
}

void work_loop::run_posted() {
  posted_.take(running_posted_);
  for (auto& job : running_posted_) {
    try {
      job();
    } catch (...) {
      report_current("A function posted to the loop");
    }
    job = nullptr;
  }
  running_posted_.clear();
}

void work_loop::fire_due() {
  const auto actors_due = coordinator_->clock().next_due();
  const auto timers_due = timers_.next_due();
  if (!actors_due && !timers_due)
    return;
  const auto now = clock::now();
  if (actors_due && *actors_due <= now)
    coordinator_->clock().fire(now);
  timers_.fire(now, [this] { report_current("A timer of the loop"); });
}

// -- for the owner ----

void work_loop::post(std::function<void()> job) {
  posted_.push(std::move(job));
  bell_.ring();
}

std::unique_ptr<loop_timer> work_loop::after(clock::duration delay, std::function<void()> call) {
  auto timer = std::make_unique<loop_timer>(timers_, std::move(call));
  timer->set(delay);
  return timer;
}

void work_loop::run(kj::Promise<void> until) { until.wait(io_.waitScope); }

bool work_loop::run_until(std::function<bool()> done, clock::time_point deadline) {
  auto over = kj::newPromiseAndFulfiller<void>();
  bool answer = false;
  std::exception_ptr thrown;
  at_turn_end_ = [&] {
    try {
      answer = answer || done();
    } catch (...) {
      thrown = std::current_exception();
    }
    if (answer || thrown || clock::now() >= deadline)
      over.fulfiller->fulfill();
  };
  KJ_DEFER(at_turn_end_ = nullptr);
  loop_timer end(timers_, [] {}); // a turn at the deadline, at the end of which we ask
  end.set_at(deadline);
  wake();
  over.promise.wait(io_.waitScope);
  if (thrown)
    std::rethrow_exception(thrown);
  return answer;
}

std::size_t work_loop::stop(const std::vector<caf::actor>& roots, clock::time_point deadline) {
  for (const auto& root : roots)
    caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  // The threads of detached actors tell nobody when they end, so the count is looked at from time to time as well.
  loop_timer look(timers_, [&look] { look.set(defaults::stop_look_interval); });
  look.set(defaults::stop_look_interval);
  run_until([this] { return system_->registry().running() == 0; }, deadline);
  return system_->registry().running();
}

} // namespace hearth
