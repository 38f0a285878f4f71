#include "tools/cli/cluster_state.hpp"

#include "tools/cli/units.hpp"

#include <algorithm>
#include <map>
#include <random>

namespace hearth::cli {

namespace {

json empty_row() {
  return {{"name", ""},
          {"id", ""},
          {"address", ""},
          {"state", "down"},
          {"voter", false},
          {"leader", false},
          {"draining", false},
          {"seat", nullptr},
          {"pid", nullptr},
          {"replicas", nullptr},
          {"memoryBytes", nullptr}};
}

json row_of_member(const json& member) {
  auto row = empty_row();
  for (const char* field : {"name", "id", "address", "voter", "leader", "draining"})
    row[field] = member.at(field);
  if (const auto seat = number_in(member, "seat"); seat > 0) {
    row["seat"] = seat;
    row["state"] = "up";
  }
  return row;
}

json& row_called(json& rows, const std::string& id) {
  for (auto& row : rows)
    if (row.at("id") == id)
      return row;
  rows.push_back(empty_row());
  rows.back()["id"] = id;
  return rows.back();
}

void add_figures(json& row, const json& node) {
  row["replicas"] = number_in(node, "replicas");
  row["memoryBytes"] = number_in(node, "residentBytes");
}

/// What listings say of nodes: all of the cluster, or the one that was asked.
void ask_figures(connection& node, json& rows) {
  for (const auto& row : rows_of(node, noun::nodes, "", 0))
    if (text_in(row, "state") != "unreachable")
      for (auto& known : rows)
        if (known.at("id") == row.at("id"))
          add_figures(known, row);
}

/// A node of this machine that nobody has said anything about, or that runs although it has no seat.
void look_at_node(json& row, const local_node& node) {
  row["name"] = node.name;
  if (text_in(row, "address").empty())
    row["address"] = node.address;
  const auto pid = daemon_of(node);
  if (pid == 0) {
    row["state"] = "down";
    return;
  }
  row["pid"] = pid;
  if (!row.at("replicas").is_null())
    return;
  try {
    auto own = connection::open(node.socket, node_patience);
    if (!own) {
      row["state"] = "starting";
      return;
    }
    own->set_patience(node_patience);
    add_figures(row, readable(noun::nodes, own->ask("status", nullptr, "status")));
    if (row.at("seat").is_null())
      row["state"] = "without a seat";
  } catch (const command_error&) {
    row["state"] = "does not answer";
  }
}

std::string shown_state(const json& row) {
  auto state = text_in(row, "state");
  if (state == "up" && truth_in(row, "leader"))
    state = "leader";
  else if (state == "up" && truth_in(row, "voter"))
    state = "voter";
  else if (truth_in(row, "voter"))
    state += ", voter";
  if (truth_in(row, "draining"))
    state += ", draining";
  return state;
}

} // namespace

std::optional<json> ask_cluster(const node_address& where, std::string& why) {
  try {
    auto node = connection::open(where, node_patience);
    if (!node) {
      why = "nobody listens at " + where.where;
      return std::nullopt;
    }
    node->set_patience(node_patience);
    return readable_cluster(node->ask("cluster", nullptr, "cluster"));
  } catch (const command_error& error) {
    why = error.what();
    return std::nullopt;
  }
}

cluster_view look_at_cluster(const std::string& name, const std::vector<node_address>& nodes,
                             const std::optional<local_cluster>& local) {
  cluster_view view;
  view.name = name;
  const std::size_t first = nodes.empty() ? 0 : std::random_device{}() % nodes.size();
  for (std::size_t i = 0; i < nodes.size() && view.asked.empty(); ++i) {
    const auto& where = nodes[(first + i) % nodes.size()];
    const auto state = ask_cluster(where, view.trouble);
    if (!state)
      continue;
    view.asked = text_in(*state, "nodeId");
    view.name = text_in(*state, "name");
    view.trouble = truth_in(*state, "holds") ? "" : text_in(*state, "whyNot");
    for (const auto& member : state->at("members"))
      view.nodes.push_back(row_of_member(member));
    try {
      if (auto node = connection::open(where, node_patience)) {
        node->set_patience(node_patience);
        ask_figures(*node, view.nodes);
      }
    } catch (const command_error&) {
      continue; // a token without the scope for listings: what is known is shown
    }
  }
  if (local)
    for (const auto& node : local->nodes)
      look_at_node(row_called(view.nodes, node.id), node);
  std::sort(view.nodes.begin(), view.nodes.end(),
            [](const json& a, const json& b) { return text_in(a, "name") < text_in(b, "name"); });
  return view;
}

table table_of(const cluster_view& view) {
  table result;
  result.columns = {
    {"NAME"}, {"STATE"}, {"ADDRESS"}, {"SEAT", side::right}, {"REPLICAS", side::right}, {"MEMORY", side::right}};
  const auto number = [](const json& value) {
    return value.is_null() ? std::string("-") : std::to_string(value.get<std::uint64_t>());
  };
  for (const auto& row : view.nodes) {
    const auto state = shown_state(row);
    const bool is_up = text_in(row, "state") == "up";
    const auto& memory = row.at("memoryBytes");
    result.rows.push_back({text_in(row, "name"),
                           {state, is_up ? truth_in(row, "draining") ? colour::yellow : colour::green : colour::red},
                           text_in(row, "address").empty() ? std::string("-") : text_in(row, "address"),
                           number(row.at("seat")),
                           number(row.at("replicas")),
                           memory.is_null() ? std::string("-") : bytes_text(memory.get<std::uint64_t>())});
  }
  return result;
}

json json_of(const cluster_view& view) {
  return {{"cluster", view.name}, {"trouble", view.trouble}, {"nodes", view.nodes}};
}

} // namespace hearth::cli
