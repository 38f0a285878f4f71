#pragma once

#include "core/defaults.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace hearth::node {

/// Trouble that anybody can cause, told so that it does not fill a log: the same about the same peer once in
/// defaults::link_log_interval, with how often it came in between; all of it counted. One thread.
class complaints {
public:
  using clock = std::chrono::steady_clock;

  explicit complaints(std::function<void(std::string_view)> tell) : tell_(std::move(tell)) {}

  /// "<who> <what>."
  void note(const std::string& who, const std::string& what, clock::time_point now = clock::now()) {
    ++total_;
    const auto found = told_.find({who, what});
    if (found != told_.end() && now - found->second.at < defaults::link_log_interval) {
      ++found->second.silent;
      return;
    }
    auto text = who + ' ' + what;
    if (found != told_.end() && found->second.silent > 0)
      text += " (and " + std::to_string(found->second.silent) + " times since it was last told)";
    forget_old(now);
    told_[{who, what}] = {now, 0};
    if (tell_)
      tell_(text);
  }

  std::uint64_t total() const noexcept { return total_; }
  std::size_t remembered() const noexcept { return told_.size(); }

private:
  struct told {
    clock::time_point at;
    std::uint64_t silent = 0;
  };

  /// Who comes under ever new names costs no memory; then it is told a little more often.
  void forget_old(clock::time_point now) {
    if (told_.size() < defaults::link_log_names_max)
      return;
    std::erase_if(told_, [&](const auto& entry) { return now - entry.second.at >= defaults::link_log_interval; });
    if (told_.size() >= defaults::link_log_names_max)
      told_.clear();
  }

  std::function<void(std::string_view)> tell_;
  std::map<std::pair<std::string, std::string>, told> told_;
  std::uint64_t total_ = 0;
};

} // namespace hearth::node
