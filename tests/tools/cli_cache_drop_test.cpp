#include "tests/tools/command_fixture.hpp"
#include "tests/tools/scripted_node.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::cli_test;

namespace {

json kept(const std::string& task, const std::string& version) {
  return {{"id", "3f9a000000000000"}, {"project", "default"}, {"domain", "development"}, {"task", task},
          {"version", version},       {"node", "node-1"}};
}

/// Whether a row is of what a question names.
bool is_of(const json& row, const json& which) {
  for (const auto* part : {"project", "domain", "task", "version"})
    if (const auto name = which.value(part, ""); !name.empty() && row.at(part) != name)
      return false;
  return true;
}

/// A node that keeps two results, and stores a third one, of `math.old`, that was invalidated.
struct cli_cache_drop_fixture {
  bool tells = true; // what it keeps
  scripted_node node{[this](const std::string& name, const json& value, std::uint32_t request) {
    const auto which = value.value("which", json::object());
    if (name == "dropFromCache") {
      const bool removes = value.at("deletes") && which.value("version", "").empty()
                           && which.value("task", "").starts_with("math.");
      return response(request, {{"done", {{"detail", "it was done"}, {"count", removes ? "1" : "0"}}}});
    }
    if (!tells)
      return refusal(request, "Token cleaner has no scope `read`.");
    if (value.at("what") == "counts")
      return response(
        request,
        {{"cacheCounts",
          {{{"node", "node-1"}, {"figures", {{{"entries", "3"}}, {{"project", "default"}, {"entries", "3"}}}}}}}});
    auto rows = json::array();
    for (const auto& row : {kept("math.square", "1"), kept("math.square", "2")})
      if (is_of(row, which))
        rows.push_back(row);
    return response(request, {{"cacheEntries", rows}});
  }};

  outcome hearth(std::vector<std::string> words) const {
    words.insert(words.begin(), "cache");
    return run(words, {{"HEARTH_SOCKET", node.socket()}});
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(cli_cache_drop, cli_cache_drop_fixture)

BOOST_AUTO_TEST_CASE(invalidating_what_nothing_is_kept_of_says_so_and_is_done_all_the_same) {
  const auto said = hearth({"invalidate", "--task", "math.sqare"});
  BOOST_TEST(said.status == 0);
  BOOST_TEST(contains(
    said.out,
    "Nothing is kept of task `math.sqare` of domain `development` of project `default`. Did you mean `math.square`?"));
  BOOST_TEST(contains(said.out, "those of later ones are"));
  BOOST_TEST(node.asked().back().contains("dropFromCache"));
}

BOOST_AUTO_TEST_CASE(deleting_what_nothing_is_kept_of_fails) {
  const auto said = hearth({"delete", "--project", "trials"});
  BOOST_TEST(said.status == 1);
  BOOST_TEST(
    contains(said.err, "Nothing is kept of project `trials`; there are results of `default`. Nothing was deleted"));
}

BOOST_AUTO_TEST_CASE(the_versions_that_there_are_stand_beside_the_one_that_there_is_not) {
  const auto said = hearth({"delete", "--task", "math.square", "--version", "release-17"});
  BOOST_TEST(contains(said.err, "version `release-17` of task `math.square`"));
  BOOST_TEST(contains(said.err, "there are results of `1` and `2`."));
}

BOOST_AUTO_TEST_CASE(what_is_kept_is_dropped_without_further_words) {
  BOOST_TEST(hearth({"invalidate", "--task", "math.square"}).out == "it was done\n");
  BOOST_TEST(hearth({"delete", "--task", "math.square"}).out == "it was done\n");
  BOOST_TEST(hearth({"delete", "--all"}).out == "it was done\n");
}

BOOST_AUTO_TEST_CASE(what_was_invalidated_before_is_deleted_although_no_listing_shows_it) {
  const auto said = hearth({"delete", "--task", "math.old"});
  BOOST_TEST(said.status == 0);
  BOOST_TEST(said.out == "it was done\n");
}

BOOST_AUTO_TEST_CASE(who_may_not_look_may_invalidate) {
  tells = false;
  BOOST_TEST(hearth({"invalidate", "--task", "math.square"}).out == "it was done\n");
}

BOOST_AUTO_TEST_CASE(stored_results_that_are_not_served_are_counted_in_words) {
  BOOST_TEST(contains(hearth({"stats"}).out, "Of these, 1 entry is not served any more: invalidated, or too old."));
}

BOOST_AUTO_TEST_CASE(help_says_what_becomes_of_a_name_without_results) {
  BOOST_TEST(contains(hearth({"invalidate", "--help"}).out, "ends with status 0"));
  BOOST_TEST(contains(hearth({"delete", "--help"}).out, "ends with status 1"));
}

BOOST_AUTO_TEST_SUITE_END()
