#include "node/settings.hpp"
#include "node/start_error.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <stdexcept>
#include <string>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(node_settings)

namespace {

const std::map<std::string, std::string> home_only{{"HOME", "/home/u"}};

variable_reader reading(const std::map<std::string, std::string>& variables) {
  return [&variables](const char* name) {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

settings merged(const std::vector<settings_source>& sources, bool is_private = false) {
  return merge_settings(sources, is_private, reading(home_only), 7);
}

auto says(std::string_view part) {
  return [part](const start_error& e) {
    BOOST_TEST_MESSAGE(e.what());
    return std::string_view(e.what()).find(part) != std::string_view::npos;
  };
}

} // namespace

BOOST_AUTO_TEST_CASE(durations_are_numbers_with_a_unit_or_seconds) {
  BOOST_CHECK(parse_duration("250ms") == 250ms);
  BOOST_CHECK(parse_duration("1.5s") == 1500ms);
  BOOST_CHECK(parse_duration("10m") == 10min);
  BOOST_CHECK(parse_duration("2h") == 2h);
  BOOST_CHECK(parse_duration("90") == 90s);
  BOOST_CHECK(parse_duration("0") == 0s);
  for (auto* wrong : {"", "s", "-1s", "1 s", "1d", "nan", "inf", "1e300s", "99999999999999999999h", "5ss"})
    BOOST_CHECK_THROW(parse_duration(wrong), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(memory_is_a_number_with_a_unit) {
  BOOST_TEST(parse_memory("8Gi") == 8ULL << 30);
  BOOST_TEST(parse_memory("1.5Mi") == 3ULL << 19);
  BOOST_TEST(parse_memory("2G") == 2'000'000'000ULL);
  BOOST_TEST(parse_memory("1") == 1ULL);
  for (auto* wrong : {"", "0", "-1Gi", "8 Gi", "8GiB", "8Pi", "Gi", "nan", "99999999999Ti"})
    BOOST_CHECK_THROW(parse_memory(wrong), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(cpu_is_a_number_of_cores_or_of_thousandths) {
  BOOST_TEST(parse_cores("2") == 2000u);
  BOOST_TEST(parse_cores("1.5") == 1500u);
  BOOST_TEST(parse_cores("500m") == 500u);
  for (auto* wrong : {"", "0", "-1", "2c", "m", "99999999"})
    BOOST_CHECK_THROW(parse_cores(wrong), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(gpus_are_indices_or_none) {
  BOOST_TEST(parse_gpus("none").empty());
  BOOST_TEST(parse_gpus("0,3") == (std::vector<std::uint32_t>{0, 3}));
  for (auto* wrong : {"", "0,", ",0", "0 1", "a", "1,1", "-1", "all"})
    BOOST_CHECK_THROW(parse_gpus(wrong), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(resources_are_the_machines_unless_said) {
  const auto none = merged({});
  BOOST_TEST((!none.memory_bytes && !none.cpu_millis && !none.gpus && none.gpu_lock_directory.empty()));
  const settings_source said{"user.toml", {{"memory", "1Gi"}, {"cpu", "1"}, {"gpus", "none"}, {"gpu_locks", "/l"}}};
  const auto some = merged({said});
  BOOST_TEST(*some.memory_bytes == 1ULL << 30);
  BOOST_TEST(*some.cpu_millis == 1000u);
  BOOST_TEST(some.gpus->empty());
  BOOST_TEST(some.gpu_lock_directory == "/l");
  BOOST_CHECK_EXCEPTION(merged({{"user.toml", {{"memory", "much"}}}}), start_error,
                        says("memory = \"much\" (user.toml)"));
}

BOOST_AUTO_TEST_CASE(the_cache_has_the_usual_size_unless_said) {
  BOOST_TEST(merged({}).cache_bytes == defaults::cache_bytes_max);
  BOOST_TEST(merged({{"user.toml", {{"cache_size", "1Gi"}}}}).cache_bytes == 1ULL << 30);
}

BOOST_AUTO_TEST_CASE(isolation_is_one_of_its_words_or_left_to_the_node) {
  BOOST_TEST(!merged({}).isolation.has_value());
  BOOST_CHECK(merged({{"flags", {{"isolation", "sandbox-only"}}}}).isolation == isolation::sandbox_only);
  BOOST_CHECK(merged({{"flags", {{"isolation", "process"}}}}).isolation == isolation::process);
  BOOST_CHECK_EXCEPTION(merged({{"flags", {{"isolation", "container"}}}}), start_error,
                        says("process, sandbox, sandbox-only"));
}

BOOST_AUTO_TEST_CASE(the_first_source_that_says_something_wins) {
  const settings_source flags{"the command line", {{"idle_exit", "1s"}}};
  const settings_source user{"user.toml", {{"idle_exit", "2s"}, {"log_level", "debug"}}};
  const settings_source system{"system.toml", {{"idle_exit", "3s"}, {"log_level", "error"}, {"node_name", "n1"}}};
  const auto result = merged({flags, user, system});
  BOOST_CHECK(result.idle_exit == 1s);
  BOOST_CHECK_EQUAL(result.log_level, "debug");
  BOOST_CHECK_EQUAL(result.name, "n1");
}

BOOST_AUTO_TEST_CASE(without_any_source_a_node_never_ends_by_itself_and_a_private_one_does) {
  BOOST_CHECK(merged({}).idle_exit == 0ms);
  BOOST_CHECK(merged({}, true).idle_exit == 10min);
  BOOST_CHECK(merged({{"flags", {{"idle_exit", "0"}}}}, true).idle_exit == 0ms);
  BOOST_CHECK_EQUAL(merged({}).socket, "/tmp/hearth-7/node.sock");
  BOOST_CHECK_EQUAL(merged({}).state_directory, "/home/u/.local/state/hearth");
  BOOST_CHECK(!merged({}).name.empty());
}

BOOST_AUTO_TEST_CASE(a_private_node_logs_to_a_file_of_its_state) {
  BOOST_CHECK(merged({}).log_file.empty());
  BOOST_CHECK_EQUAL(merged({}, true).log_file, "/home/u/.local/state/hearth/hearthd.log");
}

BOOST_AUTO_TEST_CASE(a_value_that_does_not_fit_is_refused_with_its_origin) {
  BOOST_CHECK_EXCEPTION(merged({{"HEARTH_* variables", {{"idle_exit", "soon"}}}}), start_error,
                        says("HEARTH_* variables"));
  BOOST_CHECK_EXCEPTION(merged({{"x.toml", {{"log_level", "loud"}}}}), start_error, says("warning"));
  BOOST_CHECK_EXCEPTION(merged({{"x.toml", {{"node_name", "two words"}}}}), start_error, says("visible"));
  BOOST_CHECK_EXCEPTION(merged({{"x.toml", {{"socket", ""}}}}), start_error, says("path"));
}

BOOST_AUTO_TEST_CASE(variables_are_the_settings_names_in_capitals) {
  const std::map<std::string, std::string> variables{
    {"HEARTH_IDLE_EXIT", "5s"}, {"HEARTH_STATE_DIR", "/s"}, {"HEARTH_SOCKET", ""}};
  const auto source = settings_from_variables(reading(variables));
  BOOST_CHECK_EQUAL(source.values.at("idle_exit"), "5s");
  BOOST_CHECK_EQUAL(source.values.at("state_dir"), "/s");
  BOOST_CHECK_EQUAL(source.values.count("socket"), 0u); // empty says nothing
}

BOOST_AUTO_TEST_CASE(a_file_says_settings_and_nothing_else) {
  test::scratch home;
  const auto file = home / "hearth.toml";
  BOOST_CHECK(settings_from_file(file).values.empty());
  test::write_file(file, "idle_exit = 30\nstop_grace = \"250ms\"\nnode_name = \"n\"\n");
  const auto read = merged({settings_from_file(file)});
  BOOST_CHECK(read.idle_exit == 30s);
  BOOST_CHECK(read.stop_grace == 250ms);
  test::write_file(file, "idle_exti = 30\n");
  BOOST_CHECK_EXCEPTION(settings_from_file(file), start_error, says("idle_exti; there are socket"));
  test::write_file(file, "idle_exit = true\n");
  BOOST_CHECK_EXCEPTION(settings_from_file(file), start_error, says("idle_exit must be"));
  test::write_file(file, "\nidle_exit = \n");
  BOOST_CHECK_EXCEPTION(settings_from_file(file), start_error, says("line 2"));
}

BOOST_AUTO_TEST_SUITE_END()
