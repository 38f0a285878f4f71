#include "node/http/failures.hpp"

#include "core/defaults_http.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace hearth::http {

namespace {

int status_of(ec code) {
  switch (code) {
    case ec::user_error:
    case ec::non_recoverable:
    case ec::data_validation:
    case ec::internal_error:
      return 500;
    case ec::queue_full:
    case ec::overloaded:
      return 429;
    case ec::timeout_runtime:
    case ec::deadline_exceeded:
      return 504;
    case ec::interpreter_lost:
    case ec::maybe_executed:
    case ec::out_of_memory:
    case ec::protocol_broken:
    case ec::node_lost:
      return 502;
    case ec::unknown_environment:
      return 404;
    case ec::value_too_large:
      return 413;
    default:
      return 503; // it may serve in a moment, or when somebody has mended it
  }
}

void add(std::string& into, const char* name, nanoseconds time) {
  if (time.count() <= 0)
    return;
  char text[64];
  std::snprintf(text, sizeof text, "%s%s;dur=%.3f", into.empty() ? "" : ", ", name,
                std::chrono::duration<double, std::milli>(time).count());
  into += text;
}

} // namespace

refusal refusal_of(const call_reply& failed) {
  const auto status = status_of(failed.code);
  if (status == 500)
    return {status, "The app failed on this request; the logs of its replica say how."};
  if (failed.is_text && failed.value.rest.empty() && !failed.value.head.empty())
    return {status, std::string(failed.value.head.view())};
  return {status, std::string(sentence(failed.code))};
}

std::string retry_after() { return "retry-after: " + std::to_string(defaults::http_retry_after.count()) + "\r\n"; }

std::string timing_of(const call_reply& reply) {
  std::string text;
  add(text, "queue", reply.queued);
  add(text, "start", reply.start);
  add(text, "fork", reply.fork);
  add(text, "import", reply.import);
  add(text, "init", reply.init);
  add(text, "app", reply.run);
  return text.empty() ? "app;dur=0" : text;
}

cold_start cold_start_of(const call_reply& cold) {
  const auto known = cold.fork + cold.import + cold.init;
  return {std::max(cold.start - known, nanoseconds{0}), cold.fork, cold.import, cold.init};
}

} // namespace hearth::http
