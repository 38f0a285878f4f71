#pragma once

#include "core/defaults.hpp"

/// Every number of the HTTP front door, with its unit and its reason.
namespace hearth::defaults {

/// Of the request line and all fields together: what servers in front of us take as well.
inline constexpr std::size_t http_header_bytes_max = 16 * kib;
/// Likewise; a browser with many cookies sends about thirty.
inline constexpr std::size_t http_fields_max = 100;
/// Path and query. Longer ones belong into a body.
inline constexpr std::size_t http_target_bytes_max = 8 * kib;
/// A host name has at most 253 characters, and there is a port.
inline constexpr std::size_t http_host_bytes_max = 260;
/// A body that is held until it is complete.
inline constexpr std::uint64_t http_body_bytes_max = 8 * mib;
/// The head of a response of an app.
inline constexpr std::size_t http_response_header_bytes_max = 64 * kib;
/// For a whole header, from its first byte, or from the beginning of the connection: one packet as a rule.
inline constexpr seconds http_header_time{5};
/// Between two requests.
inline constexpr seconds http_idle_time{30};
/// A body, and a client that reads a response, is given so long at once ...
inline constexpr seconds http_transfer_time{10};
/// ... and then a second more for so many bytes: slower ones hold a connection for nothing.
inline constexpr std::uint64_t http_bytes_per_second_min = 1 * kib;
/// Connections at once, a descriptor and a few KiB each.
inline constexpr std::size_t http_connections_max = 4096;
/// For a client that was told of the end of its connection to close it, too.
inline constexpr seconds http_close_time{1};
/// Requests that an app has not said a timeout for.
inline constexpr seconds http_request_timeout{300};
/// Bytes of a response that wait for a client which does not read, before the app is asked for no more.
inline constexpr std::size_t http_unsent_bytes_max = 1 * mib;
/// Of apps that keep some replicas without requests: never, in a number that can be added to a time.
inline constexpr std::chrono::hours app_idle_ttl{24 * 365 * 100};
/// Until a node tries again to open an app that nobody serves: elections and full nodes pass in seconds.
inline constexpr seconds app_open_pause{1};
/// Named to clients that are turned away for now.
inline constexpr seconds http_retry_after{1};

} // namespace hearth::defaults
