#include "node/node.hpp"
#include "node/start_error.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

using clock_type = std::chrono::steady_clock;

constexpr auto patience = 60s;

/// A whole node in a process of its own.
struct gateway_node_fixture {
  test::scratch home;
  settings wanted;
  pid_t node = 0;

  gateway_node_fixture() {
    wanted.socket = home / "run/node.sock";
    wanted.state_directory = home / "state";
    wanted.name = "test-node";
    wanted.stop_grace = 200ms;
  }

  ~gateway_node_fixture() {
    if (node > 0) {
      ::kill(node, SIGKILL);
      ::waitpid(node, nullptr, 0);
    }
  }

  /// Its exit status says what became of it: 0 ended, 3 did not start.
  static pid_t fork_node(const settings& wanted) {
    const pid_t pid = ::fork();
    if (pid != 0)
      return pid;
    ::setenv("HEARTH_SDK", HEARTH_SOURCE_DIR "/python/src", 1);
    spdlog::set_level(spdlog::level::off);
    try {
      run_node(wanted);
      ::_exit(0);
    } catch (const start_error&) {
      ::_exit(3);
    } catch (...) {
      ::_exit(4);
    }
  }

  void start() {
    node = fork_node(wanted);
    BOOST_REQUIRE_GT(node, 0);
    const auto deadline = clock_type::now() + patience;
    while (!accepts()) {
      BOOST_REQUIRE_EQUAL(::waitpid(node, nullptr, WNOHANG), 0);
      BOOST_REQUIRE(clock_type::now() < deadline);
      ::usleep(1000);
    }
  }

  bool accepts() const {
    kj::AutoCloseFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, wanted.socket.c_str(), wanted.socket.native().size());
    return ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }

  /// The exit status of the process, or what a shell says of one that was killed.
  static int ended(pid_t pid) {
    const auto deadline = clock_type::now() + patience;
    int status = 0;
    while (::waitpid(pid, &status, WNOHANG) == 0) {
      BOOST_REQUIRE_MESSAGE(clock_type::now() < deadline, "the node does not end");
      ::usleep(1000);
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

  int node_ended() { return ended(std::exchange(node, 0)); }

  static std::string answer(test::raw_client& client) {
    const auto deadline = clock_type::now() + patience;
    while (clock_type::now() < deadline) {
      const bool open = client.receive();
      if (auto body = client.answer())
        return *body;
      BOOST_REQUIRE_MESSAGE(open, "the node closed the connection");
      pollfd readable{client.fd(), POLLIN, 0};
      ::poll(&readable, 1, 1000);
    }
    BOOST_FAIL("the node does not answer");
    return {};
  }

  static std::string ask(test::raw_client& client, std::uint32_t number, std::string_view what) {
    client.request(number, what);
    return answer(client);
  }

  test::raw_client greeted() {
    auto client = test::raw_client::connect(wanted.socket);
    const auto welcome = ask(client, 1, R"({"hello": {"protocol": 1, "program": "test", "pid": 1, "version": "0"}})");
    BOOST_REQUIRE_NE(welcome.find("test-node"), std::string::npos);
    return client;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(whole_node, gateway_node_fixture)

BOOST_AUTO_TEST_CASE(a_node_greets_shows_its_state_and_ends_on_a_signal) {
  start();
  auto client = greeted();
  const auto status = ask(client, 2, R"({"status": null})");
  BOOST_CHECK_NE(status.find(wanted.state_directory.string()), std::string::npos);
  BOOST_CHECK_NE(status.find(std::to_string(node)), std::string::npos);
  ::kill(node, SIGTERM);
  BOOST_CHECK_EQUAL(node_ended(), 0);
  BOOST_CHECK(!fs::exists(wanted.socket));
}

BOOST_AUTO_TEST_CASE(a_node_keeps_its_id) {
  start();
  greeted();
  const auto id = test::content_of(wanted.state_directory / "node-id");
  ::kill(node, SIGINT);
  BOOST_CHECK_EQUAL(node_ended(), 0);
  start();
  greeted();
  BOOST_CHECK_EQUAL(id.size(), 37u); // and a newline
  BOOST_CHECK_EQUAL(test::content_of(wanted.state_directory / "node-id"), id);
}

BOOST_AUTO_TEST_CASE(a_client_may_end_the_node_and_hears_that_it_has) {
  start();
  auto client = greeted();
  BOOST_CHECK_NE(ask(client, 2, R"({"stop": {"graceMs": 100, "reason": "test"}})").find("done"), std::string::npos);
  BOOST_CHECK_EQUAL(node_ended(), 0);
}

BOOST_AUTO_TEST_CASE(a_node_that_nobody_uses_ends_by_itself) {
  wanted.is_private = true;
  wanted.idle_exit = 50ms;
  start();
  BOOST_CHECK_EQUAL(node_ended(), 0);
}

BOOST_AUTO_TEST_CASE(a_second_node_at_the_same_place_does_not_start) {
  start();
  auto other = wanted;
  other.state_directory = home / "other-state";
  BOOST_CHECK_EQUAL(ended(fork_node(other)), 3); // the socket is taken
  other = wanted;
  other.socket = home / "other-run/node.sock";
  BOOST_CHECK_EQUAL(ended(fork_node(other)), 3); // the state directory is
  greeted();
}

BOOST_AUTO_TEST_CASE(a_node_starts_where_another_was_killed) {
  start();
  ::kill(node, SIGKILL);
  BOOST_CHECK_EQUAL(node_ended(), 128 + SIGKILL);
  BOOST_REQUIRE(fs::exists(wanted.socket));
  node = fork_node(wanted);
  const auto deadline = clock_type::now() + patience;
  while (!accepts()) { // the socket that is there belongs to nobody at first
    BOOST_REQUIRE(clock_type::now() < deadline);
    ::usleep(1000);
  }
  greeted();
}

BOOST_AUTO_TEST_CASE(hostile_clients_do_not_disturb_the_others) {
  start();
  auto good = greeted();
  for (int i = 0; i < 20; ++i) {
    auto bad = test::raw_client::connect(wanted.socket);
    bad.send(i % 2 == 0 ? std::string(1000, '\xff') : std::string("GET / HTTP/1.1\r\n\r\n"));
    auto silent = test::raw_client::connect(wanted.socket);
    silent.close();
    auto rude = greeted();
    rude.request(2, "{{{{");
    rude.request(2, R"({"startRun": {"callHi": 1, "callLo": 1}})");
    wire::call call;
    call.id = {1, 1};
    call.environment = 77;
    rude.send_frame(call);
    rude.send_frame(call);
    rude.send_frame(wire::reply{});
  }
  BOOST_CHECK_NE(ask(good, 9, R"({"status": null})").find("running"), std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
