#include "node/interpreter/inspector.hpp"

#include "actors/error.hpp"
#include "core/defaults.hpp"

#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <utility>

namespace hearth::node {

inspector_actor::behavior_type inspector_state::make_behavior(inspector_actor::pointer self,
                                                              const inspector_config& config) {
  self_ = self;
  config_ = std::make_unique<inspector_config>(config);
  patience_ = std::make_unique<loop_timer>(config.loop.timers(), [this] {
    if (look_ && look_->process)
      look_->process->kill();
  });
  return {[this](atom::check, const std::string& json) { return check(json); }};
}

caf::result<std::vector<finding>> inspector_state::check(const std::string& json) {
  question asked;
  try {
    for (auto& environment : read_inspection(json, config_->default_python))
      asked.left.push_back(std::move(environment));
  } catch (const std::invalid_argument& e) {
    return error_of({ec::bad_request, e.what()});
  }
  if (line_.size() >= defaults::inspections_waiting_max)
    return error_of({ec::overloaded, "This node has too many checks to do already; try again later."});
  asked.found.push_back(of_isolation());
  asked.promise = self_->make_response_promise<caf::typed_response_promise<std::vector<finding>>>();
  auto promise = asked.promise;
  line_.push_back(std::move(asked));
  if (!look_)
    go_on();
  return promise;
}

finding inspector_state::of_isolation() const {
  const auto level = config_->isolation.level;
  const bool can = ::access(config_->isolation.bubblewrap.c_str(), X_OK) == 0;
  auto text = std::string(word_of(level));
  if (!can)
    text += ", and " + config_->isolation.bubblewrap + " is missing; install the package bubblewrap";
  return {can || level == isolation::process, "isolation", text};
}

void inspector_state::go_on() {
  while (!line_.empty() && !look_) {
    auto& asked = line_.front();
    if (asked.left.empty()) {
      asked.promise.deliver(std::move(asked.found));
      line_.pop_front();
      continue;
    }
    const auto& what = asked.left.front();
    auto why = unusable_python(what.spec);
    if (!why)
      why = unusable_isolation(config_->isolation, what.spec);
    if (!why) {
      start(what);
      continue;
    }
    asked.found.push_back({false, "environment " + what.spec.name, why->message});
    asked.left.pop_front();
  }
}

void inspector_state::start(const inspected_environment& what) {
  try {
    look_ = std::make_unique<look>();
    look_->in_sandbox = is_sandboxed(config_->isolation, what.spec);
    auto process = launch(command_for(config_->isolation, what.spec, sighting_words(what), config_->boot, {}, {}));
    *config_->child = process.pid;
    look_->output = std::make_unique<raw_output>(config_->loop, kj::mv(process.output), [this](std::string_view text) {
      if (look_->printed.size() + text.size() <= defaults::sighting_bytes_max)
        look_->printed += text;
    });
    look_->process = std::make_unique<child_process>(config_->loop, process.pid, kj::mv(process.pidfd),
                                                     [this](exit_status status) { ended(status); });
    patience_->set(defaults::inspection_timeout);
  } catch (const std::exception& error) {
    *config_->child = 0;
    look_ = nullptr;
    auto& asked = line_.front();
    asked.found.push_back(
      {false, "environment " + what.spec.name, std::string("cannot be looked at on this node (") + error.what() + ")"});
    asked.left.pop_front();
  }
}

void inspector_state::ended(exit_status status) {
  patience_->cancel();
  look_->output->read_rest();
  const auto done = std::move(look_);
  *config_->child = 0;
  auto& asked = line_.front();
  const auto what = std::move(asked.left.front());
  asked.left.pop_front();
  if (const auto seen = read_sighting(done->printed)) {
    const auto exists = [](const std::string& path) {
      std::error_code error;
      return std::filesystem::exists(path, error);
    };
    for (auto& found : findings_of(what, *seen, done->in_sandbox, exists))
      asked.found.push_back(std::move(found));
  } else {
    constexpr std::size_t last_bytes = 400;
    asked.found.push_back({false, "interpreter " + what.spec.python + " (" + what.spec.name + ")",
                           in_words(done->in_sandbox ? of_sandbox(status) : status)
                             + "; the last it wrote: " + done->output->tail().last_line(last_bytes)});
  }
  go_on();
}

inspector_actor spawn_inspector(const inspector_config& config) {
  return config.loop.system().spawn([config](inspector_actor::stateful_pointer<inspector_state> self) {
    return self->state.make_behavior(self, config);
  });
}

} // namespace hearth::node
