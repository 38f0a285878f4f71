#include "node/gateway/listener.hpp"
#include "node/gateway/listening_socket.hpp"
#include "node/start_error.hpp"
#include "tests/support/loop_fixture.hpp"
#include "tests/support/raw_client.hpp"
#include "tests/support/scratch.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;
namespace fs = std::filesystem;

namespace {

auto says(std::string_view part) {
  return [part](const start_error& e) {
    BOOST_TEST_MESSAGE(e.what());
    return std::string_view(e.what()).find(part) != std::string_view::npos;
  };
}

mode_t mode_of(const fs::path& path) {
  struct stat found {};
  BOOST_REQUIRE_EQUAL(::lstat(path.c_str(), &found), 0);
  return found.st_mode;
}

struct gateway_listener_fixture : test::loop_fixture {
  test::scratch home;
  fs::path path = home / "run/node.sock";
  std::vector<listener::client> clients;
  std::vector<std::string> warnings;

  std::unique_ptr<listening_socket> socket;
  std::unique_ptr<listener> door;

  void listen(std::size_t clients_max = 100, uid_t user = ::geteuid()) {
    socket = std::make_unique<listening_socket>(path, privacy::ours_alone);
    listener::config config;
    config.user = user;
    config.clients_max = clients_max;
    config.on_client = [this](listener::client client) { clients.push_back(std::move(client)); };
    config.warn = [this](std::string_view what) { warnings.emplace_back(what); };
    door = std::make_unique<listener>(loop, socket->fd(), std::move(config));
  }

  bool has_clients(std::size_t count) {
    return run_until([&] { return clients.size() == count; });
  }

  /// What a client that is not served is told.
  std::string refusal(test::raw_client& client) {
    std::string text;
    BOOST_REQUIRE(run_until([&] { return !client.receive(); }));
    if (auto answer = client.answer())
      text = *answer;
    return text;
  }
};

/// Ends the descriptors of this process, all but those it has; gives them back when it goes.
class no_descriptors_left {
public:
  no_descriptors_left() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int next = ::fcntl(0, F_DUPFD, 0);
    ::close(next);
    auto small = before_;
    small.rlim_cur = static_cast<rlim_t>(next);
    ::setrlimit(RLIMIT_NOFILE, &small);
  }
  ~no_descriptors_left() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
  rlimit before_{};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(gateway_listener, gateway_listener_fixture)

BOOST_AUTO_TEST_CASE(the_socket_and_its_directory_are_ours_alone) {
  listen();
  BOOST_CHECK_EQUAL(mode_of(path) & 07777, 0600u);
  BOOST_CHECK_EQUAL(mode_of(path.parent_path()) & 07777, 0700u);
  BOOST_CHECK_EQUAL(test::content_of(path.string() + ".pid"), std::to_string(::getpid()) + "\n");
}

BOOST_AUTO_TEST_CASE(clients_of_the_same_user_are_let_in_with_their_pid) {
  listen();
  std::vector<test::raw_client> connected;
  for (int i = 0; i < 80; ++i) // more than one turn takes
    connected.push_back(test::raw_client::connect(path));
  BOOST_REQUIRE(has_clients(80));
  BOOST_CHECK_EQUAL(door->clients(), 80u);
  BOOST_CHECK_EQUAL(clients[0].pid, ::getpid());
  connected.push_back(test::raw_client::connect(path)); // and later ones
  BOOST_CHECK(has_clients(81));
  clients.clear();
  BOOST_CHECK_EQUAL(door->clients(), 0u);
}

BOOST_AUTO_TEST_CASE(clients_that_connected_before_the_loop_runs_are_let_in) {
  socket = std::make_unique<listening_socket>(path, privacy::ours_alone);
  auto early = test::raw_client::connect(path);
  socket.reset();
  listen();
  auto late = test::raw_client::connect(path);
  BOOST_CHECK(has_clients(1));
}

BOOST_AUTO_TEST_CASE(another_user_is_told_so_and_refused) {
  listen(100, ::geteuid() + 1); // the listener serves somebody else
  auto client = test::raw_client::connect(path);
  BOOST_CHECK_NE(refusal(client).find("not_permitted"), std::string::npos);
  BOOST_CHECK(clients.empty());
  BOOST_CHECK_EQUAL(warnings.size(), 1u);
}

BOOST_AUTO_TEST_CASE(a_process_of_another_user_is_refused) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("only root can be another user");
    return;
  }
  listen();
  // Even if somebody has opened the way to the socket.
  fs::permissions(home.path(), fs::perms(0755));
  fs::permissions(path.parent_path(), fs::perms(0755));
  fs::permissions(path, fs::perms(0666));
  const pid_t other = ::fork();
  if (other == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0)
      ::_exit(2);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.native().size());
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      ::_exit(3);
    std::string got;
    char block[4096];
    for (ssize_t n = 0; (n = ::recv(fd, block, sizeof block, 0)) > 0;)
      got.append(block, static_cast<std::size_t>(n));
    ::_exit(got.find("not_permitted") != std::string::npos ? 0 : 4);
  }
  BOOST_REQUIRE_GT(other, 0);
  int status = -1;
  BOOST_REQUIRE(run_until([&] { return !warnings.empty(); }));
  BOOST_REQUIRE_EQUAL(::waitpid(other, &status, 0), other);
  BOOST_CHECK_EQUAL(WEXITSTATUS(status), 0);
  BOOST_CHECK(clients.empty());
  BOOST_CHECK_NE(warnings.front().find("user 65534"), std::string::npos);
}

BOOST_AUTO_TEST_CASE(beyond_the_limit_clients_are_told_so_until_there_is_room) {
  listen(2);
  auto a = test::raw_client::connect(path), b = test::raw_client::connect(path);
  BOOST_REQUIRE(has_clients(2));
  auto c = test::raw_client::connect(path);
  BOOST_CHECK_NE(refusal(c).find("limit"), std::string::npos);
  clients.pop_back();
  auto d = test::raw_client::connect(path);
  BOOST_CHECK(has_clients(2));
}

BOOST_AUTO_TEST_CASE(a_node_without_descriptors_turns_clients_away_and_listens_on) {
  listen();
  auto waiting = test::raw_client::connect(path);
  auto another = test::raw_client::connect(path);
  {
    no_descriptors_left none;
    BOOST_CHECK_NE(refusal(waiting).find("descriptor"), std::string::npos);
    BOOST_CHECK_NE(refusal(another).find("descriptor"), std::string::npos);
    // Nobody is there, and still no descriptor: the listener sleeps rather than spins.
    const auto turns = loop.turns();
    auto tick = std::make_unique<int>(0);
    auto timer = loop.after(std::chrono::milliseconds(300), [&] { tick.reset(); });
    BOOST_REQUIRE(run_until([&] { return !tick; }));
    BOOST_CHECK_LT(loop.turns() - turns, 50u);
  }
  BOOST_CHECK(clients.empty());
  auto later = test::raw_client::connect(path);
  BOOST_CHECK(has_clients(1));
}

BOOST_AUTO_TEST_CASE(two_nodes_never_share_a_socket) {
  listen();
  BOOST_CHECK_EXCEPTION(listening_socket(path, privacy::ours_alone), start_error, says(std::to_string(::getpid())));
  auto client = test::raw_client::connect(path); // the first one still serves
  BOOST_CHECK(has_clients(1));
}

BOOST_AUTO_TEST_CASE(a_socket_that_a_killed_node_left_is_taken_over) {
  const pid_t killed = ::fork();
  if (killed == 0) {
    listening_socket held(path, privacy::ours_alone);
    ::raise(SIGKILL);
  }
  int status = 0;
  BOOST_REQUIRE_EQUAL(::waitpid(killed, &status, 0), killed);
  BOOST_REQUIRE(WIFSIGNALED(status));
  BOOST_REQUIRE(S_ISSOCK(mode_of(path)));
  listen();
  auto client = test::raw_client::connect(path);
  BOOST_CHECK(has_clients(1));
}

BOOST_AUTO_TEST_CASE(a_node_that_ends_takes_its_socket_with_it_and_nobody_elses) {
  listen();
  door.reset();
  socket.reset();
  BOOST_CHECK(!fs::exists(path));
  listen();
  fs::remove(path); // somebody was careless, and made another one
  test::write_file(path, "theirs");
  door.reset();
  socket.reset();
  BOOST_CHECK_EQUAL(test::content_of(path), "theirs");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_nodes_socket_is_refused_with_what_to_do) {
  BOOST_CHECK_EXCEPTION(listening_socket(home / std::string(200, 'x'), privacy::ours_alone), start_error,
                        says("HEARTH_SOCKET"));
  fs::create_directory(path.parent_path());
  fs::permissions(path.parent_path(), fs::perms(0755));
  BOOST_CHECK_EXCEPTION(listening_socket(path, privacy::ours_alone), start_error, says("chmod 700"));
  fs::permissions(path.parent_path(), fs::perms(0700));
  test::write_file(path, "a file");
  BOOST_CHECK_EXCEPTION(listening_socket(path, privacy::ours_alone), start_error, says("no socket"));
  BOOST_CHECK_EQUAL(test::content_of(path), "a file");
}

BOOST_AUTO_TEST_SUITE_END()
