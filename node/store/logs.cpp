#include "node/store/logs.hpp"

#include <algorithm>
#include <limits>

namespace hearth::node {

namespace {

/// Logs whose losses are remembered while the disk fails; more are forgotten rather than kept in memory.
constexpr std::size_t failing_logs_max = 10'000;

std::uint64_t size_of(const std::vector<log_text>& texts) {
  std::uint64_t size = 0;
  for (const auto& text : texts)
    size += text.text.size() + text.dropped;
  return size;
}

} // namespace

void logs_state::append(std::string& log, std::vector<log_text>& texts) {
  if (texts.empty())
    return;
  const auto size = size_of(texts);
  std::uint64_t missed = 0;
  if (auto lost = dropped_.extract(log); !lost.empty())
    missed = lost.mapped();
  auto& first = texts.front().dropped;
  first = static_cast<std::uint32_t>(
    std::min<std::uint64_t>(first + missed, std::numeric_limits<std::uint32_t>::max()));
  auto door = caf::actor_cast<caf::actor>(self_);
  const bool taken = config_.disk->submit(
    size, [this, door, log, lost = size + missed, texts = std::move(texts), files = config_.files] {
      completion then;
      try {
        files->append(log, texts);
        then = [this] { is_failing_ = false; };
      } catch (...) {
        then = [this, log, lost, why = current_failure()] { dropped(log, lost, why.message); };
      }
      caf::anon_send(door, atom::tick::value, std::move(then));
    });
  if (!taken)
    dropped(log, size + missed, storage_busy().message);
}

void logs_state::dropped(const std::string& log, std::uint64_t bytes, const std::string& why) {
  if (dropped_.size() < failing_logs_max || dropped_.count(log) > 0)
    dropped_[log] += bytes;
  if (!is_failing_ && config_.warn)
    config_.warn("Output of tasks is being dropped. " + why);
  is_failing_ = true;
}

log_door::behavior_type logs_state::make_behavior(log_door::pointer self, logs_config config) {
  self_ = self;
  config_ = std::move(config);
  return {
    [this](atom::append, std::string& log, std::vector<log_text>& texts) { append(log, texts); },
    [this](atom::read, std::string& log, std::uint32_t lines) {
      return answer_off_loop<std::vector<log_text>>(
        self_, *config_.disk, 0, [log, lines, files = config_.files] { return files->read(log, lines); });
    },
    [](atom::tick, completion& then) { then(); },
  };
}

} // namespace hearth::node
