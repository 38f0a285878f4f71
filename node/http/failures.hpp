#pragma once

#include "actors/app_rows.hpp"
#include "actors/messages.hpp"
#include "node/http/message.hpp"

#include <string>

/// What clients of an app hear when a call for it failed, and what it took.
namespace hearth::http {

/// Status and sentence. What an app raised is not shown: it is in the logs of its replica.
refusal refusal_of(const call_reply& failed);

/// "retry-after: 1", as a line of a header.
std::string retry_after();

/// Where the time went, as `Server-Timing` says it, in milliseconds: waiting for a slot, for a replica (with its parts), and in
/// the app.
std::string timing_of(const call_reply& reply);

/// Where the time of the start went that a cold call has waited for.
cold_start cold_start_of(const call_reply& cold);

} // namespace hearth::http
