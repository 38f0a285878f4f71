#include "actors/cache_bounds.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>
#include <utility>

using namespace hearth;

namespace {

digest digest_of(char letter) {
  digest d;
  d.value.fill(static_cast<unsigned char>(letter));
  return d;
}

const cache_scope squares{"p", "d", "square", "1", "", "", {}};

struct bounded {
  cache_bounds bounds;

  void raise(const std::string& path, cluster::log_index index) {
    raised[path] = index;
    bounds.learn(std::make_shared<const cache_bounds::generations>(raised));
  }

  /// Whether an entry of this scope, of an execution that began at `generation`, is served.
  bool allows(const cache_scope& scope, cluster::log_index generation, char inputs = 'i') {
    cache_entry e;
    e.key = {scopes.try_emplace(path_of(scope), digest_of(static_cast<char>('A' + scopes.size()))).first->second,
             digest_of(inputs)};
    e.generation = generation;
    return bounds.allows(scope, e, 0);
  }

  cache_bounds::generations raised;
  std::map<std::string, digest> scopes;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(bounds, bounded)

BOOST_AUTO_TEST_CASE(everything_is_served_as_long_as_nothing_was_invalidated) {
  BOOST_TEST(allows(squares, 0));
  BOOST_TEST(bounds.newest() == 0u);
}

BOOST_AUTO_TEST_CASE(an_invalidation_holds_for_its_scope_and_what_is_below_it) {
  for (const std::string path : {"p/d/square/1", "p/d/square", "p/d", "p", ""}) {
    bounded b;
    b.raise(path, 7);
    BOOST_TEST(!b.allows(squares, 6), path);
    BOOST_TEST(b.allows(squares, 7), path);
    BOOST_TEST(b.bounds.newest() == 7u);
  }
}

BOOST_AUTO_TEST_CASE(others_are_served_as_before) {
  raise("p/d/square/1", 7);
  raise("p/d/squ", 8);
  raise("q", 9);
  BOOST_TEST(allows({"p", "d", "square", "2", "", "", {}}, 1));
  BOOST_TEST(allows({"p", "d", "cube", "1", "", "", {}}, 1));
  BOOST_TEST(allows({"p", "e", "square", "1", "", "", {}}, 1));
  BOOST_TEST(!allows(squares, 6));
  BOOST_TEST(allows(squares, 7));
}

BOOST_AUTO_TEST_CASE(of_several_invalidations_the_last_counts) {
  raise("p", 9);
  raise("p/d/square", 7);
  BOOST_TEST(!allows(squares, 8));
  BOOST_TEST(allows(squares, 9));
  raise("p/d/square", 12); // after what was found for the scope before
  BOOST_TEST(!allows(squares, 11));
  BOOST_TEST(bounds.newest() == 12u);
}

BOOST_AUTO_TEST_CASE(one_entry_can_be_invalidated_alone) {
  raise(path_of(squares, digest_of('i')), 7);
  BOOST_TEST(!allows(squares, 6, 'i'));
  BOOST_TEST(allows(squares, 7, 'i'));
  BOOST_TEST(allows(squares, 6, 'j'));
  BOOST_TEST(allows({"p", "d", "square", "2", "", "", {}}, 6, 'i'));
}

BOOST_AUTO_TEST_CASE(a_name_with_a_slash_or_a_percent_sign_is_no_scope_of_another_one) {
  const cache_scope odd{"p/d", "x", "square", "1", "", "", {}};
  BOOST_TEST(path_of(odd) == "p%2Fd/x/square/1");
  BOOST_TEST(path_of(cache_scope{"p%2Fd", "x", "square", "1", "", "", {}}) == "p%252Fd/x/square/1");
  raise("p/d", 7);
  BOOST_TEST(allows(odd, 1));
  raise(path_of(odd), 8);
  BOOST_TEST(!allows(odd, 7));
  BOOST_TEST(allows({"p%2Fd", "x", "square", "1", "", "", {}}, 1));
}

BOOST_AUTO_TEST_CASE(a_version_with_slashes_is_one_part_and_no_entry) {
  const cache_scope dated{"p", "d", "square", "2026/11", "", "", {}};
  BOOST_TEST(path_of(dated) == "p/d/square/2026%2F11");
  raise(path_of(dated), 7);
  BOOST_TEST(!allows(dated, 6));
  BOOST_TEST(allows(squares, 6));
}

BOOST_AUTO_TEST_CASE(a_path_ends_at_the_first_part_that_is_not_given) {
  BOOST_TEST(path_of(std::vector<std::string>{"p", "", "square"}) == "p");
  BOOST_TEST(path_of(std::vector<std::string>{}) == "");
}

BOOST_AUTO_TEST_CASE(an_entry_is_good_until_its_task_or_its_project_says_that_it_is_too_old) {
  cache_entry e;
  e.created_unix_ms = 1000;
  e.expires_unix_ms = 3000;
  BOOST_TEST(bounds.allows(squares, e, 2999));
  BOOST_TEST(bounds.expiry_of(squares, e) == 3000u);
  bounds.learn(std::make_shared<const cache_bounds::limits>(
    cache_bounds::limits{{"p", {0, 500}}, {"other", {0, 1}}, {"sized", {7, 0}}}));
  BOOST_TEST(bounds.expiry_of(squares, e) == 1500u);
  BOOST_TEST(bounds.allows(squares, e, 1499));
  BOOST_TEST(!bounds.allows(squares, e, 1500));
  e.expires_unix_ms = 1200; // the task's is shorter
  BOOST_TEST(bounds.expiry_of(squares, e) == 1200u);
  e.expires_unix_ms = 0;
  BOOST_TEST(bounds.expiry_of(squares, e) == 1500u);
  BOOST_TEST(bounds.expiry_of({"sized", "d", "square", "1", "", "", {}}, e) == 0u);
  bounds.learn(std::make_shared<const cache_bounds::limits>());
  BOOST_TEST(bounds.allows(squares, e, 1'000'000));
}

BOOST_AUTO_TEST_SUITE_END()
