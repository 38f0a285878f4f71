#include "node/gateway/outbound.hpp"

#include "core/defaults.hpp"
#include "node/wire/control.hpp"
#include "node/wire/frame.hpp"

#include <algorithm>
#include <utility>

namespace hearth::node {

namespace {

void write_control(std::uint32_t request, const std::string& json, bool more, wire::frame_writer& out) {
  wire::control frame;
  frame.flags = static_cast<std::uint16_t>(wire::control_response | (more ? wire::control_more : 0));
  frame.request = request;
  wire::write_frame(frame, bytes::copy_of(json), out);
}

struct effect_writer {
  wire::frame_writer& out;
  bool more = false; // of a listing follows

  void operator()(const call_reply& what) const {
    wire::reply frame;
    frame.flags = static_cast<std::uint16_t>(
      (what.code != ec::none ? wire::reply_failed : 0) | (what.is_text ? wire::reply_text : 0)
      | (what.cold ? wire::reply_cold : 0) | (what.is_hit ? wire::reply_hit : 0));
    frame.code = static_cast<std::uint16_t>(what.code);
    frame.attempt = what.attempt;
    frame.id = what.id;
    frame.run_ns = static_cast<std::uint64_t>(what.run.count());
    frame.queued_ns = static_cast<std::uint64_t>(what.queued.count());
    frame.start_ns = static_cast<std::uint64_t>(what.start.count());
    frame.fork_ns = static_cast<std::uint64_t>(what.fork.count());
    frame.import_ns = static_cast<std::uint64_t>(what.import.count());
    wire::write_value(frame, what.value, out);
  }

  void operator()(const client::progress& what) const {
    wire::signal frame;
    frame.what = static_cast<std::uint16_t>(wire::signal_what::progress);
    frame.id = what.root;
    frame.value = what.done;
    wire::write_frame(frame, {}, out);
  }

  void operator()(const log_text& what) const {
    wire::log frame;
    frame.flags = what.stream;
    frame.dropped = what.dropped;
    frame.id = what.call;
    frame.unix_ns = what.unix_ns;
    frame.replica = what.replica;
    std::size_t at = 0;
    do { // kept text may be larger than a frame
      const auto size = std::min(defaults::frame_body_bytes_max, what.text.size() - at);
      wire::write_frame(frame, what.text.slice(at, size), out);
      frame.dropped = 0;
      at += size;
    } while (at < what.text.size());
  }

  template <class Row>
  void operator()(const client::rows<Row>& what) const {
    wire::write_rows(what.items, more,
                     [&](const std::string& json, bool go_on) { write_control(what.request, json, go_on, out); });
  }

  void operator()(const client::pause_reading&) const {}
  void operator()(const client::resume_reading&) const {}
  void operator()(const client::close&) const {}

  template <class Answer>
  void operator()(const Answer& what) const {
    write_control(what.request, wire::write_response(what), false, out);
  }
};

struct page_cutter {
  std::vector<listing_page>& pages;

  template <class Row>
  void operator()(const client::rows<Row>& what) const {
    if (what.items.size() <= wire::page_rows)
      return;
    for (auto row = what.items.begin(); row != what.items.end();) {
      const auto end = row + std::min<std::ptrdiff_t>(wire::page_rows, what.items.end() - row);
      pages.push_back({client::rows<Row>{what.request, {row, end}}, end != what.items.end()});
      row = end;
    }
  }

  template <class Other>
  void operator()(const Other&) const {}
};

} // namespace

void write_effect(const client::effect& what, wire::frame_writer& out) { std::visit(effect_writer{out}, what); }

std::vector<listing_page> pages_of(const client::effect& what) {
  std::vector<listing_page> pages;
  std::visit(page_cutter{pages}, what);
  return pages;
}

void write_page(const listing_page& page, wire::frame_writer& out) {
  std::visit(effect_writer{out, page.more}, page.rows);
}

std::optional<std::uint32_t> request_answered(const client::effect& what) {
  if (const auto* refused = std::get_if<client::refused>(&what))
    return refused->request;
  if (const auto* bundle = std::get_if<client::bundle_state>(&what); bundle && bundle->stored)
    return bundle->request;
  return std::nullopt;
}

} // namespace hearth::node
