#include "tools/cli/log_printer.hpp"

#include "tools/cli/units.hpp"

#include <algorithm>
#include <ostream>

namespace hearth::cli {

namespace {

constexpr std::uint16_t stream_out = 1; // Log.flags

} // namespace

log_printer::log_printer(std::ostream& out, std::ostream& err, log_choice choice)
  : out_(out), err_(err), choice_(std::move(choice)) {}

void log_printer::take(const frame& log) {
  if (log.kind != frame_kind::log)
    return;
  if (!choice_.action.empty() && !to_string(log.call).starts_with(choice_.action))
    return;
  if (log.dropped)
    add(stream::err, log.unix_ns, "[" + bytes_text(log.dropped) + " of output dropped here: a limit was reached]\n");
  add(log.flags == stream_out ? stream::out : stream::err, log.unix_ns, log.body);
}

void log_printer::add(stream to, std::uint64_t unix_ns, std::string_view text) {
  auto& is_inside = is_inside_line_[static_cast<int>(to)];
  while (!text.empty()) {
    const auto newline = text.find('\n');
    const auto size = newline == std::string_view::npos ? text.size() : newline + 1;
    if (!is_inside && choice_.show_times)
      put(to, time_text(unix_ns) + "  ");
    put(to, text.substr(0, size));
    is_inside = newline == std::string_view::npos;
    text.remove_prefix(size);
  }
  if (choice_.tail == 0)
    (to == stream::out ? out_ : err_).flush(); // who follows sees it now
}

void log_printer::put(stream to, std::string_view text) {
  if (choice_.tail == 0) {
    (to == stream::out ? out_ : err_) << text;
    return;
  }
  auto open = std::find_if(held_.rbegin(), held_.rend(), [&](const line& l) { return l.to == to; });
  if (open != held_.rend() && !open->text.ends_with('\n')) {
    open->text += text;
    return;
  }
  held_.push_back({to, std::string(text)});
  if (held_.size() > choice_.tail)
    held_.pop_front();
}

void log_printer::finish() {
  for (const auto& l : held_)
    (l.to == stream::out ? out_ : err_) << l.text;
  held_.clear();
  for (auto to : {stream::out, stream::err})
    if (std::exchange(is_inside_line_[static_cast<int>(to)], false))
      (to == stream::out ? out_ : err_) << '\n';
  out_.flush();
  err_.flush();
}

} // namespace hearth::cli
