#pragma once

#include "actors/error.hpp"
#include "actors/interfaces.hpp"
#include "node/store/store_error.hpp"
#include "node/store/writer.hpp"

#include <caf/all.hpp>

#include <exception>
#include <functional>
#include <utility>

namespace hearth::node {

/// What an actor has to do when its work on the writer's thread is over.
using completion = std::function<void()>;

/// An actor that works on the writer's thread handles this in addition: `[](atom::tick, completion& then) { then(); }`.
using takes_completions = caf::reacts_to<atom::tick, completion>;

/// The failure that the exception being handled stands for. In a catch block only.
inline failure current_failure() {
  try {
    throw;
  } catch (const store_error& e) {
    return {e.code, e.what()};
  } catch (const std::exception& e) {
    return {ec::storage_failed, std::string("The node's storage failed: ") + e.what() + '.'};
  }
}

inline failure storage_busy() {
  return {ec::storage_failed, "The node's disk does not keep up; try again when it has recovered."};
}

/// Runs `work` on the writer's thread; the requester of `self`'s current message gets what it returns, or its failure.
/// `bytes` is what the work holds in memory. `self` may end meanwhile: then nobody is answered.
template <class Result, class Self, class Work>
caf::result<Result> answer_off_loop(Self* self, writer& disk, std::uint64_t bytes, Work work) {
  auto promise = self->template make_response_promise<Result>();
  auto door = caf::actor_cast<caf::actor>(self);
  const bool taken = disk.submit(bytes, [promise, door, work = std::move(work)]() mutable {
    completion then;
    try {
      then = [promise, result = work()]() mutable { promise.deliver(std::move(result)); };
    } catch (...) {
      then = [promise, why = current_failure()]() mutable { promise.deliver(error_of(why)); };
    }
    caf::anon_send(door, atom::tick::value, std::move(then));
  });
  if (!taken)
    promise.deliver(error_of(storage_busy()));
  return promise;
}

} // namespace hearth::node

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(hearth::node::completion)
