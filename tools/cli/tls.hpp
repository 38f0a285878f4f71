#pragma once

#include "tools/cli/channel.hpp"
#include "tools/cli/node_address.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

/// Remote nodes: TLS 1.3 to a member's link, as a client (schema/link.capnp).
namespace hearth::cli {

/// A channel to the member at `where`, which has shown a certificate of the cluster's authority (and, where the address names
/// one, of that node), and to which the token has been sent; its answer comes first. Nothing when nobody listens there. Throws
/// connection_lost for everything else.
std::unique_ptr<channel> open_remote(const node_address& where, std::chrono::milliseconds patience);

/// The certificate (PEM) with this SHA-256 (32 bytes) that the node at `address` shows as its authority's; nothing is sent to
/// it, and nothing is believed of it. Throws command_error when it is not reached, or shows no such certificate.
std::string authority_at(const std::string& address, std::string_view fingerprint, std::chrono::milliseconds patience);

} // namespace hearth::cli
