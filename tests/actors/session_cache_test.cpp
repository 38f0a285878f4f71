#include "actors/session.hpp"
#include "tests/support/cache_world.hpp"
#include "tests/support/nodes_fixture.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;

namespace {

/// A client of a node whose cache has some entries.
struct asked_about_results : cache_world {
  asked_about_results() {
    connection = sys.spawn([this](connection_actor::pointer) -> connection_actor::behavior_type {
      return {[this](atom::effects, client::effects& effects) {
        for (auto& e : effects)
          heard.push_back(std::move(e));
      }};
    });
    agent = sys.spawn(scripted_agent, std::make_shared<test_node>());
    session_config config;
    config.id = {1};
    config.connection = connection;
    config.agent = agent;
    config.cache = cache;
    session = sys.spawn([config](session_actor::stateful_pointer<session_state> self) {
      return self->state.make_behavior(self, config);
    });
    say(client::hello{1, defaults::protocol_version, "test", 1, "0", {}});
    keep("square", "1", "2", "4");
    keep("square", "2", "2", "four");
    keep("cube", "1", "2", "8");
  }

  ~asked_about_results() {
    caf::anon_send_exit(session, caf::exit_reason::kill);
    caf::anon_send_exit(agent, caf::exit_reason::kill);
    caf::anon_send_exit(connection, caf::exit_reason::kill);
    run();
  }

  cache_row& keep(const std::string& task, const std::string& version, std::string_view inputs,
                  std::string_view value) {
    cache_row row;
    row.scope = {"p", "d", task, version, "", "", {}};
    row.entry.key = {digest_called(path_of(row.scope)), digest_called(inputs)};
    row.entry.created_unix_ms = unix_ms + kept.size();
    row.entry.content = payload::text(value);
    row.entry.size = value.size();
    entries->put(row.entry, row.scope);
    kept.push_back(row);
    return kept.back();
  }

  void say(client::event what) {
    client::events batch;
    batch.push_back(std::move(what));
    tell(session, atom::events::value, std::move(batch));
  }

  /// The answer to this request; empty: it was something else.
  template <class Effect>
  std::vector<Effect> answer(client::event what) {
    heard.clear();
    say(std::move(what));
    std::vector<Effect> found;
    for (const auto& e : heard)
      if (const auto* x = std::get_if<Effect>(&e))
        found.push_back(*x);
    return found;
  }

  std::vector<cache_row> list(cache_filter which, std::uint32_t limit = 0) {
    const auto rows = answer<client::rows<cache_row>>(client::get_cache{5, "entries", std::move(which), limit});
    return rows.empty() ? std::vector<cache_row>{} : rows.at(0).items;
  }

  std::string refusal(client::event what) {
    const auto refused = answer<client::refused>(std::move(what));
    return refused.size() == 1 ? refused[0].why.message : std::string();
  }

  static cache_filter task(const std::string& name) { return {"p", "d", name, {}, {}, {}}; }

  client::effects heard;
  connection_actor connection;
  agent_actor agent;
  session_actor session;
  std::vector<cache_row> kept;
};

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_FIXTURE_TEST_SUITE(session_cache, asked_about_results)

BOOST_AUTO_TEST_CASE(entries_are_listed_by_scope_the_newest_first) {
  const auto all = list({});
  BOOST_REQUIRE_EQUAL(all.size(), 3u);
  BOOST_TEST(all[0].scope.task == "cube");
  BOOST_TEST(list(task("square")).size() == 2u);
  BOOST_TEST(list({}, 1).size() == 1u);
  BOOST_TEST(list({"other", {}, {}, {}, {}, {}}).empty());
}

BOOST_AUTO_TEST_CASE(one_entry_is_shown_with_its_value) {
  cache_filter which;
  which.id = id_of(kept[2].entry.key);
  const auto values = answer<call_reply>(client::get_cache{5, "entry", which, 0});
  BOOST_REQUIRE_EQUAL(values.size(), 1u);
  BOOST_TEST(values[0].value.head.view() == "8");
  BOOST_REQUIRE(std::holds_alternative<client::rows<cache_row>>(heard.back()));
}

BOOST_AUTO_TEST_CASE(an_id_that_means_nothing_or_several_entries_is_refused) {
  cache_filter which;
  BOOST_TEST(has(refusal(client::get_cache{5, "entry", which, 0}), "Say which entry"));
  which.id = "no such id";
  BOOST_TEST(has(refusal(client::get_cache{5, "entry", which, 0}), "begins with `no such id`"));
}

BOOST_AUTO_TEST_CASE(what_is_invalidated_is_listed_no_more_and_is_there_until_it_is_deleted) {
  BOOST_TEST(answer<client::done>(client::drop_from_cache{5, task("square"), false, false}).size() == 1u);
  BOOST_TEST(list({}).size() == 1u);
  BOOST_TEST(entries->kept.size() == 3u);
  const auto done = answer<client::done>(client::drop_from_cache{5, task("square"), false, true});
  BOOST_REQUIRE_EQUAL(done.size(), 1u);
  BOOST_TEST(has(done[0].detail, "2 copies of what was kept of task square of p/d removed"));
  BOOST_TEST(done[0].count == 2u);
  BOOST_TEST(entries->kept.size() == 1u);
}

BOOST_AUTO_TEST_CASE(one_entry_is_deleted_by_its_id) {
  cache_filter which;
  which.id = id_of(kept[0].entry.key);
  const auto done = answer<client::done>(client::drop_from_cache{5, which, false, true});
  BOOST_REQUIRE_EQUAL(done.size(), 1u);
  BOOST_TEST(has(done[0].detail, "1 copy of what was kept of entry " + which.id));
  BOOST_TEST(entries->kept.size() == 2u);
  BOOST_TEST(list({}).size() == 2u);
}

BOOST_AUTO_TEST_CASE(what_names_no_scope_is_refused) {
  const auto drop = [&](cache_filter which, bool all = false) {
    return refusal(client::drop_from_cache{5, std::move(which), all, false});
  };
  BOOST_TEST(has(drop({}), "Say what is meant"));
  BOOST_TEST(has(drop({"p", {}, {}, {}, {}, {}}, true), "not both"));
  BOOST_TEST(has(drop({{}, "d", {}, {}, {}, {}}), "of which project"));
  BOOST_TEST(has(drop({"p", {}, "square", {}, {}, {}}), "of which domain"));
  BOOST_TEST(has(drop({"p", "d", {}, "1", {}, {}}), "A version is one of a task"));
  BOOST_TEST(list({}).size() == 3u);
}

BOOST_AUTO_TEST_CASE(an_invalidation_that_is_not_decided_is_no_success) {
  log->is_cut = true;
  BOOST_TEST(has(refusal(client::drop_from_cache{5, task("square"), false, true}), "voters"));
  BOOST_TEST(entries->kept.size() == 3u);
}

BOOST_AUTO_TEST_CASE(counts_and_checks_are_told_of_each_node) {
  const auto counted = answer<client::rows<cache_report>>(client::get_cache{5, "counts", {}, 0});
  BOOST_REQUIRE_EQUAL(counted.size(), 1u);
  BOOST_TEST(counted[0].items.at(0).node == "node-1");
  BOOST_TEST(counted[0].items.at(0).figures.at(0).entries == 3u);
  const auto checked = answer<client::rows<cache_check>>(client::get_cache{5, "checks", {}, 0});
  BOOST_REQUIRE_EQUAL(checked.size(), 1u);
  BOOST_TEST(checked[0].items.at(0).entries == 3u);
}

BOOST_AUTO_TEST_CASE(what_a_project_may_have_is_said_and_told) {
  BOOST_TEST(has(refusal(client::limit_cache{5, {"", 1, {}}}), "of which project"));
  BOOST_TEST(has(refusal(client::limit_cache{5, {"p", {}, {}}}), "what it may have"));
  const auto done = answer<client::done>(client::limit_cache{5, {"p", 2048, 7000}});
  BOOST_REQUIRE_EQUAL(done.size(), 1u);
  const auto told = answer<client::rows<cache_limit_row>>(client::get_cache{5, "limits", {}, 0});
  BOOST_REQUIRE_EQUAL(told.size(), 1u);
  BOOST_REQUIRE_EQUAL(told[0].items.size(), 1u);
  BOOST_TEST(told[0].items[0].project == "p");
  BOOST_TEST(told[0].items[0].bytes_max == 2048u);
  BOOST_TEST(told[0].items[0].ttl.count() == 7000);
  log->is_cut = true;
  BOOST_TEST(has(refusal(client::limit_cache{5, {"p", 0, 0}}), "voters"));
}

BOOST_AUTO_TEST_CASE(archives_are_absolute_paths) {
  BOOST_TEST(has(refusal(client::move_cache{5, "kept.cache", false}), "absolute path"));
  const auto done = answer<client::done>(client::move_cache{5, "/kept.cache", true});
  BOOST_REQUIRE_EQUAL(done.size(), 1u);
  BOOST_TEST(has(done[0].detail, "3 entries kept from /kept.cache; 3 entries refused"));
}

BOOST_AUTO_TEST_SUITE_END()
