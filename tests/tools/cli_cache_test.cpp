#include "tests/tools/command_fixture.hpp"
#include "tests/tools/scripted_node.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::cli_test;

namespace {

json entry(const std::string& id, const std::string& project, const std::string& node = "node-1") {
  return {{"id", id},
          {"project", project},
          {"domain", "development"},
          {"task", "math.square"},
          {"version", "1"},
          {"createdUnixMs", "1700000000000"},
          {"runUs", "1500000"},
          {"sizeBytes", "2048"},
          {"hits", "7"},
          {"producer", "nightly"},
          {"node", node}};
}

/// A node that keeps two results of two projects.
std::string answer_of_cache(const std::string& name, const json& value, std::uint32_t request) {
  if (name != "getCache")
    return response(request, {{"done", {{"detail", "did " + name}, {"count", "3"}}}});
  const auto what = value.at("what").get<std::string>();
  if (what == "entries")
    return response(request,
                    {{"cacheEntries", {entry("3f9a000000000000", "default"), entry("00aa000000000000", "other")}}});
  if (what == "entry")
    return reply_frame(0, 0, "\x04", 1) + response(request, {{"cacheEntries", {entry("3f9a000000000000", "default")}}});
  if (what == "audit" && value.at("which").at("task") == "math.unsteady")
    return response(request, {{"cacheAudits",
                               {{{"project", "default"},
                                 {"domain", "development"},
                                 {"task", "math.unsteady"},
                                 {"version", "1"},
                                 {"same", "3"},
                                 {"different", "2"},
                                 {"example", "nightly"}}}}});
  if (what == "audit")
    return response(request, {{"cacheAudits", json::array()}});
  if (what == "limits")
    return response(request, {{"cacheLimits",
                               {{{"project", "brief"}, {"sizeBytes", "0"}, {"ttlMs", "604800000"}},
                                {{"project", "trials"}, {"sizeBytes", "2147483648"}, {"ttlMs", "0"}}}}});
  if (what == "checks")
    return response(request,
                    {{"cacheChecks", {{{"node", "node-1"}, {"entries", "10"}, {"bytes", "2048"}, {"damaged", "1"}}}}});
  return response(request, {{"cacheCounts",
                             {{{"node", "node-1"},
                               {"hits", "3"},
                               {"misses", "1"},
                               {"populated", "1"},
                               {"savedUs", "4500000"},
                               {"putFailures", "2"},
                               {"figures",
                                {{{"entries", "9"}, {"bytes", "2048"}, {"bytesMax", "1073741824"}, {"hits", "8"}},
                                 {{"project", "local"}, {"entries", "1"}, {"bytes", "1024"}, {"hits", "7"}}}}}}}});
}

struct cli_cache_fixture {
  scripted_node node{answer_of_cache};

  outcome hearth(std::vector<std::string> words) const {
    words.insert(words.begin(), "cache");
    return run(words, {{"HEARTH_SOCKET", node.socket()}});
  }

  json last_asked() const { return node.asked().back(); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(cli_cache, cli_cache_fixture)

BOOST_AUTO_TEST_CASE(entries_are_a_table_with_a_project_where_there_are_several) {
  const auto said = hearth({"list", "--task", "math.square", "--limit", "5"});
  BOOST_TEST(said.status == 0);
  BOOST_TEST(contains(said.out, "ID                TASK         VERSION  PROJECT"));
  BOOST_TEST(contains(said.out, "3f9a000000000000  math.square  1        default/development"));
  BOOST_TEST(contains(said.out, "nightly"));
  BOOST_TEST(!contains(said.out, "NODE"));
  BOOST_TEST(last_asked()["getCache"]["which"]["task"] == "math.square");
  BOOST_TEST(last_asked()["getCache"]["limit"] == 5);
}

BOOST_AUTO_TEST_CASE(numbers_of_rows_are_numbers_for_programs) {
  const auto rows = json::parse(hearth({"list", "-o", "json"}).out);
  BOOST_TEST(rows.at(0).at("sizeBytes") == 2048);
  BOOST_TEST(rows.at(0).at("hits") == 7);
}

BOOST_AUTO_TEST_CASE(an_entry_is_shown_with_its_value) {
  const auto said = hearth({"show", "3f9a"});
  BOOST_TEST(said.status == 0);
  BOOST_TEST(contains(said.out, "nightly"));
  BOOST_TEST(said.out.ends_with("\nValue\n4\n"));
  BOOST_TEST(last_asked()["getCache"]["which"]["entry"] == "3f9a");
  BOOST_TEST(json::parse(hearth({"show", "3f9a", "-o", "json"}).out).at("value") == 4);
}

BOOST_AUTO_TEST_CASE(counts_are_told_in_a_sentence_and_a_table) {
  const auto said = hearth({"stats"});
  BOOST_TEST(contains(said.out, "Since node node-1 started: 3 hits (75%), 1 miss; hits have saved 4.50 s"));
  BOOST_TEST(contains(said.out, "2 results could not be kept"));
  BOOST_TEST(!contains(said.out, "lookups failed"));
  BOOST_TEST(contains(said.out, "2.0 KiB"));
  BOOST_TEST(contains(said.out, "HITS"));
}

BOOST_AUTO_TEST_CASE(a_task_alone_is_one_of_the_usual_project_and_domain) {
  BOOST_TEST(hearth({"invalidate", "--task", "math.square"}).out == "did dropFromCache\n");
  const auto asked = last_asked()["dropFromCache"];
  BOOST_TEST(asked["which"]["project"] == "default");
  BOOST_TEST(asked["which"]["domain"] == "development");
  BOOST_TEST(asked["deletes"] == false);
  hearth({"delete", "--key", "3f9a"});
  BOOST_TEST(last_asked()["dropFromCache"]["which"]["project"] == "");
  BOOST_TEST(last_asked()["dropFromCache"]["deletes"] == true);
  hearth({"delete", "--all"});
  BOOST_TEST(last_asked()["dropFromCache"]["all"] == true);
}

BOOST_AUTO_TEST_CASE(what_is_meant_has_to_be_said) {
  for (const auto& [words, part] : std::vector<std::pair<std::vector<std::string>, std::string>>{
         {{"invalidate"}, "`hearth cache invalidate --task env.square`"},
         {{"delete", "--all", "--project", "p"}, "or `--all`"},
         {{"delete", "--version", "1"}, "`--task TASK --version 1`"},
         {{"delete", "--key", "3f", "--task", "t"}, "An id names one result"},
         {{"show", "square"}, "no id of a kept result"},
         {{"show"}, "KEY"},
         {{"lst"}, "Did you mean `list`?"}}) {
    const auto said = hearth(words);
    BOOST_TEST(said.status == 2);
    BOOST_TEST(contains(said.err, part), said.err);
  }
  BOOST_TEST(node.asked().empty());
}

BOOST_AUTO_TEST_CASE(what_projects_may_have_is_shown_and_changed_one_by_one) {
  const auto shown = hearth({"limit"});
  BOOST_TEST(shown.status == 0);
  BOOST_TEST(contains(shown.out, "trials   2.0 GiB"), shown.out);
  BOOST_TEST(contains(shown.out, "7d"), shown.out);
  BOOST_TEST(contains(shown.out, "half of what a node keeps"));
  BOOST_TEST(json::parse(hearth({"limit", "--project", "trials", "-o", "json"}).out)
             == json::parse(R"([{"project": "trials", "sizeBytes": 2147483648, "ttlMs": 0}])"));
  BOOST_TEST(contains(hearth({"limit", "--project", "trials", "--size", "2GiB"}).out,
                      "Results of project trials take at most 2.0 GiB on each node. Every node heeds that"));
  BOOST_TEST(last_asked()["limitCache"]["project"] == "trials");
  BOOST_TEST(last_asked()["limitCache"]["setsSize"] == true);
  BOOST_TEST(last_asked()["limitCache"]["sizeBytes"] == 1ULL << 31);
  BOOST_TEST(last_asked()["limitCache"]["setsTtl"] == false);
  hearth({"limit", "--ttl", "none"});
  BOOST_TEST(last_asked()["limitCache"]["project"] == "default");
  BOOST_TEST(last_asked()["limitCache"]["setsTtl"] == true);
  BOOST_TEST(last_asked()["limitCache"]["ttlMs"] == 0);
  BOOST_TEST(hearth({"limit", "--size", "much"}).status == 2);
  BOOST_TEST(hearth({"limit", "--ttl", "0"}).status == 2);
}

BOOST_AUTO_TEST_CASE(damage_is_told_and_is_no_success) {
  const auto said = hearth({"verify"});
  BOOST_TEST(said.status == 1);
  BOOST_TEST(contains(said.out, "Node node-1: 10 kept results were read (2.0 KiB), 1 of them damaged"));
}

BOOST_AUTO_TEST_CASE(an_archive_is_named_as_the_node_finds_it) {
  BOOST_TEST(hearth({"export", "kept.cache"}).status == 0);
  const auto file = last_asked()["moveCache"]["file"].get<std::string>();
  BOOST_TEST(file.starts_with("/"));
  BOOST_TEST(file.ends_with("/kept.cache"));
  hearth({"import", "/a/../kept.cache"});
  BOOST_TEST(last_asked()["moveCache"]["file"] == "/kept.cache");
  BOOST_TEST(last_asked()["moveCache"]["imports"] == true);
}

BOOST_AUTO_TEST_CASE(an_audit_names_tasks_that_return_something_else_and_its_status_says_so) {
  const auto said = hearth({"audit", "--task", "math.unsteady", "--share", "0.25", "--for", "1ms"});
  BOOST_TEST(said.status == 1);
  BOOST_TEST(
    contains(said.out, "math.unsteady  1        default/development         5     3          2       0  nightly"));
  BOOST_TEST(contains(said.out, "should not keep its results"));
  const auto asked = node.asked();
  BOOST_TEST(asked.at(asked.size() - 2)["getCache"]["perMillion"] == 250000);
  BOOST_TEST(last_asked()["getCache"]["perMillion"] == 0); // what was counted
}

BOOST_AUTO_TEST_CASE(an_audit_without_a_hit_says_so) {
  const auto said = hearth({"audit", "--for", "0"});
  BOOST_TEST(said.status == 0);
  BOOST_TEST(contains(said.out, "No call was answered from the cache in that time"));
}

BOOST_AUTO_TEST_CASE(a_share_is_more_than_nothing_and_at_most_all) {
  BOOST_TEST(hearth({"audit", "--share", "0"}).status == 2);
  BOOST_TEST(hearth({"audit", "--share", "1.5"}).status == 2);
  BOOST_TEST(contains(hearth({"audit", "--share", "nan"}).err, "more than 0 and at most 1"));
}

BOOST_AUTO_TEST_CASE(an_archive_and_the_project_of_a_limit_have_names) {
  BOOST_TEST(contains(hearth({"export", ""}).err, "Name the file"));
  BOOST_TEST(hearth({"import", ""}).status == 2);
  BOOST_TEST(contains(hearth({"limit", "--project", "", "--size", "1GiB"}).err, "project"));
  BOOST_TEST(hearth({"limit", "--project", "a\x1b[31m", "--size", "1GiB"}).status == 2);
}

BOOST_AUTO_TEST_CASE(the_local_cache_is_what_is_kept_in_the_project_of_direct_calls) {
  const std::map<std::string, std::string> variables{{"HEARTH_SOCKET", node.socket()}};
  BOOST_TEST(run({"local-cache", "clear"}, variables).out == "3 results removed from the local cache.\n");
  BOOST_TEST(last_asked()["dropFromCache"]["which"]["project"] == "local");
  BOOST_TEST(last_asked()["dropFromCache"]["deletes"] == true);
  BOOST_TEST(json::parse(run({"local-cache", "clear", "-o", "json"}, variables).out) == json({{"removed", 3}}));
  BOOST_TEST(run({"local-cache", "stats"}, variables).out
             == "The local cache keeps 1 result (1.0 KiB); 7 calls were answered from it since your node started.\n");
  BOOST_TEST(json::parse(run({"local-cache", "stats", "-o", "json"}, variables).out)
             == json({{"entries", 1}, {"bytes", 1024}, {"hits", 7}}));
}

BOOST_AUTO_TEST_CASE(a_local_cache_that_never_was_is_empty_and_one_that_no_node_may_open_is_told) {
  const scratch_directory home;
  std::map<std::string, std::string> variables{{"HEARTH_SOCKET", (home.path() / "node.sock").string()},
                                               {"HEARTH_STATE_DIR", home.path().string()},
                                               {"HEARTH_NO_START", "1"}};
  BOOST_TEST(run({"local-cache", "clear"}, variables).out == "The local cache is empty; nothing was removed.\n");
  BOOST_TEST(contains(run({"local-cache", "stats"}, variables).out, "keeps 0 results"));
  std::filesystem::create_directory(home.path() / "cache");
  const auto said = run({"local-cache", "clear"}, variables);
  BOOST_TEST(said.status == 3);
  BOOST_TEST(contains(said.err, "HEARTH_NO_START forbids starting one"));
}

BOOST_AUTO_TEST_CASE(a_wrong_word_of_the_local_cache_is_answered_with_the_right_one) {
  BOOST_TEST(contains(run({"local-cache", "cler"}).err, "Did you mean `clear`?"));
}

BOOST_AUTO_TEST_SUITE_END()
