#pragma once

#include <filesystem>

namespace hearth {

/// Where the node whose socket this is takes requests over HTTP: "node.http.sock" beside "node.sock". The SDK knows it too.
inline std::filesystem::path http_socket_of(const std::filesystem::path& socket) {
  return socket.parent_path() / (socket.stem().string() + ".http.sock");
}

} // namespace hearth
