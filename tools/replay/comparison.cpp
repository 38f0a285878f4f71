#include "tools/replay/comparison.hpp"

#include "tools/replay/keda_hpa.hpp"
#include "tools/replay/keep_alive.hpp"
#include "tools/replay/kpa.hpp"
#include "tools/replay/oracle.hpp"
#include "tools/replay/ours.hpp"
#include "tools/replay/ray_serve.hpp"

namespace hearth::replay {

const std::vector<std::string>& policy_names() {
  static const std::vector<std::string> names{"hearth",        "hearth_prewarm", "kpa",   "ray_serve", "keda_hpa",
                                              "keep_alive_60", "keep_alive_600", "oracle"};
  return names;
}

std::unique_ptr<policy> make_policy(const std::string& name, const trace& what) {
  if (name == "hearth" || name == "hearth_prewarm")
    return std::make_unique<ours>(name == "hearth_prewarm");
  if (name == "kpa")
    return std::make_unique<kpa>(what.concurrency, what.initial);
  if (name == "ray_serve")
    return std::make_unique<ray_serve>(what.concurrency, what.max, what.initial);
  if (name == "keda_hpa")
    return std::make_unique<keda_hpa>(what.concurrency, what.max, what.initial);
  if (name == "keep_alive_60")
    return std::make_unique<keep_alive>(60);
  if (name == "keep_alive_600")
    return std::make_unique<keep_alive>(600);
  return nullptr;
}

row replay(const trace& what, const std::string& policy, seconds start_up) {
  row result{.trace = what.name, .about = what.about, .start_up = start_up, .policy = policy, .result = {}};
  machine where;
  where.start_up = start_up;
  if (auto how = make_policy(policy, what))
    result.result = simulate(what, *how, where);
  else
    result.result = oracle(what, where);
  return result;
}

} // namespace hearth::replay
