#include "tools/cli/run_result.hpp"

#include "tools/cli/units.hpp"
#include "tools/cli/value.hpp"

#include "core/errors.hpp"

#include <nlohmann/json.hpp>

namespace hearth::cli {

namespace {

constexpr std::uint16_t reply_failed = 1; // Reply.flags
constexpr std::uint16_t reply_text = 2;
constexpr std::uint16_t chunk_of_reply = 2; // Chunk.flags

std::string undecoded(const run_result& result) {
  return "<a value of " + bytes_text(result.value.size()) + " that only Python can show>";
}

} // namespace

connection::frame_sink value_sink(run_result& into) {
  return [&into](frame&& next) {
    if (next.kind == frame_kind::reply) {
      into.has_come = true;
      into.size = next.size;
      into.has_failed = (next.flags & reply_failed) != 0;
      into.is_text = (next.flags & reply_text) != 0;
      into.code = next.code;
      into.value = std::move(next.body);
    } else if (next.kind == frame_kind::chunk && (next.flags & chunk_of_reply) != 0) {
      into.value += next.body;
    }
  };
}

run_result result_of(connection& node, const std::string& run) {
  run_result result;
  node.ask("result", run, "done", value_sink(result));
  if (!result.is_whole())
    throw command_error(exit_status::failed, "The node sent no whole result of run `" + run + "`.");
  return result;
}

std::string value_text(const run_result& result) {
  const auto value = shown_value(result.value);
  constexpr int indent = 2;
  return value ? value->dump(value->is_structured() ? indent : -1, ' ', false, json::error_handler_t::replace)
               : undecoded(result);
}

std::string failure_text(const run_result& result) {
  if (result.is_text)
    return printable(result.value);
  const auto failure = shown_value(result.value);
  if (!failure || !failure->is_object())
    return std::string(sentence(static_cast<ec>(result.code)));
  const auto field = [&](const char* name) {
    const auto found = failure->find(name);
    return found != failure->end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  std::string text;
  if (const auto inputs = failure->find("inputs");
      inputs != failure->end() && inputs->is_object() && !inputs->empty()) {
    text = "in task " + field("task") + ", replica " + field("replica") + ", with\n";
    for (const auto& [name, value] : inputs->items())
      text += "    " + name + " = " + (value.is_string() ? value.get<std::string>() : value.dump()) + "\n";
    text += '\n';
  }
  const auto traceback = field("traceback"); // ends with type and message
  text += traceback.empty() ? field("type") + ": " + field("message") : traceback;
  while (text.ends_with('\n'))
    text.pop_back();
  return printable(text);
}

json result_json(const run_result& result) {
  if (result.has_failed)
    return {{"code", name(static_cast<ec>(result.code))}, {"message", failure_text(result)}};
  auto value = shown_value(result.value);
  return value ? json(*value) : json(undecoded(result));
}

} // namespace hearth::cli
