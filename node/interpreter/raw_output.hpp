#pragma once

#include "node/interpreter/fd_watch.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace hearth::node {

/// The last bytes of what a process wrote. Memory stays below three times what is kept.
class output_tail {
public:
  void add(std::string_view text);

  /// At most defaults::replica_output_bytes_kept.
  std::string_view text() const noexcept;

  /// The last line that says something, at most `bytes` long; empty when there is none.
  std::string last_line(std::size_t bytes) const;

  /// The last `lines` lines, at most `bytes` long, without blank lines at the end.
  std::string last_lines(std::size_t lines, std::size_t bytes) const;

private:
  std::string kept_;
};

/// Drains what a process writes to its stdout and stderr, so that it never blocks there: the last of it is kept, and
/// each piece is passed on. Reads at most defaults::output_bytes_per_turn a turn. Loop thread only.
class raw_output {
public:
  /// `pass_on` may be empty; it must not destroy the reader.
  raw_output(work_loop& loop, kj::AutoCloseFd pipe, std::function<void(std::string_view)> pass_on);

  const output_tail& tail() const noexcept { return tail_; }

  /// Reads what is there now, for a last word of a process that has ended.
  void read_rest() { read(); }

  /// Another descriptor of the pipe, for who reads it after us. Throws std::system_error.
  kj::AutoCloseFd duplicate() const;

private:
  void read();

  output_tail tail_;
  std::function<void(std::string_view)> pass_on_;
  bool ended_ = false;
  fd_watch watch_;
};

} // namespace hearth::node
