#pragma once

#include "core/digest.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// What an environment is, as plain values; the twin of schema/environment.capnp, where each field is explained.
namespace hearth {

using milliseconds = std::chrono::milliseconds;

struct retry_spec {
  std::uint32_t count = 0;
  std::uint32_t lost = 3;
  milliseconds backoff_base{0};
  double backoff_factor = 1.0;
  milliseconds backoff_cap{0};

  bool operator==(const retry_spec&) const = default;
};

/// Zero means unlimited.
struct timeout_spec {
  milliseconds max_runtime{0};
  milliseconds max_queued{0};
  milliseconds deadline{0};

  bool operator==(const timeout_spec&) const = default;
};

/// How results of a task are kept.
struct caching_spec {
  std::string version; // empty: not at all
  std::string signature;
  std::vector<std::string> inputs;
  bool serialize = false;
  milliseconds ttl{0}; // 0: as long as there is room
  digest scope;        // computed by the node when the environment is opened

  bool operator==(const caching_spec&) const = default;
};

struct task_spec {
  std::string name;
  std::string short_name;
  std::string module;
  std::string function;
  std::string pickle;
  bool is_async = false;
  retry_spec retries;
  timeout_spec timeout;
  std::uint64_t max_inline_io_bytes = 0;
  std::string cache;
  std::string docs;
  std::string signature;
  caching_spec caching;

  bool operator==(const task_spec&) const = default;
};

/// A function that each replica runs once: before its first call, or when it ends politely.
struct hook_spec {
  std::string module;
  std::string function;
  std::string pickle;
  bool is_async = false;
  bool is_stop = false;

  bool operator==(const hook_spec&) const = default;
};

struct reuse_spec {
  bool enabled = false;
  std::uint32_t min_replicas = 0;
  std::uint32_t max_replicas = 0;
  std::uint32_t concurrency = 1;
  milliseconds idle_ttl{30'000};
  milliseconds scaledown_ttl{30'000};
  std::string scope = "global";
  bool prewarm = false;
  std::string hygiene = "keep";
  std::uint64_t recycle_calls = 0; // 0 means never, here and below
  milliseconds recycle_age{0};
  std::uint64_t recycle_growth_bytes = 0;
  std::string placement = "spread";

  /// Few nodes rather than many.
  bool packs() const { return placement == "pack"; }
  /// Each call runs in a fresh fork of a warm parent.
  bool forks_per_call() const { return hygiene == "fork"; }
  /// Each run has a pool of its own.
  bool is_of_run() const { return scope == "run"; }

  bool operator==(const reuse_spec&) const = default;
};

struct resource_spec {
  std::uint32_t cpu_millis = 0;
  std::uint32_t cpu_limit_millis = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t memory_limit_bytes = 0;
  std::uint32_t gpu = 0;
  std::uint64_t disk_bytes = 0;
  std::uint64_t shm_bytes = 0;

  bool operator==(const resource_spec&) const = default;
};

struct variable {
  std::string name;
  std::string value;

  bool operator==(const variable&) const = default;
};

/// An HTTP service whose requests are calls.
struct app_spec {
  std::string kind; // "asgi", "wsgi", "server", "command"; empty: no app
  std::string module;
  std::string attribute;
  std::string pickle;
  bool is_async = false;
  std::vector<std::string> command;
  std::uint16_t port = 0;
  std::string health;
  bool requires_auth = true;
  std::vector<std::string> hosts;
  milliseconds request_timeout{0}; // 0: the node's default
  std::string metric;              // "concurrency", "rate"; empty: the node's own rule
  std::uint32_t target = 0;
  bool inactive = false;

  bool operator==(const app_spec&) const = default;
};

struct environment_spec {
  std::string project;
  std::string domain;
  std::string name;
  std::string description;
  std::string bundle;
  std::string python;
  std::vector<task_spec> tasks;
  reuse_spec reuse;
  resource_spec resources;
  std::vector<variable> variables;
  std::vector<std::string> preload;
  std::vector<std::string> mounts;
  std::string isolation; // "process", "sandbox"; empty: as the node has it
  std::vector<std::string> depends_on;
  std::vector<hook_spec> hooks;
  app_spec app;

  bool is_app() const { return !app.kind.empty(); }

  /// As sentences begin: "App web", "Environment digits".
  std::string title() const { return (is_app() ? "App " : "Environment ") + name; }

  /// 15 hex digits; computed by the node when the environment is opened, over everything but the live fields.
  std::string version;

  bool has_stop_hooks() const {
    return std::any_of(hooks.begin(), hooks.end(), [](const hook_spec& hook) { return hook.is_stop; });
  }

  /// Whether results of any task are kept.
  bool keeps_results() const {
    return std::any_of(tasks.begin(), tasks.end(), [](const task_spec& task) { return !task.caching.version.empty(); });
  }

  /// "project/domain/name": what one supervisor owns.
  std::string key() const { return project + '/' + domain + '/' + name; }
};

} // namespace hearth
