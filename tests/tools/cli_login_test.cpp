#include "core/client_token.hpp"
#include "tests/tools/command_fixture.hpp"
#include "tests/tools/scripted_node.hpp"
#include "tools/cli/target.hpp"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::cli_test;
namespace fs = std::filesystem;

namespace {

struct cli_login_fixture {
  scratch_directory home;
  std::map<std::string, std::string> variables{{"XDG_CONFIG_HOME", (home.path() / "config").string()},
                                               {"XDG_RUNTIME_DIR", home.path().string()}};

  cli::variable_reader reader() const {
    return [this](const char* name) -> const char* {
      const auto found = variables.find(name);
      return found == variables.end() ? nullptr : found->second.c_str();
    };
  }

  outcome hearth(const std::vector<std::string>& words) const { return run(words, variables); }

  fs::path file() const { return home.path() / "config" / "hearth" / "clusters" / "lab.json"; }

  /// A login to a cluster of which no node answers.
  void log_in() const {
    cli::cluster_target lab{.name = "lab", .sockets = {}, .directory = {}};
    lab.login = std::make_shared<const cli::credentials>(cli::credentials{"PEM", std::string("\0secret", 7)});
    lab.members = {{"alpha", "id-a", "127.0.0.1:1"}, {"", "id-b", "127.0.0.1:2"}};
    cli::keep_target(reader(), lab);
  }

  std::string token_file(const std::string& text, mode_t mode = 0600) const {
    const auto path = (home.path() / "token").string();
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    return path;
  }
};

mode_t mode_of(const fs::path& file) {
  struct stat found {};
  BOOST_REQUIRE_EQUAL(::stat(file.c_str(), &found), 0);
  return found.st_mode & 07777;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(cli_login, cli_login_fixture)

// -- what is kept ----

BOOST_AUTO_TEST_CASE(a_login_is_kept_for_its_user_alone_and_reads_as_it_was_written) {
  log_in();
  BOOST_TEST(mode_of(file()) == 0600u);
  const auto found = cli::find_target(reader(), "lab");
  BOOST_REQUIRE(found.has_value());
  BOOST_REQUIRE(found->login != nullptr);
  BOOST_TEST(found->login->authority == "PEM");
  BOOST_TEST(found->login->secret == std::string("\0secret", 7));
  BOOST_REQUIRE_EQUAL(found->nodes().size(), 2u);
  BOOST_TEST(found->nodes().front().where == "127.0.0.1:1");
  BOOST_TEST(found->nodes().front().node == "id-a");
  BOOST_TEST(found->nodes().front().is_remote());
}

BOOST_AUTO_TEST_CASE(a_login_that_others_may_read_is_refused) {
  log_in();
  BOOST_TEST(hearth({"cluster", "use", "lab"}).status == 0);
  ::chmod(file().c_str(), 0640);
  const auto said = hearth({"get", "runs"});
  BOOST_TEST(said.status == 1);
  BOOST_TEST(contains(said.err, "it holds a token, and other users may read it"));
  BOOST_TEST(contains(said.err, "chmod 600"));
}

BOOST_AUTO_TEST_CASE(the_token_is_in_no_other_file) {
  log_in();
  cli::use_target(reader(), "lab");
  const auto target = home.path() / "config" / "hearth" / "target";
  std::ifstream in(target);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  BOOST_TEST(contains(text, "lab"));
  BOOST_TEST(!contains(text, "token"));
  BOOST_TEST(mode_of(target) == 0600u);
}

BOOST_AUTO_TEST_CASE(what_can_be_used_is_listed_with_a_mark_at_what_is) {
  log_in();
  cli::keep_target(reader(), {.name = "local", .sockets = {"/a.sock"}, .directory = {}});
  BOOST_TEST(hearth({"cluster", "use"}).out
             == "  lab  2 nodes, elsewhere\n  local  1 node, on this machine\n* none  your own node\n");
  cli::use_target(reader(), "lab");
  BOOST_TEST(contains(hearth({"cluster", "use"}).out, "* lab  2 nodes, elsewhere\n"));
}

BOOST_AUTO_TEST_CASE(a_login_is_forgotten_and_is_then_not_in_use) {
  log_in();
  cli::use_target(reader(), "lab");
  const auto said = hearth({"cluster", "logout", "lab"});
  BOOST_TEST(said.status == 0);
  BOOST_TEST(contains(said.out, "Cluster lab and its token are forgotten here"));
  BOOST_TEST(!fs::exists(file()));
  BOOST_TEST(contains(hearth({"get", "runs"}).err, "No node is running"));
  BOOST_TEST(hearth({"cluster", "logout", "lab"}).status == 2);
}

BOOST_AUTO_TEST_CASE(a_cluster_of_this_machine_is_not_logged_out_of_and_one_elsewhere_is_not_ended) {
  log_in();
  cli::keep_target(reader(), {.name = "local", .sockets = {"/a.sock"}, .directory = {}});
  BOOST_TEST(contains(hearth({"cluster", "logout", "local"}).err, "Cluster local is on this machine"));
  BOOST_TEST(contains(hearth({"cluster", "down", "lab"}).err, "`hearth cluster logout lab` leaves it"));
  BOOST_TEST(contains(hearth({"cluster", "up", "--name", "lab", "--nodes", "1"}).err, "is not one of this machine"));
}

BOOST_AUTO_TEST_CASE(when_no_member_is_reached_the_last_reason_is_said) {
  log_in();
  const auto said = hearth({"--cluster", "lab", "get", "runs"});
  BOOST_TEST(said.status == 3);
  BOOST_TEST(contains(said.err, "No node of cluster lab lets you in: The node at 127.0.0.1:"));
}

// -- logging in ----

BOOST_AUTO_TEST_CASE(a_token_that_is_none_is_refused_before_anybody_is_asked) {
  const auto with = [&](const std::string& text) {
    return hearth({"cluster", "login", "127.0.0.1:1", "--token-file", token_file(text)});
  };
  BOOST_TEST(with("hearth-token-1-AAAA").status == 2);
  BOOST_TEST(contains(with("hearth-token-1-AAAA").err, "That is no token for clients, or not all of it"));
  BOOST_TEST(contains(with("hearth-join-1-AAAA").err, "That is a token with which a machine joins"));
  BOOST_TEST(contains(with("").err, "That is no token"));
}

BOOST_AUTO_TEST_CASE(a_token_file_that_others_may_read_is_refused) {
  const auto said = hearth({"cluster", "login", "127.0.0.1:1", "--token-file", token_file("x", 0644)});
  BOOST_TEST(said.status == 1);
  BOOST_TEST(contains(said.err, "other users may read it"));
  BOOST_TEST(contains(hearth({"cluster", "login", "h", "--token-file", "/nonexistent"}).err, "cannot be read"));
}

BOOST_AUTO_TEST_CASE(a_node_that_is_not_reached_is_said_with_its_address) {
  const auto text = to_string(client_token{std::string(32, 'a'), std::string(32, 's')});
  const auto said = hearth({"cluster", "login", "127.0.0.1:1", "--token-file", token_file(text)});
  BOOST_TEST(said.status == 3);
  BOOST_TEST(contains(said.err, "The node at 127.0.0.1:1 is not reached: Connection refused"));
  BOOST_TEST(cli::known_targets(reader()).empty());
}

// -- tokens ----

BOOST_AUTO_TEST_CASE(an_operator_makes_lists_and_revokes_tokens) {
  scripted_node node([](const std::string& name, const json&, std::uint32_t request) {
    if (name == "get")
      return response(request,
                      {{"tokens",
                        {{{"name", "laptop"}, {"scopes", {"invoke", "read"}}, {"expiresUnixMs", "1600000000000"}},
                         {{"name", "robot"}, {"scopes", {"admin"}}}}}});
    return response(request, {{"done", {{"detail", "did " + name}}}});
  });
  const auto say = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"--socket", node.socket(), "cluster", "token"});
    return hearth(words);
  };
  const auto made = say({"create", "--scope", "invoke,read", "--expires", "30d", "--name", "laptop"});
  BOOST_TEST(made.out == "did clientToken\n"); // and nothing else, for pipes
  BOOST_TEST(contains(made.err, "shown this once"));
  BOOST_TEST(
    (node.asked().back()
     == json{{"clientToken",
              {{"name", "laptop"}, {"scopes", {"invoke", "read"}}, {"validMs", 2'592'000'000}, {"endless", false}}}}));
  BOOST_TEST(say({"create", "--scope", "read", "--expires", "never"}).status == 0);
  BOOST_TEST(node.asked().back().at("clientToken").at("endless") == json(true));
  BOOST_TEST(say({"create", "--scope", "read"}).status == 0);
  BOOST_TEST(node.asked().back().at("clientToken").at("validMs") == json(0));
  BOOST_TEST(say({"create"}).status == 2);
  BOOST_TEST(say({"create", "--scope", "read", "--expires", "soon"}).status == 2);
  const auto listed = say({"list"});
  BOOST_TEST(contains(listed.out, "laptop  invoke,read  2020-09-13 "));
  BOOST_TEST(contains(listed.out, ", expired"));
  BOOST_TEST(contains(listed.out, "robot   admin        never"));
  BOOST_TEST(json::parse(say({"list", "-o", "json"}).out).at(0).at("expiresUnixMs") == json(1'600'000'000'000));
  BOOST_TEST(say({"revoke", "laptop"}).out == "did revokeToken\n");
  BOOST_TEST((node.asked().back() == json{{"revokeToken", "laptop"}}));
  BOOST_TEST(say({}).out == "did joinToken\n"); // without a word it is for a machine
}

BOOST_AUTO_TEST_SUITE_END()
