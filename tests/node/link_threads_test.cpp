#include "tests/support/link_fixture.hpp"

#include <boost/test/unit_test.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

using namespace hearth;
using namespace hearth::test;
using cluster::channel;

BOOST_AUTO_TEST_SUITE(link_threads, *boost::unit_test::timeout(240))

namespace {

/// The control endpoint of node 2 on a loop and thread of its own; answers each frame with itself.
struct control_thread {
  std::promise<node::link_endpoint*> made;
  std::atomic<bool> is_over = false;
  std::atomic<int> ups = 0;
  work_loop* loop = nullptr;
  std::thread thread;

  control_thread(const node::credentials& own, node::link_self self, node_uuid peer)
    : thread([this, own, self, peer] {
        work_loop mine;
        link_recorder heard;
        node::link_endpoint control(
          mine, {self, {channel::control}, node::tls_context::of_member_dialing(own), [](std::string_view) {}, {}},
          heard);
        control.set_peer(peer, {"127.0.0.1", 1});
        heard.on_each = [&](node_uuid from, channel on, const bytes& frame) { control.send(from, on, frame); };
        loop = &mine;
        made.set_value(&control);
        mine.run_until(
          [&] {
            ups = static_cast<int>(heard.ups.size());
            return is_over.load();
          },
          work_loop::clock::now() + patience);
      }) {}

  ~control_thread() {
    is_over = true;
    loop->post([] {});
    thread.join();
  }
};

} // namespace

BOOST_FIXTURE_TEST_CASE(a_gate_hands_control_to_the_thread_that_it_belongs_to, link_fixture) {
  const auto own = credentials_of(2);
  const node::link_self self{authority.cluster(), numbered(2), 1, 22};
  auto a = make_node(1);
  control_thread other(own, self, a->id);
  auto* control = other.made.get_future().get();
  auto listening = node::listen_at({"127.0.0.1", 0});
  node::link_gate::config config;
  config.contexts = {node::tls_context::of_member_accepting(own), node::tls_context::for_guests(own)};
  config.cluster = authority.cluster();
  config.is_member = [&](node_uuid peer) { return peer == a->id; };
  config.on_peer = [&](node::arrived connection) {
    if (connection.kind == node::link_kind::control)
      control->adopt(std::move(connection));
  };
  config.warn = [](std::string_view) {};
  node::link_gate gate(loop, listening.get(), config);
  a->control.set_peer(numbered(2), {"127.0.0.1", node::port_of(listening.get())});
  BOOST_REQUIRE(run_until([&] { return a->control.is_up(numbered(2)); }));
  for (int i = 0; i < 200; ++i)
    BOOST_REQUIRE(a->control.send(numbered(2), channel::control, frame_of(std::to_string(i))));
  BOOST_REQUIRE(run_until([&] { return a->control_heard.frames.size() == 200; }));
  for (int i = 0; i < 200; ++i)
    BOOST_TEST(a->control_heard.frames[static_cast<std::size_t>(i)].frame == std::to_string(i));
  BOOST_TEST(other.ups.load() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
