#include "actors/spec_difference.hpp"
#include "tests/support/scripted_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

/// What the journal tells of environments, as a client hears it.
BOOST_FIXTURE_TEST_SUITE(journal, scripted_world)

namespace {

std::vector<std::string> kinds(const std::vector<event_row>& rows) {
  std::vector<std::string> result;
  for (const auto& row : rows)
    result.push_back(row.kind == "decided" ? std::string(scaling::name(row.what.why)) : row.kind);
  return result;
}

std::vector<event_row> events(scripted_world& world, scripted_world::scripted_client& client, const std::string& name,
                              std::uint32_t limit = 0) {
  client.heard.clear();
  world.say(client, client::get{7, "events", name, limit});
  const auto answers = client.all<client::rows<event_row>>();
  BOOST_TEST_REQUIRE(answers.size() == 1u);
  return answers[0].items;
}

} // namespace

BOOST_AUTO_TEST_CASE(the_life_of_a_pool_is_told_in_order_and_with_reasons) {
  auto& c = connect();
  auto spec = make_spec(0, 1);
  invoke(c, open(c, spec));
  finish(interpreter(0), 0);
  advance(300s);
  die(interpreter(0));
  advance(defaults::zygote_ttl);
  const auto rows = events(*this, c, spec->name);
  BOOST_TEST(kinds(rows)
               == (std::vector<std::string>{"pool_made", "demand", "ready", "scaledown_ttl", "ended", "cooled"}),
             boost::test_tools::per_element());
  for (const auto& row : rows) {
    BOOST_TEST(!row.text.empty());
    if (row.kind == "decided")
      BOOST_TEST(row.is_reproduced);
  }
  BOOST_TEST(rows.front().unix_ms <= rows.back().unix_ms);
}

BOOST_AUTO_TEST_CASE(a_new_pool_says_what_makes_it_another_one) {
  auto& c = connect();
  auto spec = make_spec(1, 1);
  open(c, spec);
  auto changed = std::make_shared<environment_spec>(*spec);
  changed->version = "v2";
  changed->reuse.concurrency = 8;
  open(c, changed);
  const auto rows = events(*this, c, spec->name);
  BOOST_TEST_REQUIRE(rows.size() == 2u);
  BOOST_TEST(rows[0].text == "A new pool: first use since the node started, or since the last pool was forgotten.");
  BOOST_TEST(rows[1].text == "A new pool: concurrency 1 -> 8.");
}

BOOST_AUTO_TEST_CASE(a_changed_policy_is_told_with_what_it_was) {
  auto& c = connect();
  auto spec = make_spec(1, 2);
  open(c, spec);
  open(c, spec); // the same again is no news
  auto changed = std::make_shared<environment_spec>(*spec);
  changed->reuse.max_replicas = 4;
  changed->reuse.scaledown_ttl = 60s;
  open(c, changed);
  const auto rows = events(*this, c, spec->name);
  BOOST_TEST_REQUIRE(rows.size() == 2u);
  BOOST_TEST(rows[1].text == "The policy changed: replicas 1-2 -> 1-4, scaledown_ttl 30.0 s -> 60.0 s.");
}

BOOST_AUTO_TEST_CASE(the_newest_events_of_one_environment_or_of_all_are_listed) {
  auto& c = connect();
  auto one = make_spec(1, 1);
  auto other = std::make_shared<environment_spec>(*one);
  other->name = "other";
  open(c, one);
  open(c, other);
  BOOST_TEST(events(*this, c, "").size() == 2u);
  BOOST_TEST(events(*this, c, "", 1).size() == 1u);
  BOOST_TEST(events(*this, c, "other").size() == 1u);
  BOOST_TEST(events(*this, c, other->key()).size() == 1u);
  BOOST_TEST(events(*this, c, "nobody").empty());
}

BOOST_AUTO_TEST_CASE(the_journal_keeps_no_more_than_it_may) {
  for (std::size_t i = 0; i < defaults::journal_environments_max + 5; ++i) {
    journal_entry entry;
    entry.environment = "e" + std::to_string(i);
    std::vector<journal_entry> many(i == 0 ? 1 : defaults::journal_entries_max + 5, entry);
    tell(journal, atom::append::value, std::move(many));
  }
  auto& c = connect();
  BOOST_TEST(events(*this, c, "e0").empty());
  BOOST_TEST(events(*this, c, "e9", 1'000'000).size() == defaults::journal_entries_max);
}

BOOST_AUTO_TEST_CASE(what_was_noted_is_counted_by_its_kind_and_decisions_by_their_rule) {
  auto& c = connect();
  auto spec = make_spec(0, 1);
  const auto handle = open(c, spec);
  for (std::size_t i = 0; i < 2; ++i) {
    invoke(c, handle);
    finish(interpreter(i), 0);
    advance(300s);
    die(interpreter(i));
  }
  const auto [told, error] = ask<std::vector<journal_counts>>(*this, journal, atom::status::value);
  BOOST_TEST_REQUIRE((told && std::get<0>(*told).size() == 1u));
  const auto& counts = std::get<0>(*told)[0];
  BOOST_TEST(counts.environment == spec->name);
  BOOST_TEST(counts.kinds.at("pool_made") == 1u);
  BOOST_TEST(counts.kinds.at("ready") == 2u);
  BOOST_TEST(counts.kinds.at("ended") == 2u);
  BOOST_TEST(counts.kinds.count("decided") == 0u);
  BOOST_TEST(counts.decisions.at("scaledown_ttl") == 2u);
}

BOOST_AUTO_TEST_CASE(counts_outlive_the_entries_that_were_counted) {
  for (std::size_t i = 0; i < defaults::journal_environments_max + 5; ++i) {
    journal_entry entry;
    entry.environment = "e" + std::to_string(i);
    entry.kind = journal_entry::kind_t::ready;
    tell(journal, atom::append::value, std::vector<journal_entry>(defaults::journal_entries_max + 5, entry));
  }
  const auto [told, error] = ask<std::vector<journal_counts>>(*this, journal, atom::status::value);
  BOOST_TEST_REQUIRE((told && std::get<0>(*told).size() == defaults::journal_environments_max + 5));
  for (const auto& counts : std::get<0>(*told))
    BOOST_TEST(counts.kinds.at("ready") == defaults::journal_entries_max + 5);
}

BOOST_AUTO_TEST_CASE(a_difference_names_what_changed_and_no_values_of_variables) {
  environment_spec before;
  before.bundle = "aaaaaaaaaaaa";
  before.tasks.emplace_back().name = "e.f";
  auto after = before;
  BOOST_TEST(difference(before, after) == "");
  after.bundle = "bbbbbbbbbbbb";
  after.variables.push_back({"TOKEN", "secret"});
  after.tasks[0].retries.count = 2;
  after.tasks.emplace_back().name = "e.g";
  BOOST_TEST(
    difference(before, after)
    == "its code changed (aaaaaaa -> bbbbbbb), the settings of task e.f changed, task e.g is new, env_vars changed "
       "(TOKEN)");
}

BOOST_AUTO_TEST_SUITE_END()
