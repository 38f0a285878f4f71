#include "node/identity/prepare.hpp"

#include "node/identity/authority.hpp"
#include "node/identity/files.hpp"
#include "node/identity/join_token.hpp"
#include "node/paths.hpp"
#include "node/start_error.hpp"
#include "node/store/control_store.hpp"
#include "tests/support/control_fixture.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;
namespace fs = std::filesystem;

namespace {

struct identity_prepare_fixture {
  test::scratch home;

  fs::path state(int number) const { return home / ("node-" + std::to_string(number)); }

  std::vector<new_member> members(int count) const {
    std::vector<new_member> all;
    for (int i = 1; i <= count; ++i)
      all.push_back({state(i), "node-" + std::to_string(i), std::nullopt});
    return all;
  }

  static std::string refusal(const std::function<void()>& what) {
    try {
      what();
    } catch (const start_error& e) {
      return e.what();
    }
    return {};
  }

  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(identity_prepare, identity_prepare_fixture)

BOOST_AUTO_TEST_CASE(every_member_of_a_new_cluster_knows_the_others_and_the_voters) {
  const auto files = prepare_cluster("lab", members(5), 3);
  BOOST_REQUIRE_EQUAL(files.size(), 5u);
  std::set<std::string> addresses;
  for (int i = 0; i < 5; ++i) {
    const auto directory = cluster_directory(state(i + 1));
    const auto file = read_cluster_file(directory);
    BOOST_REQUIRE(file.has_value());
    BOOST_CHECK(*file == files[i]);
    BOOST_CHECK_EQUAL(file->cluster_name, "lab");
    BOOST_CHECK_EQUAL(file->peers.size(), 4u);
    BOOST_CHECK((file->voters == std::vector<node_uuid>{files[0].node, files[1].node, files[2].node}));
    BOOST_CHECK_EQUAL(to_string(file->node), node_id(state(i + 1)));
    BOOST_CHECK_EQUAL(file->listen.host, "127.0.0.1");
    BOOST_CHECK(file->listen.port > 0);
    addresses.insert(to_string(file->listen));
    BOOST_CHECK_NO_THROW(read_credentials(directory, file->node)); // it checks that they belong together
    BOOST_CHECK((authority::open(directory).cluster() == files[0].cluster));
  }
  BOOST_CHECK_EQUAL(addresses.size(), 5u);
}

BOOST_AUTO_TEST_CASE(a_cluster_of_one_has_the_address_that_it_was_given) {
  const auto files = prepare_cluster("lab", {{state(1), "alpha", link_address{"10.1.2.3", 7400}}}, 1);
  BOOST_CHECK_EQUAL(to_string(files.front().listen), "10.1.2.3:7400");
  BOOST_CHECK_EQUAL(files.front().name, "alpha");
}

BOOST_AUTO_TEST_CASE(two_voters_even_numbers_and_more_voters_than_nodes_are_refused_and_nothing_is_written) {
  BOOST_CHECK(has(refusal([&] { prepare_cluster("lab", members(3), 2); }), "Two voters are refused"));
  BOOST_CHECK(has(refusal([&] { prepare_cluster("lab", members(4), 4); }), "one, three or five"));
  BOOST_CHECK(has(refusal([&] { prepare_cluster("lab", members(2), 3); }), "too few for 3 voters"));
  BOOST_CHECK(!fs::exists(state(1)));
}

BOOST_AUTO_TEST_CASE(names_that_are_none_are_refused) {
  for (const auto* name : {"", "a b", "../x", "-x", ".x", "a/b"})
    BOOST_CHECK_MESSAGE(has(refusal([&] { prepare_cluster(name, members(1), 1); }), "cannot be called"), name);
  BOOST_CHECK(has(refusal([&] { prepare_cluster(std::string(64, 'x'), members(1), 1); }), "1 to 63"));
  BOOST_CHECK(has(refusal([&] { prepare_cluster("lab", {{state(1), "", std::nullopt}}, 1); }), "cannot be called"));
  auto same = members(3);
  same[2].name = "node-1";
  BOOST_CHECK(has(refusal([&] { prepare_cluster("lab", same, 3); }), "Two nodes are called node-1"));
}

BOOST_AUTO_TEST_CASE(a_member_of_a_cluster_does_not_become_one_of_another) {
  prepare_cluster("lab", members(1), 1);
  const auto before = test::content_of(cluster_directory(state(1)) / "cluster.toml");
  BOOST_CHECK(has(refusal([&] { prepare_cluster("other", members(3), 3); }), "member of cluster lab already"));
  const auto token = to_string(make_join_token("127.0.0.1:1", std::string(32, 'f')));
  const new_member who{state(1), "node-1", link_address{"127.0.0.1", 7400}};
  BOOST_CHECK(has(refusal([&] { join(who, token); }), "member of cluster lab already"));
  BOOST_CHECK_EQUAL(test::content_of(cluster_directory(state(1)) / "cluster.toml"), before);
  BOOST_CHECK(!fs::exists(cluster_directory(state(2))));
}

BOOST_AUTO_TEST_CASE(a_directory_in_which_a_node_runs_is_left_alone) {
  const auto running = claim_state_directory(state(1));
  BOOST_CHECK(has(refusal([&] { prepare_cluster("lab", members(1), 1); }), "in use by another node"));
  BOOST_CHECK(has(refusal([&] { restore_control(state(1), home / "backup"); }), "in use by another node"));
  BOOST_CHECK(!fs::exists(cluster_directory(state(1))));
}

BOOST_AUTO_TEST_CASE(a_word_that_is_no_token_is_refused_before_anything_is_made) {
  const new_member who{state(1), "node-1", link_address{"127.0.0.1", 7400}};
  for (const auto* word : {"", "token", "hearth-join-1-AAAA"})
    BOOST_CHECK(has(refusal([&] { join(who, word); }), "no join token, or not all of it"));
  BOOST_CHECK(!fs::exists(state(1)));
}

BOOST_AUTO_TEST_CASE(a_member_that_is_not_reached_is_said_and_the_machine_stays_as_it_was) {
  const auto token = to_string(make_join_token("127.0.0.1:1", std::string(32, 'f')));
  fs::create_directories(state(1) / "control");
  test::write_file(state(1) / "control" / "data.mdb", "a log");
  const new_member who{state(1), "node-1", link_address{"127.0.0.1", 7400}};
  BOOST_CHECK(has(refusal([&] { join(who, token); }), "127.0.0.1:1 cannot be reached"));
  BOOST_CHECK(fs::exists(state(1) / "control" / "data.mdb"));
  BOOST_CHECK(!read_cluster_file(cluster_directory(state(1))));
}

BOOST_AUTO_TEST_CASE(a_backup_is_restored_into_a_directory_without_a_control_log_only) {
  {
    control_store store(home / "store");
    store.next_incarnation();
    test::write_one(store, {1, raft::hard_state{4, {1, 2}}, {}, test::entries(1, 10, 2)});
    store.backup(home / "backup");
  }
  restore_control(state(1), home / "backup");
  BOOST_CHECK(control_store(state(1) / "control").take_stored().restored);
  BOOST_CHECK(has(refusal([&] { restore_control(state(1), home / "backup"); }), "There is a control log in"));
  BOOST_CHECK(has(refusal([&] { restore_control(state(2), home / "nothing"); }), "There is no backup"));
}

BOOST_AUTO_TEST_SUITE_END()
