#include "actors/cache_rows.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;

namespace {

cache_row row(std::vector<std::string> names, const std::vector<unsigned char>& digests) {
  cache_row made;
  made.scope = {"p", "d", "square", "1", "(n: int) -> int", "default", std::move(names)};
  for (const auto byte : digests) {
    digest of_input;
    of_input.value.fill(byte);
    made.entry.inputs.push_back(of_input);
  }
  return made;
}

std::size_t differing(const cache_row& a, const cache_row& b) {
  const auto away = distance(a.scope, a.entry, b);
  BOOST_TEST((distance(b.scope, b.entry, a) == away));
  return away.parts;
}

} // namespace

BOOST_AUTO_TEST_SUITE(cache_rows)

BOOST_AUTO_TEST_CASE(each_part_of_a_key_that_is_another_one_is_a_difference) {
  const auto one = row({"n"}, {1});
  BOOST_TEST(differing(one, one) == 0u);
  for (auto part : {&cache_scope::project, &cache_scope::domain, &cache_scope::version, &cache_scope::signature}) {
    auto other = one;
    other.scope.*part += "x";
    BOOST_TEST(differing(one, other) == 1u);
    other.entry.inputs[0].value.fill(2);
    BOOST_TEST(differing(one, other) == 2u);
  }
}

BOOST_AUTO_TEST_CASE(inputs_are_compared_by_their_names) {
  BOOST_TEST(differing(row({"a", "b"}, {1, 2}), row({"a", "b"}, {1, 3})) == 1u);
  BOOST_TEST(differing(row({"a", "b"}, {1, 2}), row({"a"}, {1})) == 1u);
  BOOST_TEST(differing(row({"a", "c"}, {1, 2}), row({"b", "c"}, {1, 2})) == 2u);
  BOOST_TEST(differing(row({"a", "b", "c"}, {1, 2, 3}), row({"b"}, {2})) == 2u);
  BOOST_TEST(differing(row({"a"}, {1}), row({}, {})) == 1u);
}

BOOST_AUTO_TEST_CASE(of_two_keys_as_far_away_the_one_with_the_same_inputs_is_nearer) {
  const auto here = row({"n"}, {1}), another_input = row({"n"}, {2});
  auto another_version = here;
  another_version.scope.version = "2";
  const auto to = [&](const cache_row& other) { return distance(other.scope, other.entry, here); };
  BOOST_TEST((to(another_version) < to(another_input)));
  another_version.scope.domain = "e";
  BOOST_TEST((to(another_input) < to(another_version)));
}

BOOST_AUTO_TEST_CASE(a_name_without_a_digest_is_none) {
  BOOST_TEST(differing(row({"a", "b"}, {1}), row({"a"}, {1, 2})) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
