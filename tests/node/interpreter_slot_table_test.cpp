#include "node/interpreter/slot_table.hpp"

#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using hearth::node::slot_state;
using hearth::node::slot_table;

BOOST_AUTO_TEST_SUITE(slot_tables)

namespace {

slot_table other_side(const slot_table& table) {
  return slot_table::map(kj::AutoCloseFd(::dup(table.descriptor())), table.size());
}

} // namespace

BOOST_AUTO_TEST_CASE(a_sent_call_is_either_recalled_or_started_never_both) {
  auto node = slot_table::make(4);
  auto interpreter = other_side(node);
  node.send(2, 7);
  BOOST_CHECK(node.recall(2, 7));
  BOOST_CHECK(!interpreter.change(2, 7, slot_state::sent, slot_state::started));
  node.send(2, 8);
  BOOST_CHECK(interpreter.change(2, 8, slot_state::sent, slot_state::started));
  BOOST_CHECK(!node.recall(2, 8));
}

BOOST_AUTO_TEST_CASE(only_a_started_call_is_cancelled) {
  auto node = slot_table::make(1);
  auto interpreter = other_side(node);
  node.send(0, 1);
  BOOST_CHECK(!node.cancel(0, 1));
  BOOST_CHECK(interpreter.change(0, 1, slot_state::sent, slot_state::started));
  BOOST_CHECK(node.cancel(0, 1));
  BOOST_CHECK(interpreter.change(0, 1, slot_state::cancelled, slot_state::done));
  BOOST_CHECK(!node.cancel(0, 1));
}

BOOST_AUTO_TEST_CASE(a_word_of_an_earlier_call_means_nothing_for_a_later_one) {
  auto node = slot_table::make(1);
  auto interpreter = other_side(node);
  node.send(0, 1);
  node.send(0, 2);
  BOOST_CHECK(!interpreter.change(0, 1, slot_state::sent, slot_state::started));
  BOOST_CHECK(!node.recall(0, 1));
  BOOST_CHECK(node.recall(0, 2));
}

BOOST_AUTO_TEST_CASE(the_interpreter_cannot_shrink_the_table_under_the_node) {
  auto node = slot_table::make(16);
  BOOST_CHECK(::ftruncate(node.descriptor(), 0) != 0);
  BOOST_CHECK(::ftruncate(node.descriptor(), 1 << 20) != 0);
  BOOST_CHECK(::fcntl(node.descriptor(), F_ADD_SEALS, F_SEAL_WRITE) != 0);
  node.send(15, 1);
  BOOST_CHECK(node.recall(15, 1));
}

BOOST_AUTO_TEST_CASE(the_mapping_outlives_the_descriptor) {
  auto node = slot_table::make(2);
  auto interpreter = other_side(node);
  node.close_descriptor();
  BOOST_CHECK(node.descriptor() < 0);
  node.send(1, 3);
  BOOST_CHECK(interpreter.change(1, 3, slot_state::sent, slot_state::started));
}

BOOST_AUTO_TEST_SUITE_END()
