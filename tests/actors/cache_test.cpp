#include "tests/support/cache_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

/// Whoever looks up, as a test plays it.
struct scripted_user {
  cache_user_actor handle;
  std::vector<cache_answer> answers;
  std::vector<cache_kept> kept;

  const cache_answer& answer(call_id call) const {
    return *std::find_if(answers.begin(), answers.end(), [&](const auto& a) { return a.call == call; });
  }
  bool was_answered(call_id call) const {
    return std::any_of(answers.begin(), answers.end(), [&](const auto& a) { return a.call == call; });
  }
};

struct looked_up : cache_world {
  ~looked_up() {
    for (auto& u : users)
      caf::anon_send_exit(u->handle, caf::exit_reason::kill), u->handle = cache_user_actor{};
  }

  std::shared_ptr<scripted_user> user() {
    auto u = std::make_shared<scripted_user>();
    u->handle = sys.spawn([u](cache_user_actor::pointer) -> cache_user_actor::behavior_type {
      return {
        [u](atom::found, std::vector<cache_answer>& answers) {
          for (auto& a : answers)
            u->answers.push_back(std::move(a));
        },
        [u](atom::done, std::vector<cache_kept>& kept) { u->kept.insert(u->kept.end(), kept.begin(), kept.end()); },
      };
    });
    users.push_back(u);
    return u;
  }

  cache_key key(std::string_view inputs) const { return {digest_called("scope"), digest_called(inputs)}; }

  void find(const scripted_user& u, std::uint64_t number, std::string_view inputs = "2", bool serialize = false) {
    tell(cache, atom::find::value, std::vector<cache_query>{{id(number), key(inputs), scope, false, serialize}},
         u.handle);
  }

  void store(const scripted_user& u, std::uint64_t number, std::string_view value, std::string_view inputs = "2",
             std::uint64_t token = 0, std::uint64_t generation = 0, bool overwrite = false) {
    cache_result r;
    r.call = id(number);
    r.scope = scope;
    r.entry.key = key(inputs);
    r.entry.generation = generation;
    r.entry.content = payload::text(value);
    r.entry.run = 50ms;
    r.token = token;
    r.overwrite = overwrite;
    std::vector<cache_result> results;
    results.push_back(std::move(r));
    tell(cache, atom::store::value, std::move(results), u.handle);
  }

  void release(const scripted_user& u, std::uint64_t number, std::string_view inputs = "2") {
    tell(cache, atom::yield::value, std::vector<cache_release>{{id(number), key(inputs)}}, u.handle);
  }

  cache_scope_ptr scope = std::make_shared<const cache_scope>(cache_scope{"p", "d", "square", "1", "", "", {}});
  std::vector<std::shared_ptr<scripted_user>> users;
};

std::string value_of(const cache_answer& a) { return std::string(a.entry.content.head.view()); }

} // namespace

BOOST_FIXTURE_TEST_SUITE(cache, looked_up)

BOOST_AUTO_TEST_CASE(what_is_kept_is_found_with_where_and_when_it_was_made) {
  const auto u = user();
  find(*u, 1);
  BOOST_TEST((u->answer(id(1)).status == cache_status::miss));
  store(*u, 1, "4");
  BOOST_REQUIRE_EQUAL(u->kept.size(), 1u);
  BOOST_TEST((u->kept[0].status == cache_status::populated));
  find(*u, 2);
  const auto& hit = u->answer(id(2));
  BOOST_TEST((hit.status == cache_status::hit));
  BOOST_TEST(value_of(hit) == "4");
  BOOST_TEST(hit.entry.holder == "node-1");
  BOOST_TEST(hit.entry.created_unix_ms == unix_ms);
}

BOOST_AUTO_TEST_CASE(every_lookup_is_counted_with_what_hits_have_saved) {
  const auto u = user();
  find(*u, 1);
  store(*u, 1, "4");
  find(*u, 2);
  find(*u, 3);
  const auto counted = counts();
  BOOST_TEST(counted.misses == 1u);
  BOOST_TEST(counted.populated == 1u);
  BOOST_TEST(counted.hits == 2u);
  BOOST_TEST(counted.saved_us == 100'000u);
}

BOOST_AUTO_TEST_CASE(uses_of_what_is_on_its_way_to_the_disk_are_counted_when_it_is_there) {
  const auto u = user();
  entries->are_slow = true;
  store(*u, 1, "4");
  find(*u, 2);
  find(*u, 3);
  BOOST_TEST(entries->looks == 0u);
  BOOST_TEST(entries->uses == 0u);
  disk_goes_on();
  BOOST_TEST(entries->uses == 2u);
  find(*u, 4);
  BOOST_TEST(entries->uses == 2u); // that one the shelf counts itself
}

BOOST_AUTO_TEST_CASE(the_result_of_a_late_owner_is_not_kept) {
  const auto late = user(), next = user();
  find(*late, 1, "2", true);
  const auto token = late->answer(id(1)).token;
  BOOST_TEST(token != 0u);
  find(*next, 2, "2", true);
  BOOST_TEST(!next->was_answered(id(2)));
  release(*late, 1);
  BOOST_TEST(next->was_answered(id(2)));
  store(*late, 1, "late", "2", token);
  BOOST_REQUIRE_EQUAL(late->kept.size(), 1u);
  BOOST_TEST((late->kept[0].status == cache_status::put_failure));
  BOOST_TEST(entries->kept.empty());
  store(*next, 2, "good", "2", next->answer(id(2)).token);
  find(*late, 3, "2", true);
  BOOST_TEST(value_of(late->answer(id(3))) == "good");
}

BOOST_AUTO_TEST_CASE(a_result_with_a_token_of_nobody_is_not_kept) {
  const auto u = user();
  find(*u, 1, "2", true);
  store(*u, 1, "4", "2", u->answer(id(1)).token);
  store(*u, 1, "5", "2", u->answer(id(1)).token); // it was told already
  BOOST_TEST((u->kept.at(1).status == cache_status::put_failure));
}

BOOST_AUTO_TEST_CASE(who_waits_no_more_is_not_made_the_next_owner) {
  const auto owner = user(), first = user(), second = user();
  find(*owner, 1, "2", true);
  find(*first, 2, "2", true);
  find(*second, 3, "2", true);
  release(*first, 2);
  release(*owner, 1);
  BOOST_TEST(!first->was_answered(id(2)));
  BOOST_TEST((second->answer(id(3)).status == cache_status::miss));
}

BOOST_AUTO_TEST_CASE(with_the_last_one_that_gives_up_a_key_is_free) {
  const auto u = user();
  find(*u, 1, "2", true);
  release(*u, 1);
  find(*u, 2, "2", true);
  BOOST_TEST((u->answer(id(2)).status == cache_status::miss));
}

BOOST_AUTO_TEST_CASE(a_user_that_ends_owns_nothing_and_waits_for_nothing) {
  const auto ended = user(), other = user();
  find(*ended, 1, "2", true);
  find(*ended, 2, "2", true);
  find(*other, 3, "2", true);
  caf::anon_send_exit(ended->handle, caf::exit_reason::kill);
  run();
  BOOST_REQUIRE(other->was_answered(id(3)));
  BOOST_TEST((other->answer(id(3)).status == cache_status::miss));
}

BOOST_AUTO_TEST_CASE(beyond_a_limit_equal_calls_execute_rather_than_wait) {
  const auto u = user();
  std::vector<cache_query> many;
  for (std::uint64_t number = 0; number <= defaults::cache_waiting_max; ++number)
    many.push_back({id(number), key("2"), scope, false, true});
  tell(cache, atom::find::value, std::move(many), u->handle);
  BOOST_TEST(u->answers.size() == 1u);
  find(*u, 1'000'000, "2", true);
  BOOST_TEST(u->answers.size() == 2u);
  BOOST_TEST(u->answer(id(1'000'000)).token == 0u);
}

BOOST_AUTO_TEST_CASE(the_generation_of_an_execution_is_that_of_its_beginning) {
  const auto u = user();
  find(*u, 1);
  invalidate("p/d");
  find(*u, 2);
  BOOST_TEST(u->answer(id(1)).generation < u->answer(id(2)).generation);
  store(*u, 1, "old", "2", 0, u->answer(id(1)).generation);
  find(*u, 3);
  BOOST_TEST((u->answer(id(3)).status == cache_status::evicted));
  store(*u, 2, "new", "2", 0, u->answer(id(2)).generation);
  find(*u, 4);
  BOOST_TEST(value_of(u->answer(id(4))) == "new");
}

BOOST_AUTO_TEST_CASE(a_result_is_served_as_long_as_its_project_says_also_one_that_was_kept_before_that) {
  const auto u = user();
  store(*u, 1, "4");
  const auto limit = [&](std::uint64_t ttl_ms) {
    const cluster::limit_cache order{"p", {}, ttl_ms};
    BOOST_TEST((ask<bool>(*this, cache, atom::limit::value, order).first.has_value()));
  };
  const auto status = [&](std::uint64_t number) {
    find(*u, number);
    return u->answers.back().status;
  };
  limit(10'000);
  BOOST_TEST(entries->limits->at("p").ttl_ms == 10'000u); // the disk hears of it too
  unix_ms += 9'999;
  BOOST_TEST((status(2) == cache_status::hit));
  unix_ms += 1;
  BOOST_TEST((status(3) == cache_status::evicted));
  limit(0);
  unix_ms += 1'000'000;
  BOOST_TEST((status(4) == cache_status::hit));
}

BOOST_AUTO_TEST_CASE(what_is_invalidated_is_listed_no_more) {
  const auto u = user();
  store(*u, 1, "4");
  invalidate("p");
  const auto [rows, error] = ask<std::vector<cache_row>>(*this, cache, atom::list::value, cache_listing{{}, 10});
  BOOST_REQUIRE(rows);
  BOOST_TEST(std::get<0>(*rows).empty());
}

BOOST_AUTO_TEST_CASE(an_archive_is_written_and_read_part_by_part) {
  const auto [saved, no_save] = ask<cache_moved>(*this, cache, atom::save::value, std::string("/archive"));
  BOOST_REQUIRE(saved);
  BOOST_TEST(std::get<0>(*saved).entries == 3u);
  const auto [loaded, no_load] = ask<cache_moved>(*this, cache, atom::load::value, std::string("/archive"));
  BOOST_REQUIRE(loaded);
  BOOST_TEST(std::get<0>(*loaded).entries == 3u);
  BOOST_TEST(std::get<0>(*loaded).refused == 3u);
}

BOOST_AUTO_TEST_CASE(an_invalidation_that_is_not_decided_says_so) {
  log->is_cut = true;
  const auto [answer, error] = ask<bool>(*this, cache, atom::disown::value, std::string("p"));
  BOOST_TEST(!answer.has_value());
  BOOST_TEST((failure_of(error).code == ec::no_quorum));
}

BOOST_AUTO_TEST_CASE(entries_are_listed_read_and_removed_where_the_disk_has_them) {
  const auto u = user();
  store(*u, 1, "4", "2");
  store(*u, 2, "9", "3");
  const auto [rows, no_rows] = ask<std::vector<cache_row>>(*this, cache, atom::list::value, cache_listing{{}, 10});
  BOOST_REQUIRE(rows);
  BOOST_TEST(std::get<0>(*rows).size() == 2u);
  BOOST_TEST(std::get<0>(*rows)[0].node == "node-1");
  const auto [content, no_content] = ask<payload>(*this, cache, atom::read::value, key("3"));
  BOOST_REQUIRE(content);
  BOOST_TEST(std::get<0>(*content).head.view() == "9");
  cache_filter one;
  one.keys = {key("3")};
  const auto [removed, not_removed] = ask<std::uint64_t>(*this, cache, atom::forget::value, one);
  BOOST_REQUIRE(removed);
  BOOST_TEST(std::get<0>(*removed) == 1u);
  const auto [nothing, gone] = ask<payload>(*this, cache, atom::read::value, key("3"));
  BOOST_TEST((failure_of(gone).code == ec::gone));
}

BOOST_AUTO_TEST_SUITE_END()
