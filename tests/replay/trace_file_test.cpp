#include "tools/replay/trace_file.hpp"
#include "tools/replay/traces.hpp"

#include <boost/test/unit_test.hpp>

#include <sstream>

using namespace hearth::replay;

BOOST_AUTO_TEST_SUITE(replay_traces)

namespace {

const auto near = boost::test_tools::tolerance(1e-5);

trace read(const std::string& text, const file_defaults& defaults = {}) {
  std::istringstream in(text);
  return read_trace(in, "file", defaults);
}

} // namespace

BOOST_AUTO_TEST_CASE(calls_to_a_language_model_have_a_service_time_by_their_tokens) {
  auto it = read("TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
                 "2023-11-16 23:59:59.5000000,1000,10\r\n"
                 "2023-11-17 00:00:01.0000000,0,100\r\n");
  BOOST_REQUIRE(it.calls.size() == 2u);
  BOOST_TEST(it.calls[0].arrival == 10, near);
  BOOST_TEST(it.calls[1].arrival == 11.5, near); // over midnight
  BOOST_TEST(double(it.calls[0].service) == 0.35, near);
  BOOST_TEST(double(it.calls[1].service) == 2.05, near);
  BOOST_TEST(it.end == 11.5, near);
}

BOOST_AUTO_TEST_CASE(any_file_with_arrivals_will_do) {
  auto it = read("service,arrival\n0.25,7\n0.5,3\n");
  BOOST_REQUIRE(it.calls.size() == 2u);
  BOOST_TEST(it.calls[0].service == 0.5f); // sorted
  BOOST_TEST(it.calls[1].arrival == 14, near);
  BOOST_TEST(read("Seconds\n1\n", {.service = 2}).calls[0].service == 2.0f);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_named_with_its_line) {
  auto says = [](const std::string& text, const std::string& what) {
    try {
      read(text);
    } catch (const trace_error& wrong) {
      return std::string(wrong.what()).find(what) != std::string::npos;
    }
    return false;
  };
  BOOST_TEST(says("", "empty"));
  BOOST_TEST(says("a,b\n1,2\n", "no columns"));
  BOOST_TEST(says("arrival\n", "no calls"));
  BOOST_TEST(says("arrival\n1\nx\n", "line 3"));
  BOOST_TEST(says("arrival\ninf\n", "line 2"));
  BOOST_TEST(says("arrival,service\n1,-1\n", "line 2"));
  BOOST_TEST(says("arrival,service\n1\n", "line 2"));
  BOOST_TEST(says("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-13-16 18:17:03,1,1\n", "line 2"));
}

BOOST_AUTO_TEST_CASE(traces_are_the_same_for_the_same_seed_and_sorted) {
  for (const auto& name : trace_names()) {
    if (name == "T6")
      continue;
    const auto a = make_trace(name, 5), b = make_trace(name, 5);
    BOOST_TEST(!a.about.empty());
    BOOST_REQUIRE(a.calls.size() == b.calls.size());
    for (std::size_t i = 0; i < a.calls.size(); ++i) {
      BOOST_REQUIRE(a.calls[i].arrival == b.calls[i].arrival);
      BOOST_REQUIRE(a.calls[i].service == b.calls[i].service);
      BOOST_REQUIRE((i == 0 || a.calls[i - 1].arrival <= a.calls[i].arrival));
    }
    BOOST_TEST((!a.calls.empty() || !a.users.empty()));
  }
  BOOST_CHECK_THROW(make_trace("T99", 1), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()
