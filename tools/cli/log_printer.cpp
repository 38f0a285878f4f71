#include "tools/cli/log_printer.hpp"

#include "tools/cli/units.hpp"

#include <ostream>
#include <utility>

namespace hearth::cli {

namespace {

constexpr std::uint16_t stream_out = 1; // Log.flags

} // namespace

log_printer::log_printer(std::ostream& out, std::ostream& err, bool show_times)
  : out_(out), err_(err), show_times_(show_times) {}

void log_printer::take(const frame& log) {
  if (log.kind != frame_kind::log)
    return;
  if (log.dropped)
    add(stream::err, log.unix_ns, "[" + bytes_text(log.dropped) + " of output dropped here: a limit was reached]\n");
  add(log.flags == stream_out ? stream::out : stream::err, log.unix_ns, log.body);
}

void log_printer::add(stream to, std::uint64_t unix_ns, std::string_view text) {
  auto& sink = to == stream::out ? out_ : err_;
  auto& is_inside = is_inside_line_[static_cast<int>(to)];
  while (!text.empty()) {
    const auto newline = text.find('\n');
    const auto size = newline == std::string_view::npos ? text.size() : newline + 1;
    if (!is_inside && show_times_)
      sink << time_text(unix_ns) << "  ";
    sink << text.substr(0, size);
    is_inside = newline == std::string_view::npos;
    text.remove_prefix(size);
  }
  sink.flush(); // who follows sees it now
}

void log_printer::finish() {
  for (auto to : {stream::out, stream::err})
    if (std::exchange(is_inside_line_[static_cast<int>(to)], false))
      (to == stream::out ? out_ : err_) << '\n';
  out_.flush();
  err_.flush();
}

} // namespace hearth::cli
