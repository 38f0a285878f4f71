#include "tools/cli/connection.hpp"

#include "core/defaults.hpp"
#include "core/errors.hpp"
#include "tools/cli/tls.hpp"

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <array>
#include <utility>

namespace hearth::cli {

namespace {

constexpr std::uint16_t control_more = 2; // Control.flags: further responses follow

} // namespace

// -- opening ----

command_error no_node_error() {
  return {exit_status::no_node, "No node is running; `hearth node start` or `hearth run FILE TASK` starts one."};
}

std::optional<connection> connection::open(const node_address& where, std::chrono::milliseconds patience) {
  auto channel = where.is_remote() ? open_remote(where, patience) : open_unix(where.where, patience);
  if (!channel)
    return std::nullopt;
  connection result(std::move(channel), where.where);
  const json hello{
    {"protocol", defaults::protocol_version}, {"program", "hearth"}, {"pid", ::getpid()}, {"version", HEARTH_VERSION}};
  result.set_patience(patience);
  if (where.is_remote())
    result.await_welcome();
  result.ask("hello", hello, "hello");
  result.set_patience({});
  return result;
}

/// The answer to the token.
void connection::await_welcome() {
  const auto answer = next_frame();
  const auto said = json::parse(answer.body, nullptr, false);
  if (answer.kind != frame_kind::control || !said.is_object())
    lost("it did not answer to the token");
  if (const auto error = said.find("error"); error != said.end()) {
    const auto message = error->value("message", "The node refuses the token.");
    if (error->value("code", 0U) == static_cast<unsigned>(ec::unauthenticated))
      throw failed(message); // and so would every other one
    throw connection_lost(exit_status::failed, message);
  }
  if (const auto done = said.find("done"); done != said.end() && done->is_object())
    let_in_as_ = done->value("detail", "");
}

void connection::set_patience(std::chrono::milliseconds patience) {
  try {
    channel_->set_patience(patience);
  } catch (const channel_failure& failure) {
    lost(failure.why);
  }
}

connection connection::open_existing(const std::string& path) {
  if (auto found = open(path))
    return std::move(*found);
  throw no_node_error();
}

// -- asking ----

json connection::ask(const std::string& name, const json& value, const std::string& answer, const frame_sink& others) {
  const auto request = ++requests_;
  send(control_frame(request, json{{name, value}}.dump(-1, ' ', false, json::error_handler_t::replace)));
  json result;
  for (;;) {
    auto next = next_frame();
    if (next.kind != frame_kind::control) {
      if (others)
        others(std::move(next));
      continue;
    }
    if (next.request != request && next.request != 0)
      continue; // of a request whose answer nobody waits for any more
    auto response = json::parse(next.body, nullptr, false);
    if (!response.is_object())
      lost("it sent what is not a response; command and node may be of different versions");
    if (auto error = response.find("error"); error != response.end())
      throw failed(error->value("message", error->value("name", "The node refused.")));
    if (next.request == 0)
      continue; // about the connection, not about a request
    auto content = response.find(answer);
    if (content == response.end())
      lost("it answered `" + name + "` with something else; command and node may be of different versions");
    if (result.is_array() && content->is_array())
      result.insert(result.end(), content->begin(), content->end());
    else
      result = std::move(*content);
    if ((next.flags & control_more) == 0)
      return result;
  }
}

void connection::send(const std::string& bytes) {
  try {
    channel_->send(bytes);
  } catch (const channel_failure& failure) {
    lost(failure.why);
  }
}

frame connection::next_frame() {
  if (!fill(frame_prefix_bytes))
    lost("the node closed it");
  const auto size = frame_size(received_.data() + taken_);
  if (!size)
    lost("it sent what is not a frame; command and node may be of different versions");
  if (!fill(*size))
    lost("the node closed it in the middle of a frame");
  auto result = read_frame(std::string_view(received_).substr(taken_, *size));
  taken_ += *size;
  if (!result)
    lost("it sent what is not a frame; command and node may be of different versions");
  return std::move(*result);
}

/// Reads until `size` bytes are there; false at the end of the stream.
bool connection::fill(std::size_t size) {
  if (taken_ == received_.size()) {
    received_.clear();
    taken_ = 0;
  }
  std::array<char, 64 * defaults::kib> part; // filled by receive
  while (received_.size() - taken_ < size) {
    std::size_t n = 0;
    try {
      n = channel_->receive(part.data(), part.size());
    } catch (const channel_failure& failure) {
      lost(failure.why);
    }
    if (n == 0)
      return false;
    received_.erase(0, taken_);
    taken_ = 0;
    received_.append(part.data(), n);
  }
  return true;
}

void connection::lost(const std::string& why) const {
  throw connection_lost(exit_status::failed, "The connection to the node at " + where_ + " is gone: " + why + ".");
}

} // namespace hearth::cli
