#include "node/wire/readable_rows.hpp"

#include "node/wire/control_rows.hpp"

#include <capnp/dynamic.h>
#include <capnp/message.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

namespace hearth::wire {

namespace {

using value = capnp::DynamicValue;

auto root_in(capnp::MallocMessageBuilder& memory, const app_row*) { return memory.initRoot<::AppRow>(); }
auto root_in(capnp::MallocMessageBuilder& memory, const environment_row*) {
  return memory.initRoot<::EnvironmentRow>();
}
auto root_in(capnp::MallocMessageBuilder& memory, const replica_row*) { return memory.initRoot<::ReplicaRow>(); }
auto root_in(capnp::MallocMessageBuilder& memory, const run_row*) { return memory.initRoot<::RunRow>(); }
auto root_in(capnp::MallocMessageBuilder& memory, const node_row*) { return memory.initRoot<::NodeRow>(); }
auto root_in(capnp::MallocMessageBuilder& memory, const event_row*) { return memory.initRoot<::EventRow>(); }

template <class Number>
void write_number(Number number, std::string& into) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  into.append(text, end);
}

/// What stands in the place of a field: another name and a text; without a name nothing does.
struct instead {
  std::string_view field;
  std::string_view name;
  std::string text;
};

std::string id_text(std::uint64_t replica) { return replica == 0 ? std::string() : to_string(replica_id{replica}); }

template <class Row>
std::vector<instead> ids_of(const Row&) {
  return {};
}
template <>
std::vector<instead> ids_of(const app_row& row) {
  return {{"failedReplica", "failedReplica", id_text(row.failed_replica)}};
}
template <>
std::vector<instead> ids_of(const environment_row& row) {
  return {{"failedReplica", "failedReplica", id_text(row.failed_replica)}};
}
template <>
std::vector<instead> ids_of(const replica_row& row) {
  return {{"id", "id", id_text(row.id)}};
}
template <>
std::vector<instead> ids_of(const event_row& row) {
  return {{"replica", "replica", id_text(row.replica)}};
}
template <>
std::vector<instead> ids_of(const run_row& row) {
  return {{"callHi", "id", to_string(row.call)}, {"callLo", "", ""}};
}

void write(value::Reader what, std::string& into);

void write(capnp::DynamicStruct::Reader what, std::string& into, const std::vector<instead>& others = {}) {
  const auto start = into.size();
  into += '{';
  for (auto field : what.getSchema().getFields()) {
    const std::string_view name = field.getProto().getName().cStr();
    const auto other = std::find_if(others.begin(), others.end(), [&](const auto& each) { return each.field == name; });
    if ((other != others.end() && other->name.empty()) || (field.getType().isStruct() && !what.has(field)))
      continue; // the latter is there, or left out
    if (into.size() > start + 1)
      into += ',';
    write_quoted(other != others.end() ? other->name : name, into);
    into += ':';
    if (other != others.end())
      write_quoted(other->text, into);
    else
      write(what.get(field), into);
  }
  into += '}';
}

void write(value::Reader what, std::string& into) {
  switch (what.getType()) {
    case value::BOOL:
      into += what.as<bool>() ? "true" : "false";
      return;
    case value::INT:
      return write_number(what.as<std::int64_t>(), into);
    case value::UINT:
      return write_number(what.as<std::uint64_t>(), into);
    case value::FLOAT:
      return std::isfinite(what.as<double>()) ? write_number(what.as<double>(), into) : void(into += "null");
    case value::TEXT: {
      const auto text = what.as<capnp::Text>();
      return write_quoted({text.begin(), text.size()}, into);
    }
    case value::LIST: {
      into += '[';
      const char* between = "";
      for (auto item : what.as<capnp::DynamicList>()) {
        into += between;
        write(item, into);
        between = ",";
      }
      into += ']';
      return;
    }
    case value::STRUCT:
      return write(what.as<capnp::DynamicStruct>(), into);
    default:
      into += "null"; // rows have no others
  }
}

} // namespace

void write_quoted(std::string_view text, std::string& into) {
  into += '"';
  for (const char c : text)
    if (c == '"' || c == '\\') {
      into.append({'\\', c});
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      into += escaped;
    } else {
      into += c;
    }
  into += '"';
}

template <class Row>
void write_readable(const Row& row, std::string& into) {
  capnp::MallocMessageBuilder memory;
  auto root = root_in(memory, &row);
  fill(root, row);
  write(capnp::DynamicStruct::Reader(root.asReader()), into, ids_of(row));
}

template void write_readable(const app_row&, std::string&);
template void write_readable(const environment_row&, std::string&);
template void write_readable(const replica_row&, std::string&);
template void write_readable(const run_row&, std::string&);
template void write_readable(const node_row&, std::string&);
template void write_readable(const event_row&, std::string&);

} // namespace hearth::wire
