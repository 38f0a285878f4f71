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
/// A body that is held until it is complete, and a message of a WebSocket.
inline constexpr std::uint64_t http_body_bytes_max = 8 * mib;
/// A longer body goes to an app that can take it as it comes. A shorter one comes in a packet or two, and its request can be made
/// again when its replica is lost.
inline constexpr std::uint64_t http_held_body_bytes_max = 64 * kib;
/// What a client sends to an app that takes it as it comes, beyond what that has asked for: then it is read no further.
inline constexpr std::size_t http_untaken_bytes_max = 64 * kib;
/// The head of a response of an app.
inline constexpr std::size_t http_response_header_bytes_max = 64 * kib;
/// For a whole header, from its first byte, or from the beginning of the connection: one packet as a rule.
inline constexpr seconds http_header_time{5};
/// A WebSocket is asked for a sign of life so often; without one until the next time it is gone. Proxies close what is silent
/// for a minute.
inline constexpr seconds http_socket_ping_interval{20};
/// Between two requests.
inline constexpr seconds http_idle_time{30};
/// A body, and a client that reads a response, is given so long at once ...
inline constexpr seconds http_transfer_time{10};
/// ... and then a second more for so many bytes: slower ones hold a connection for nothing.
inline constexpr std::uint64_t http_bytes_per_second_min = 1 * kib;
/// Connections at once, a descriptor and a few KiB each.
inline constexpr std::size_t http_connections_max = 4096;
/// Of one address over a network: a proxy has one for all whom it serves, and nobody takes all places.
inline constexpr std::size_t http_connections_per_address_max = 1024;
/// For a client that was told of the end of its connection to close it, too.
inline constexpr seconds http_close_time{1};
/// Before who has sent what is no request hears so.
inline constexpr milliseconds http_fault_pause{20};
/// Of a refused request that still comes, before there is a pause ...
inline constexpr std::size_t http_dropped_bytes_at_once = 64 * kib;
/// ... of this length: 30 MB a second of a client that has sent too much, and a few per cent of the loop at most.
inline constexpr milliseconds http_dropped_pause{2};
/// Requests that an app has not said a timeout for.
inline constexpr seconds http_request_timeout{300};
/// Bytes of a response that wait for a client which does not read, before the app is asked for no more.
inline constexpr std::size_t http_unsent_bytes_max = 1 * mib;
/// Of apps that keep some replicas without requests: never, in a number that can be added to a time.
inline constexpr std::chrono::hours app_idle_ttl{24 * 365 * 100};
/// Until a node tries again to open an app that nobody serves: elections and full nodes pass in seconds.
inline constexpr seconds app_open_pause{1};
/// What is told of an app's last minute is kept in so many slices ...
inline constexpr std::size_t app_slices = 6;
/// ... of this length: the minute moves on in steps that nobody notices, and costs 10 KiB an app.
inline constexpr seconds app_slice{10};
/// No rate is told over a shorter time: one request is not a hundred a second.
inline constexpr seconds app_rate_over_min{1};
/// Apps, and environments, that metrics tell of, by name: beyond it a scrape would weigh more than what it watches.
inline constexpr std::size_t metrics_rows_max = 1000;
/// Bounds of the buckets in which scrapes tell of requests: doubling from the one to the other, 17 of them.
inline constexpr std::chrono::microseconds metrics_duration_min{1024};
inline constexpr std::chrono::microseconds metrics_duration_max{67'108'864};
/// Of metrics, or of a listing, that is written before others have their turn: some tens of microseconds.
inline constexpr std::size_t page_bytes_per_turn = 16 * kib;
/// Rows that one listing over HTTP may ask for.
inline constexpr std::uint32_t api_rows_max = 10'000;
/// Named to clients that are turned away for now.
inline constexpr seconds http_retry_after{1};

} // namespace hearth::defaults
