#include "actors/client_rights.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace hearth;

namespace {

constexpr scope all[]{scope::read, scope::invoke, scope::deploy, scope::admin};

client_rights with(scope only) { return {"laptop", {only}}; }

/// Which of the scopes, each alone, is enough.
std::vector<scope> enough_for(const client::event& what) {
  std::vector<scope> found;
  for (const auto each : all)
    if (why_not(with(each), what).empty())
      found.push_back(each);
  return found;
}

spec_ptr spec() { return std::make_shared<environment_spec>(); }

void check(const client::event& what, const std::vector<scope>& wanted) {
  BOOST_CHECK(enough_for(what) == wanted);
  BOOST_CHECK(why_not(client_rights{}, what).empty()); // the node's own user
}

} // namespace

BOOST_AUTO_TEST_SUITE(client_rights_of_tokens)

BOOST_AUTO_TEST_CASE(each_request_needs_its_scope) {
  using enum scope;
  check(client::invoke{}, {invoke});
  check(client::start_run{}, {invoke});
  check(client::rerun{}, {invoke});
  check(client::abort{}, {invoke});
  check(client::wait{}, {read, invoke});
  check(client::result{}, {read, invoke});
  check(client::logs{}, {read});
  check(client::status{}, {read});
  check(client::get{1, "runs", "", 0}, {read});
  check(client::ping_node{}, {read});
  for (const auto* word : {"counts", "entries", "entry"})
    check(client::get_cache{1, word, {}, 0}, {read});
  check(client::get{1, "checks", "{}", 0}, {deploy});
  check(client::put_bundle{}, {invoke, deploy});
  check(client::open_environment{1, spec(), false}, {invoke, deploy});
  check(client::open_environment{1, spec(), true}, {deploy});
}

BOOST_AUTO_TEST_CASE(operators_need_the_scope_admin) {
  using enum scope;
  check(client::stop{}, {admin});
  check(client::admit_node{}, {admin});
  check(client::remove_node{}, {admin});
  check(client::drain_node{}, {admin});
  check(client::set_voters{}, {admin});
  check(client::make_join_token{}, {admin});
  check(client::make_client_token{}, {admin});
  check(client::revoke_client_token{}, {admin});
  check(client::get_cache{1, "checks", {}, 0}, {admin});
  check(client::drop_from_cache{}, {admin});
  for (const auto* word : {"tokens", "token"})
    check(client::get{1, word, "", 0}, {admin});
}

BOOST_AUTO_TEST_CASE(what_only_goes_on_needs_none) {
  const std::vector<scope> any(std::begin(all), std::end(all));
  check(client::hello{}, any);
  check(client::ask_cluster{}, any);
  check(client::cancel{}, any);
  check(client::bundle_part{}, any);
  check(client::gone{}, any);
}

BOOST_AUTO_TEST_CASE(a_file_of_the_nodes_machine_is_not_written_for_a_remote_client) {
  BOOST_CHECK(why_not(client_rights{}, client::back_up{}).empty());
  BOOST_CHECK(why_not(with(scope::admin), client::back_up{}).find("on that machine") != std::string::npos);
  BOOST_CHECK(why_not(client_rights{}, client::move_cache{}).empty());
  BOOST_CHECK(why_not(with(scope::admin), client::move_cache{}).find("on that machine") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_refusal_says_which_token_lacks_what) {
  const auto said = why_not(with(scope::read), client::invoke{});
  BOOST_CHECK(said.find("Token laptop has no scope `invoke`") != std::string::npos);
  BOOST_CHECK(said.find("hearth cluster token create") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(scopes_are_called_as_they_are_written) {
  for (const auto each : all)
    BOOST_CHECK(scope_called(name(each)) == each);
  BOOST_CHECK(!scope_called("Admin").has_value());
  BOOST_CHECK(!scope_called("").has_value());
}

BOOST_AUTO_TEST_SUITE_END()
