#include "core/defaults.hpp"
#include "node/identity/authority.hpp"
#include "node/identity/cluster_file.hpp"
#include "node/identity/files.hpp"
#include "node/start_error.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <set>
#include <stdexcept>
#include <string>

using namespace hearth;
using namespace hearth::node;
using hearth::test::scratch;

BOOST_AUTO_TEST_SUITE(identity)

namespace {

constexpr node_uuid one{0x1111222233334444, 0x8555666677778888};
constexpr node_uuid two{0x1111222233334444, 0x8555666677779999};
constexpr node_uuid three{0x1111222233334444, 0x855566667777aaaa};

mode_t mode_of(const std::filesystem::path& path) {
  struct stat found {};
  BOOST_REQUIRE(::stat(path.c_str(), &found) == 0);
  return found.st_mode & 0777;
}

bool says(const std::exception& e, std::string_view what) {
  return std::string_view(e.what()).find(what) != std::string::npos;
}

cluster_file example() {
  return {two,
          "lab",
          one,
          "alpha",
          {"10.0.0.1", 7400},
          {one, two, three},
          {{two, "beta", {"::1", 7400}}, {three, "gamma", {"gamma.lab", 7401}}}};
}

} // namespace

BOOST_AUTO_TEST_CASE(a_new_cluster_keeps_its_key_from_others_and_can_be_opened_again) {
  scratch dir;
  const auto made = authority::create(dir / "cluster", "lab");
  BOOST_TEST(mode_of(dir / "cluster") == 0700u);
  BOOST_TEST(mode_of(dir.path() / "cluster" / "ca.key") == 0600u);
  const auto opened = authority::open(dir / "cluster");
  BOOST_TEST((opened.cluster() == made.cluster()));
  BOOST_TEST(opened.cluster_name() == "lab");
  BOOST_TEST(opened.fingerprint() == made.fingerprint());
  BOOST_TEST(opened.fingerprint().size() == 32u);
}

BOOST_AUTO_TEST_CASE(a_cluster_is_not_made_over_another_one) {
  scratch dir;
  const auto made = authority::create(dir / "cluster", "lab");
  BOOST_CHECK_EXCEPTION(authority::create(dir / "cluster", "lab"), start_error,
                        [](const auto& e) { return says(e, "already"); });
  BOOST_TEST((authority::open(dir / "cluster").cluster() == made.cluster()));
}

BOOST_AUTO_TEST_CASE(a_node_without_a_cluster_is_told_what_to_do) {
  scratch dir;
  BOOST_CHECK_EXCEPTION(authority::open(dir / "cluster"), start_error,
                        [](const auto& e) { return says(e, "hearth node join"); });
}

BOOST_AUTO_TEST_CASE(a_key_that_others_may_read_is_refused) {
  scratch dir;
  authority::create(dir / "cluster", "lab");
  BOOST_REQUIRE(::chmod((dir.path() / "cluster" / "ca.key").c_str(), 0644) == 0);
  BOOST_CHECK_EXCEPTION(authority::open(dir / "cluster"), start_error,
                        [](const auto& e) { return says(e, "chmod 600"); });
}

BOOST_AUTO_TEST_CASE(credentials_are_for_one_node_and_valid_for_a_year) {
  scratch dir;
  const auto authority = authority::create(dir / "cluster", "lab");
  write_credentials(dir / "cluster", authority.issue(one, "alpha", defaults::certificate_validity));
  const auto read = read_credentials(dir / "cluster", one);
  const auto left = remaining_validity(read.certificate);
  BOOST_TEST((left > std::chrono::hours{24 * 364} && left <= std::chrono::hours{24 * 365}));
  BOOST_TEST(mode_of(dir.path() / "cluster" / "node.key") == 0600u);
  BOOST_CHECK_EXCEPTION(read_credentials(dir / "cluster", two), start_error,
                        [](const auto& e) { return says(e, "another node"); });
}

BOOST_AUTO_TEST_CASE(credentials_that_do_not_belong_together_are_refused) {
  scratch dir;
  const auto authority = authority::create(dir / "cluster", "lab");
  const auto other = authority::create(dir / "other", "lab");
  auto mixed = authority.issue(one, "alpha", defaults::certificate_validity);
  mixed.key = authority.issue(one, "alpha", defaults::certificate_validity).key;
  BOOST_CHECK_THROW(check_credentials(mixed, one), crypto_error);
  auto foreign = other.issue(one, "alpha", defaults::certificate_validity);
  foreign.authority = authority.pem();
  BOOST_CHECK_THROW(check_credentials(foreign, one), crypto_error);
}

BOOST_AUTO_TEST_CASE(a_certificate_is_signed_for_the_key_that_asks_and_can_be_renewed) {
  scratch dir;
  const auto authority = authority::create(dir / "cluster", "lab");
  const auto asked = make_key_request(one);
  BOOST_TEST((requested_node(asked.request) == one));
  std::set<std::string> certificates;
  for (int i = 0; i < 2; ++i) {
    const credentials got{authority.pem(), authority.sign(asked.request, one, "alpha", defaults::certificate_validity),
                          asked.key};
    BOOST_CHECK_NO_THROW(check_credentials(got, one));
    certificates.insert(got.certificate);
  }
  BOOST_TEST(certificates.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_request_for_another_node_or_with_another_key_is_not_signed) {
  scratch dir;
  const auto authority = authority::create(dir / "cluster", "lab");
  const auto asked = make_key_request(one);
  const auto sign = [&](std::string_view request, node_uuid node) {
    return authority.sign(request, node, "alpha", defaults::certificate_validity);
  };
  BOOST_CHECK_EXCEPTION(sign(asked.request, two), crypto_error, [](const auto& e) { return says(e, "another node"); });
  BOOST_CHECK_THROW(sign("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", one),
                    crypto_error);
  BOOST_CHECK_THROW(sign("", one), crypto_error);
}

BOOST_AUTO_TEST_CASE(uuids_are_random_and_of_version_4) {
  std::set<node_uuid> seen;
  for (int i = 0; i < 100; ++i) {
    const auto id = random_uuid();
    BOOST_TEST(to_string(id)[14] == '4');
    BOOST_TEST((id.lo >> 62) == 2u);
    seen.insert(id);
  }
  BOOST_TEST(seen.size() == 100u);
}

BOOST_AUTO_TEST_CASE(a_cluster_file_reads_as_it_was_written) {
  scratch dir;
  write_cluster_file(dir / "cluster", example());
  const auto read = read_cluster_file(dir / "cluster");
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST((*read == example()));
  BOOST_TEST(mode_of(dir.path() / "cluster" / "cluster.toml") == 0600u);
  BOOST_TEST(!read_cluster_file(dir / "elsewhere").has_value());
}

BOOST_AUTO_TEST_CASE(a_cluster_file_that_makes_no_sense_is_refused_with_the_reason) {
  const auto refused = [](const cluster_file& file, std::string_view what) {
    BOOST_CHECK_EXCEPTION(cluster_file_from_toml(to_toml(file)), std::invalid_argument,
                          [&](const auto& e) { return says(e, what); });
  };
  auto file = example();
  file.voters = {one, two};
  refused(file, "names 2 voters");
  file.voters = {one, one, two};
  refused(file, "twice");
  file.voters = {{5, 5}};
  refused(file, "neither this node nor a peer");
  file = example();
  file.peers.push_back(file.peers.front());
  refused(file, "twice");
  file = example();
  file.name.clear();
  refused(file, "`name`");
  for (const auto* text : {"", "[cluster", "[cluster]\nid = 1\n[node]\n", "voters = 3"})
    BOOST_CHECK_THROW(cluster_file_from_toml(text), std::invalid_argument);
  BOOST_CHECK_EXCEPTION(cluster_file_from_toml(to_toml(example()) + "\nextra = 1\n"), std::invalid_argument,
                        [](const auto& e) { return says(e, "extra"); });
}

BOOST_AUTO_TEST_CASE(addresses_are_host_and_port) {
  BOOST_TEST((parse_link_address("10.0.0.1:7400") == link_address{"10.0.0.1", 7400}));
  BOOST_TEST((parse_link_address("[::1]:7400") == link_address{"::1", 7400}));
  BOOST_TEST((parse_link_address("node-3.lab:1") == link_address{"node-3.lab", 1}));
  for (const auto* text : {"", ":7400", "host", "host:", "host:70000", "host:12x", "::1:7400", "a b:1", "[]:1"})
    BOOST_TEST(!parse_link_address(text).has_value(), text);
  BOOST_TEST(to_string(link_address{"::1", 7}) == "[::1]:7");
}

BOOST_AUTO_TEST_CASE(a_private_file_is_replaced_as_a_whole_and_read_with_a_limit) {
  scratch dir;
  const auto file = dir / "secret";
  write_private(file, "old");
  write_private(file, "new");
  BOOST_TEST(read_private(file, 3).value() == "new");
  BOOST_CHECK_THROW(read_private(file, 2), start_error);
  BOOST_TEST(!create_private(file, "other"));
  BOOST_TEST(read_private(file, 3).value() == "new");
  BOOST_TEST(std::distance(std::filesystem::directory_iterator(dir.path()), std::filesystem::directory_iterator{})
             == 1);
}

BOOST_AUTO_TEST_SUITE_END()
