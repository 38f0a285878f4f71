#include "node/wire/environment_version.hpp"

#include <boost/test/unit_test.hpp>

#include <cctype>
#include <functional>
#include <set>
#include <string>
#include <vector>

using namespace hearth;
using hearth::node::environment_version;

BOOST_AUTO_TEST_SUITE(versions)

namespace {

environment_spec sample() {
  environment_spec spec;
  spec.project = "p";
  spec.domain = "d";
  spec.name = "digits";
  spec.bundle = std::string(64, 'a');
  spec.python = "/usr/bin/python3";
  task_spec task;
  task.name = "digits.classify";
  task.module = "digits";
  task.function = "classify";
  spec.tasks = {task, task};
  spec.reuse.enabled = true;
  spec.reuse.min_replicas = 1;
  spec.reuse.max_replicas = 4;
  spec.reuse.concurrency = 2;
  spec.hooks = {{"digits", "load", "", false, false}};
  spec.variables = {{"A", "1"}};
  spec.preload = {"numpy"};
  return spec;
}

using change = std::function<void(environment_spec&)>;

std::string version_after(const change& make) {
  auto spec = sample();
  make(spec);
  return environment_version(spec);
}

} // namespace

BOOST_AUTO_TEST_CASE(a_version_is_15_hex_digits_and_the_same_on_every_node) {
  BOOST_CHECK_EQUAL(environment_version(sample()), version_after([](auto&) {}));
  BOOST_CHECK_EQUAL(environment_version(sample()).size(), 15u);
  for (const unsigned char c : environment_version(sample()))
    BOOST_CHECK(std::isxdigit(c));
  BOOST_CHECK_EQUAL(environment_version({}), "475517d462747ba");
}

BOOST_AUTO_TEST_CASE(live_fields_do_not_change_it) {
  const std::vector<change> live{
    [](auto& s) { s.description = "another"; },
    [](auto& s) { s.reuse.min_replicas = 2; },
    [](auto& s) { s.reuse.max_replicas = 8; },
    [](auto& s) { s.reuse.idle_ttl = milliseconds(1); },
    [](auto& s) { s.reuse.scaledown_ttl = milliseconds(1); },
    [](auto& s) { s.reuse.prewarm = true; },
    [](auto& s) { s.reuse.recycle_calls = 1; },
    [](auto& s) { s.reuse.recycle_age = milliseconds(1); },
    [](auto& s) { s.reuse.recycle_growth_bytes = 1; },
    [](auto& s) { s.reuse.placement = "pack"; },
    [](auto& s) { s.version = "whatever"; },
  };
  for (const auto& make : live)
    BOOST_CHECK_EQUAL(version_after(make), environment_version(sample()));
}

BOOST_AUTO_TEST_CASE(everything_else_does) {
  const std::vector<change> changes{
    [](auto& s) { s.project = "q"; },
    [](auto& s) { s.domain = "q"; },
    [](auto& s) { s.name = "q"; },
    [](auto& s) { s.bundle[0] = 'b'; },
    [](auto& s) { s.python += "9"; },
    [](auto& s) { s.tasks.pop_back(); },
    [](auto& s) { s.tasks[0].name = "q"; },
    [](auto& s) { s.tasks[1].name = "q"; },
    [](auto& s) { s.tasks[0].short_name = "q"; },
    [](auto& s) { s.tasks[0].module = "q"; },
    [](auto& s) { s.tasks[0].function = "q"; },
    [](auto& s) { s.tasks[0].pickle = "q"; },
    [](auto& s) { s.tasks[0].is_async = true; },
    [](auto& s) { s.tasks[0].retries.count = 1; },
    [](auto& s) { s.tasks[0].retries.lost = 0; },
    [](auto& s) { s.tasks[0].retries.backoff_base = milliseconds(1); },
    [](auto& s) { s.tasks[0].retries.backoff_factor = 1.5; },
    [](auto& s) { s.tasks[0].retries.backoff_cap = milliseconds(1); },
    [](auto& s) { s.tasks[0].timeout.max_runtime = milliseconds(1); },
    [](auto& s) { s.tasks[0].timeout.max_queued = milliseconds(1); },
    [](auto& s) { s.tasks[0].timeout.deadline = milliseconds(1); },
    [](auto& s) { s.tasks[0].max_inline_io_bytes = 1; },
    [](auto& s) { s.tasks[0].cache = "{}"; },
    [](auto& s) { s.tasks[0].docs = "q"; },
    [](auto& s) { s.tasks[0].signature = "q"; },
    [](auto& s) { s.reuse.enabled = false; },
    [](auto& s) { s.reuse.concurrency = 3; },
    [](auto& s) { s.reuse.scope = "run"; },
    [](auto& s) { s.reuse.hygiene = "fork"; },
    [](auto& s) { s.resources.cpu_millis = 1; },
    [](auto& s) { s.resources.cpu_limit_millis = 1; },
    [](auto& s) { s.resources.memory_bytes = 1; },
    [](auto& s) { s.resources.memory_limit_bytes = 1; },
    [](auto& s) { s.resources.gpu = 1; },
    [](auto& s) { s.resources.disk_bytes = 1; },
    [](auto& s) { s.resources.shm_bytes = 1; },
    [](auto& s) { s.variables[0].name = "B"; },
    [](auto& s) { s.variables[0].value = "2"; },
    [](auto& s) {
      s.variables.push_back({"B", "2"});
    },
    [](auto& s) { s.preload.clear(); },
    [](auto& s) { s.mounts.push_back("/m"); },
    [](auto& s) { s.isolation = "sandbox"; },
    [](auto& s) { s.depends_on.push_back("e"); },
    [](auto& s) { s.hooks.clear(); },
    [](auto& s) { s.hooks[0].module = "q"; },
    [](auto& s) { s.hooks[0].function = "q"; },
    [](auto& s) { s.hooks[0].pickle = "q"; },
    [](auto& s) { s.hooks[0].is_async = true; },
    [](auto& s) { s.hooks[0].is_stop = true; },
  };
  std::set<std::string> seen{environment_version(sample())};
  for (std::size_t i = 0; i < changes.size(); ++i)
    BOOST_CHECK_MESSAGE(seen.insert(version_after(changes[i])).second,
                        "change " << i << " gives a version seen before");
}

BOOST_AUTO_TEST_CASE(what_serves_an_app_changes_it_and_how_it_is_asked_does_not) {
  const auto app_after = [](const change& make) {
    auto spec = sample();
    spec.app.kind = "asgi";
    spec.app.command = {"a"};
    make(spec);
    return environment_version(spec);
  };
  const std::vector<change> live{
    [](auto& s) { s.app.requires_auth = false; },
    [](auto& s) { s.app.hosts = {"q"}; },
    [](auto& s) { s.app.request_timeout = s.tasks[0].timeout.max_runtime = milliseconds{1}; },
    [](auto& s) { s.app.metric = "rate", s.app.target = 1; },
    [](auto& s) { s.app.inactive = true; },
  };
  const auto as_it_is = app_after([](auto&) {});
  for (const auto& make : live)
    BOOST_CHECK_EQUAL(app_after(make), as_it_is);
  const std::vector<change> changes{
    [](auto& s) { s.app = {}; },
    [](auto& s) { s.app.kind = "wsgi"; },
    [](auto& s) { s.app.module = "q"; },
    [](auto& s) { s.app.attribute = "q"; },
    [](auto& s) { s.app.pickle = "q"; },
    [](auto& s) { s.app.is_async = true; },
    [](auto& s) {
      s.app.command = {"a", "b"};
    },
    [](auto& s) { s.app.port = 1; },
    [](auto& s) { s.app.health = "/q"; },
  };
  std::set<std::string> seen{as_it_is};
  for (const auto& make : changes)
    BOOST_CHECK(seen.insert(app_after(make)).second);
}

BOOST_AUTO_TEST_CASE(fields_do_not_run_into_one_another) {
  BOOST_CHECK_NE(version_after([](auto& s) { s.project = "ab", s.domain = "c"; }),
                 version_after([](auto& s) { s.project = "a", s.domain = "bc"; }));
  BOOST_CHECK_NE(version_after([](auto& s) {
                   s.preload = {"a", "b"}, s.mounts = {};
                 }),
                 version_after([](auto& s) { s.preload = {"a"}, s.mounts = {"b"}; }));
}

BOOST_AUTO_TEST_SUITE_END()
