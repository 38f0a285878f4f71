#include "node/gateway/inbound.hpp"

#include "core/defaults.hpp"
#include "node/wire/control.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace hearth::node {

namespace {

constexpr auto malformed = "sent a frame that is not laid out as this protocol has it";

/// A deadline further away than this is none that anybody waits for.
milliseconds deadline_of(std::uint64_t ms) {
  constexpr auto furthest = std::chrono::duration_cast<milliseconds>(std::chrono::hours(24 * 365 * 100));
  return milliseconds(std::min<std::uint64_t>(ms, static_cast<std::uint64_t>(furthest.count())));
}

client::invoke invocation_of(const wire::call& frame) {
  client::invoke result;
  result.environment = frame.environment;
  result.is_run = (frame.flags & wire::call_run) != 0;
  result.header.id = frame.id;
  result.header.root = frame.root;
  result.header.task = frame.task;
  result.header.deadline = deadline_of(frame.deadline_ms);
  result.header.cache = frame.flags & wire::call_cache_flags;
  result.header.trace = {frame.trace_hi, frame.trace_lo, frame.span};
  return result;
}

} // namespace

inbound::inbound(std::string default_python)
  : default_python_(std::move(default_python)), calls_(defaults::window_bytes + defaults::value_bytes_max) {}

std::string inbound::take(const bytes& frame, client::events& events, std::vector<client::refused>& refused) {
  switch (wire::kind_of(frame.view())) {
    case wire::frame_kind::call:
      return take_call(frame, events);
    case wire::frame_kind::chunk:
      return take_chunk(frame, events);
    case wire::frame_kind::signal:
      return take_signal(frame, events);
    case wire::frame_kind::control:
      return take_control(frame, events, refused);
    case wire::frame_kind::reply:
    case wire::frame_kind::log:
      return "sent a frame that only the node sends";
    case wire::frame_kind::unspecified:
      break;
  }
  return "sent a frame of a kind that this protocol does not have";
}

std::string inbound::take_call(const bytes& frame, client::events& events) {
  wire::call call;
  if (!wire::parse(frame.view(), call))
    return malformed;
  if (!call.id)
    return "sent a call without an id";
  auto invocation = invocation_of(call);
  auto body = wire::slice_of(frame, call.body);
  if (call.size > body.size())
    return calls_.begin(call.id, call.size, std::move(invocation), std::move(body));
  if (call.size < body.size())
    return "sent more of a value than it announced";
  invocation.arguments.head = std::move(body);
  events.emplace_back(std::move(invocation));
  return {};
}

std::string inbound::take_chunk(const bytes& frame, client::events& events) {
  wire::chunk part;
  if (!wire::parse(frame.view(), part))
    return malformed;
  if ((part.flags & wire::chunk_of_reply) != 0)
    return "sent a part of a reply, which only the node sends";
  auto content = wire::slice_of(frame, part.body);
  if (part.request != 0)
    return take_upload(part, std::move(content), events);
  std::optional<std::pair<client::invoke, payload>> whole;
  auto fault = calls_.add(part, std::move(content), whole);
  if (whole) {
    whole->first.arguments = std::move(whole->second);
    events.emplace_back(std::move(whole->first));
  }
  return fault;
}

std::string inbound::take_upload(const wire::chunk& part, bytes content, client::events& events) {
  auto upload = uploads_.find(part.request);
  if (upload == uploads_.end())
    return {}; // of a bundle that was refused while its parts were on their way
  // A part costs more than its bytes; whoever sends tiny ones soon has sent too many.
  upload->second += std::max<std::uint64_t>(content.size(), defaults::part_bytes_charged_min);
  std::uint64_t total = 0;
  for (const auto& [request, taken] : uploads_)
    total += taken;
  if (total > defaults::bundle_bytes_max + defaults::part_bytes_charged_min)
    return "sent more than " + std::to_string(defaults::bundle_bytes_max) + " bytes of code bundles at once";
  events.emplace_back(
    client::bundle_part{part.request, part.offset, (part.flags & wire::chunk_last) != 0, std::move(content)});
  return {};
}

std::string inbound::take_signal(const bytes& frame, client::events& events) {
  wire::signal signal;
  if (!wire::parse(frame.view(), signal))
    return malformed;
  if (signal.what != static_cast<std::uint16_t>(wire::signal_what::cancel))
    return "sent a signal that is not a client's to send";
  events.emplace_back(client::cancel{signal.id, std::string(signal.body)});
  return {};
}

std::string inbound::take_control(const bytes& frame, client::events& events, std::vector<client::refused>& refused) {
  wire::control control;
  if (!wire::parse(frame.view(), control))
    return malformed;
  if ((control.flags & wire::control_response) != 0)
    return "sent a response to a request that nobody made";
  auto request = wire::read_request(control.request, control.body, default_python_);
  if (auto* why = std::get_if<failure>(&request)) {
    refused.push_back({control.request, std::move(*why)});
    return {};
  }
  auto& event = std::get<client::event>(request);
  if (const auto* put = std::get_if<client::put_bundle>(&event)) {
    constexpr std::size_t uploads_max = 64; // the bytes are bounded, this bounds empty ones
    if (put->request == 0 || uploads_.size() >= uploads_max)
      return "announced a code bundle without a number, or too many at once";
    uploads_.try_emplace(put->request, 0);
  }
  events.push_back(std::move(event));
  return {};
}

} // namespace hearth::node
