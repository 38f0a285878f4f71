#include "node/http/metrics_text.hpp"

#include "core/defaults_http.hpp"

#include <charconv>
#include <iterator>

namespace hearth::http {

namespace {

template <class Number>
void write_number(Number number, std::string& into) {
  char text[32];
  into.append(text, std::to_chars(text, text + sizeof text, number).ptr);
}

void write_label_value(std::string_view text, std::string& into) {
  for (const char c : text)
    if (c == '\\' || c == '"')
      into.append({'\\', c});
    else if (c == '\n')
      into += "\\n";
    else
      into += c;
}

void write_head(const metric& what, std::string& into) {
  into.append("# HELP ").append(what.name).append(" ").append(what.help).append("\n");
  into.append("# TYPE ").append(what.name).append(" ").append(what.type).append("\n");
}

} // namespace

void sample_writer::begin(labels of, std::string_view suffix) {
  into_.append(name_).append(suffix);
  char opens = '{';
  for (const auto& [name, value] : of) {
    if (name.empty())
      continue;
    into_.append({std::exchange(opens, ',')}).append(name).append("=\"");
    write_label_value(value, into_);
    into_ += '"';
  }
  into_.append(opens == ',' ? "} " : " ");
}

void sample_writer::operator()(labels of, std::uint64_t value, std::string_view suffix) {
  begin(of, suffix);
  write_number(value, into_);
  into_ += '\n';
}

void sample_writer::operator()(labels of, double value, std::string_view suffix) {
  begin(of, suffix);
  write_number(value, into_);
  into_ += '\n';
}

metrics_text::metrics_text(node_figures what) {
  const auto figures = std::make_shared<const node_figures>(std::move(what));
  for (auto* part : {metrics_of_node, metrics_of_apps, metrics_of_environments, metrics_of_cache}) {
    auto some = part(figures);
    std::move(some.begin(), some.end(), std::back_inserter(metrics_));
  }
}

bool metrics_text::write_some(std::string& into) {
  for (const auto enough = into.size() + defaults::page_bytes_per_turn; metric_ < metrics_.size();) {
    const auto& what = metrics_[metric_];
    if (row_ == what.rows) { // of a metric without rows nothing is told at all
      ++metric_;
      row_ = 0;
      continue;
    }
    if (into.size() >= enough)
      return true;
    if (row_ == 0)
      write_head(what, into);
    sample_writer out(what.name, into);
    what.write(row_++, out);
  }
  return false;
}

} // namespace hearth::http
