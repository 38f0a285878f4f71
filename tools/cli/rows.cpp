#include "tools/cli/rows.hpp"

#include "schema/cache.capnp.h"
#include "schema/control.capnp.h"

#include <capnp/schema.h>

#include <charconv>

namespace hearth::cli {

namespace {

capnp::StructSchema schema_of(noun what) {
  switch (what) {
    case noun::apps:
      return capnp::Schema::from<::AppRow>();
    case noun::environments:
      return capnp::Schema::from<::EnvironmentRow>();
    case noun::replicas:
      return capnp::Schema::from<::ReplicaRow>();
    case noun::runs:
      return capnp::Schema::from<::RunRow>();
    case noun::actions:
      return capnp::Schema::from<::ActionRow>();
    case noun::events:
      return capnp::Schema::from<::EventRow>();
    case noun::nodes:
      break;
  }
  return capnp::Schema::from<::NodeRow>();
}

std::uint64_t number_of(const json& value) {
  if (value.is_number_unsigned())
    return value.get<std::uint64_t>();
  std::uint64_t result = 0;
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    std::from_chars(text.data(), text.data() + text.size(), result);
  }
  return result;
}

void make_readable(json& row, const std::string& name, capnp::Type type) {
  if (type.isStruct()) { // there, or left out
    if (auto at = row.find(name); at != row.end() && at->is_object())
      for (auto field : type.asStruct().getFields())
        make_readable(*at, field.getProto().getName().cStr(), field.getType());
    else
      row.erase(name);
    return;
  }
  auto& field = row[name];
  switch (type.which()) {
    case capnp::schema::Type::UINT16:
    case capnp::schema::Type::UINT32:
    case capnp::schema::Type::UINT64:
      field = number_of(field);
      break;
    case capnp::schema::Type::BOOL:
      if (!field.is_boolean())
        field = false;
      break;
    case capnp::schema::Type::TEXT:
      if (!field.is_string())
        field = "";
      break;
    case capnp::schema::Type::LIST:
      if (!field.is_array())
        field = json::array();
      break;
    default:
      break;
  }
}

/// As ids of replicas are written; empty: there is none.
std::string replica_text(const json& row, const char* field) {
  const auto number = number_in(row, field);
  return number == 0 ? std::string() : to_string(replica_id{number});
}

json readable(json value, capnp::StructSchema schema) {
  if (!value.is_object())
    value = json::object();
  for (auto field : schema.getFields())
    make_readable(value, field.getProto().getName().cStr(), field.getType());
  return value;
}

} // namespace

const char* name_of(noun what) {
  switch (what) {
    case noun::apps:
      return "apps";
    case noun::environments:
      return "environments";
    case noun::replicas:
      return "replicas";
    case noun::runs:
      return "runs";
    case noun::actions:
      return "actions";
    case noun::events:
      return "events";
    case noun::nodes:
      break;
  }
  return "nodes";
}

json readable(noun what, json row) {
  row = readable(std::move(row), schema_of(what));
  if (what == noun::runs) {
    row["id"] = to_string(call_id{number_in(row, "callHi"), number_in(row, "callLo")});
    row.erase("callHi");
    row.erase("callLo");
  }
  if (what == noun::replicas)
    row["id"] = replica_text(row, "id");
  if (what == noun::apps || what == noun::environments)
    row["failedReplica"] = replica_text(row, "failedReplica");
  if (what == noun::actions || what == noun::events)
    row["replica"] = replica_text(row, "replica");
  return row;
}

json readable_cluster(json state) {
  state = readable(std::move(state), capnp::Schema::from<::ClusterState>());
  for (auto& member : state["members"])
    member = readable(std::move(member), capnp::Schema::from<::MemberRow>());
  return state;
}

json readable_token(json row) { return readable(std::move(row), capnp::Schema::from<::TokenRow>()); }
json readable_done(json done) { return readable(std::move(done), capnp::Schema::from<::Done>()); }
json readable_cached(std::string_view answer, json row) {
  if (answer == "cacheEntries")
    return readable(std::move(row), capnp::Schema::from<::CacheRow>());
  if (answer == "cacheAudits")
    return readable(std::move(row), capnp::Schema::from<::CacheAudit>());
  if (answer == "cacheLimits")
    return readable(std::move(row), capnp::Schema::from<::CacheLimit>());
  if (answer == "cacheChecks")
    return readable(std::move(row), capnp::Schema::from<::CacheCheck>());
  row = readable(std::move(row), capnp::Schema::from<::CacheCounts>());
  for (auto& figures : row["figures"])
    figures = readable(std::move(figures), capnp::Schema::from<::CacheFigures>());
  return row;
}
json readable_echoes(json echoes) { return readable(std::move(echoes), capnp::Schema::from<::Echoes>()); }

json rows_of(connection& node, noun what, const std::string& name, std::uint32_t limit) {
  auto rows = node.ask("get", {{"what", name_of(what)}, {"name", name}, {"limit", limit}}, name_of(what));
  auto result = json::array();
  for (auto& row : rows)
    result.push_back(readable(what, std::move(row)));
  return result;
}

std::string text_in(const json& row, const char* field) { return row.at(field).get<std::string>(); }
std::uint64_t number_in(const json& row, const char* field) { return row.at(field).get<std::uint64_t>(); }
bool truth_in(const json& row, const char* field) { return row.at(field).get<bool>(); }

} // namespace hearth::cli
