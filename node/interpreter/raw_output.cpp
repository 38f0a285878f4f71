#include "node/interpreter/raw_output.hpp"

#include "core/defaults.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace hearth::node {

namespace {

constexpr std::string_view blanks = " \t\r\n";

std::string_view without_blank_end(std::string_view text) {
  const auto end = text.find_last_not_of(blanks);
  return end == std::string_view::npos ? std::string_view{} : text.substr(0, end + 1);
}

std::string_view last_bytes(std::string_view text, std::size_t bytes) {
  return text.size() <= bytes ? text : text.substr(text.size() - bytes);
}

} // namespace

void output_tail::add(std::string_view text) {
  kept_.append(last_bytes(text, defaults::replica_output_bytes_kept));
  if (kept_.size() > 2 * defaults::replica_output_bytes_kept)
    kept_.erase(0, kept_.size() - defaults::replica_output_bytes_kept);
}

std::string_view output_tail::text() const noexcept { return last_bytes(kept_, defaults::replica_output_bytes_kept); }

std::string output_tail::last_line(std::size_t bytes) const { return last_lines(1, bytes); }

std::string output_tail::last_lines(std::size_t lines, std::size_t bytes) const {
  const auto all = without_blank_end(text());
  auto begin = all.size();
  for (; lines > 0 && begin > 0; --lines) {
    const auto newline = all.substr(0, begin - 1).rfind('\n');
    begin = newline == std::string_view::npos ? 0 : newline + 1;
  }
  return std::string(last_bytes(all.substr(begin), bytes));
}

raw_output::raw_output(work_loop& loop, kj::AutoCloseFd pipe, std::function<void(std::string_view)> pass_on)
  : pass_on_(std::move(pass_on)), watch_(loop, kj::mv(pipe), [this] { read(); }) {}

kj::AutoCloseFd raw_output::duplicate() const {
  kj::AutoCloseFd copy(::fcntl(watch_.fd(), F_DUPFD_CLOEXEC, 0));
  if (copy.get() < 0)
    throw std::system_error(errno, std::generic_category(), "fcntl(F_DUPFD_CLOEXEC)");
  return copy;
}

void raw_output::read() {
  std::array<char, 64 * defaults::kib> buffer;
  for (std::size_t total = 0; !ended_ && total < defaults::output_bytes_per_turn;) {
    const auto n = ::read(watch_.fd(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      return;
    if (n <= 0) {
      ended_ = true;
      return;
    }
    const std::string_view text(buffer.data(), static_cast<std::size_t>(n));
    total += text.size();
    tail_.add(text);
    if (pass_on_)
      pass_on_(text);
  }
  if (!ended_)
    watch_.again();
}

} // namespace hearth::node
