#include "tools/replay/comparison.hpp"
#include "tools/replay/trace_file.hpp"
#include "tools/replay/traces.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iostream>
#include <thread>

namespace {

using namespace hearth::replay;

struct options {
  std::vector<std::string> traces; // names and files
  std::vector<double> start_ups{0.02, 2, 25};
  std::vector<std::string> policies;
  std::uint64_t seed = 1;
  unsigned jobs = std::max(1u, std::thread::hardware_concurrency());
  file_defaults files;
  bool list = false;
};

trace load(const std::string& name, const options& with) {
  if (std::find(trace_names().begin(), trace_names().end(), name) != trace_names().end())
    return make_trace(name, with.seed);
  std::ifstream in(name);
  if (!in)
    throw trace_error("There is no trace " + name + " and no such file; --list names the traces.");
  const auto slash = name.rfind('/');
  auto shown = slash == std::string::npos ? name : name.substr(slash + 1);
  if (shown.ends_with(".csv"))
    shown.resize(shown.size() - 4);
  return read_trace(in, shown, with.files);
}

/// Every policy at every start-up time, on so many threads; in the order of the table.
std::vector<row> replay_all(const trace& what, const options& with) {
  std::vector<std::pair<double, std::string>> work;
  for (const auto start_up : with.start_ups)
    for (const auto& policy : with.policies)
      work.emplace_back(start_up, policy);
  std::vector<row> rows(work.size());
  std::atomic<std::size_t> next{0};
  auto run = [&] {
    for (std::size_t i; (i = next++) < work.size();)
      rows[i] = replay(what, work[i].second, work[i].first);
  };
  std::vector<std::jthread> others;
  for (unsigned i = 1; i < std::min<std::size_t>(with.jobs, work.size()); ++i)
    others.emplace_back(run);
  run();
  others.clear();
  return rows;
}

nlohmann::ordered_json to_json(const row& one) {
  const auto& r = one.result;
  return {{"trace", one.trace},
          {"about", one.about},
          {"start_up_s", one.start_up},
          {"policy", one.policy},
          {"calls", r.calls},
          {"cold", r.cold},
          {"cold_share", r.cold_share()},
          {"lost", r.lost},
          {"wait_mean_s", r.wait_mean},
          {"wait_p50_s", r.wait_p50},
          {"wait_p99_s", r.wait_p99},
          {"replica_s", r.replica_seconds},
          {"service_s", r.service_seconds},
          {"peak", r.peak},
          {"starts", r.starts},
          {"decisions", r.decisions}};
}

int replay_traces(const options& with) {
  if (with.list) {
    for (const auto& name : trace_names())
      std::cout << name << '\t' << make_trace(name, with.seed).about << '\n';
    return 0;
  }
  for (const auto& name : with.traces)
    for (const auto& one : replay_all(load(name, with), with))
      std::cout << to_json(one).dump() << std::endl;
  return 0;
}

void declare(CLI::App& app, options& with) {
  app.add_option("TRACE", with.traces, "Names of traces, and files of comma-separated values");
  app.add_flag("--list", with.list, "Name the traces and end");
  app.add_option("--start-up", with.start_ups, "Seconds that a replica takes to start; may be repeated")
    ->allow_extra_args(false)
    ->check(CLI::Range(0.0, 3600.0));
  app.add_option("--policy", with.policies, "Only this policy; may be repeated")
    ->allow_extra_args(false)
    ->check(CLI::IsMember(policy_names()));
  app.add_option("--seed", with.seed, "Of the random numbers in the traces");
  app.add_option("--jobs", with.jobs, "Threads")->check(CLI::Range(1, 1024));
  app.add_option("--service", with.files.service, "Seconds of a call whose file does not say it")
    ->check(CLI::Range(0.0f, 86400.0f));
  app.add_option("--concurrency", with.files.concurrency, "Slots of a replica, for files")->check(CLI::Range(1, 4096));
  app.add_option("--max", with.files.max, "Replicas at most, for files")->check(CLI::Range(1, 100000));
}

} // namespace

/// Prints one line of JSON per trace, start-up time and policy; tools/autoscale-replay makes tables and plots of them.
int main(int argc, char** argv) {
  CLI::App app("Replays traces in virtual time against several autoscalers.");
  options with;
  declare(app, with);
  try {
    app.parse(argc, argv);
    if (with.policies.empty())
      with.policies = policy_names();
    if (with.traces.empty())
      with.traces = trace_names();
    return replay_traces(with);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::Error& wrong) {
    std::cerr << "autoscale_replay: " << wrong.what() << '\n';
  } catch (const trace_error& wrong) {
    std::cerr << "autoscale_replay: " << wrong.what() << '\n';
  }
  return 2;
}
