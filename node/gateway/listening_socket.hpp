#pragma once

#include "node/paths.hpp"

#include <kj/io.h>

#include <filesystem>

namespace hearth::node {

/// The Unix socket at which a node's clients connect, held by one process: a lock file beside it (`<path>.pid`, with the
/// holder's pid) says whose it is, and only the holder removes what an earlier process left there.
class listening_socket {
public:
  /// Makes the directory where it is missing (0700) and the socket (0600), and listens: from then on clients can connect.
  /// Throws start_error: a path that is too long or on a network file system, a directory that is not as private as
  /// `asked`, something else at the path, or another node.
  listening_socket(const std::filesystem::path& path, privacy asked);

  /// Removes the socket if it still is ours; gives the lock free.
  ~listening_socket();

  listening_socket(const listening_socket&) = delete;
  listening_socket& operator=(const listening_socket&) = delete;

  int fd() const noexcept { return socket_.get(); }
  const std::filesystem::path& path() const noexcept { return path_; }

private:
  void listen();

  std::filesystem::path path_;
  kj::AutoCloseFd lock_;
  kj::AutoCloseFd socket_;
  dev_t device_ = 0;
  ino_t file_ = 0;
};

} // namespace hearth::node
