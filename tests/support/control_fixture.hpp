#pragma once

#include "node/store/control_store.hpp"

#include <signal.h>
#include <sys/resource.h>

#include <cstdint>
#include <string>
#include <vector>

namespace hearth::test {

inline node::raft::entry entry(std::uint64_t index, std::uint64_t term) {
  return {index,
          term,
          node::raft::entry::kind::command,
          "entry " + std::to_string(index) + std::string(index % 700, '.'),
          {}};
}

/// `count` entries from `first` on; what they hold follows from their index.
inline std::vector<node::raft::entry> entries(std::uint64_t first, std::uint64_t count, std::uint64_t term) {
  std::vector<node::raft::entry> result;
  for (auto index = first; index < first + count; ++index)
    result.push_back(entry(index, term));
  return result;
}

inline void write_one(node::control_store& store, const node::raft::store& batch) { store.write({&batch, 1}); }

/// While it lives, no file of this process grows beyond `bytes`: as on a full disk.
class small_files {
public:
  explicit small_files(std::uint64_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~small_files() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }
  small_files(const small_files&) = delete;
  small_files& operator=(const small_files&) = delete;

private:
  rlimit before_{};
  void (*handler_)(int);
};

} // namespace hearth::test
