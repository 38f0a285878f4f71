#include "actors/error.hpp"
#include "actors/run_keeper.hpp"

#include <string>

/// Runs that are asked for again: the same submission, and what a run was made of.
namespace hearth {

namespace {

bool have_same_bytes(const payload& a, const payload& b) {
  if (a.size() != b.size())
    return false;
  const auto joined = [](const payload& value) {
    std::string text(value.head.view());
    for (const auto& part : value.rest)
      text += part.view();
    return text;
  };
  return joined(a) == joined(b);
}

} // namespace

/// The same submission once more, perhaps because its client lost the connection: it is one run.
caf::result<std::string> run_keeper_state::accept_again(run_record& run, const run_order& order) {
  const bool is_same = !run.spec
                       || (run.spec->version == order.spec->version && run.task == order.root.header.task
                           && have_same_bytes(run.arguments, order.root.arguments));
  if (!is_same)
    return error_of(
      {ec::conflict,
       "Run `" + run.row.name + "` was started with this id and another task, code or inputs; start a new run."});
  if (!order.session)
    return run.row.name;
  if (run.ended()) {
    self_->send(order.session, atom::replies::value, std::vector<call_reply>{*run.result});
    return run.row.name;
  }
  auto& l = live_.at(run.row.call);
  l.session = order.session;
  heed(order.session.address());
  if (order.logs)
    l.watchers.push_back(std::make_shared<watcher>(order.session));
  return run.row.name;
}

caf::result<kept_call> run_keeper_state::again(const std::string& name_or_root) {
  auto* run = find(name_or_root);
  if (!run)
    return unknown(name_or_root);
  if (!run->spec)
    return error_of({ec::gone, "The inputs of run `" + run->row.name
                                 + "` are no longer kept; start it from its program, as the first time."});
  return kept_call{run->spec, run->task, run->arguments, run->row.project, run->row.domain, run->row.inputs};
}

} // namespace hearth
