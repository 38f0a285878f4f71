#include "core/ids.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;

BOOST_AUTO_TEST_CASE(the_uuid_of_a_node_is_read_back_as_it_is_written) {
  const node_uuid id{0x0123456789abcdefULL, 0xfedcba9876543210ULL};
  BOOST_TEST(to_string(id) == "01234567-89ab-cdef-fedc-ba9876543210");
  BOOST_TEST((parse_node_uuid(to_string(id)) == id));
}

BOOST_AUTO_TEST_CASE(what_is_not_written_as_a_uuid_is_none) {
  for (const auto* text : {"", "01234567-89ab-cdef-fedc-ba987654321", "01234567-89ab-cdef-fedc-ba98765432100",
                           "0123456789ab-cdef-fedc-ba9876543210----", "g1234567-89ab-cdef-fedc-ba9876543210",
                           "01234567x89ab-cdef-fedc-ba9876543210", "-1234567-89ab-cdef-fedc-ba9876543210"})
    BOOST_TEST(!parse_node_uuid(text));
}

BOOST_AUTO_TEST_CASE(a_replica_is_named_by_the_seat_that_ordered_it_and_its_number_there) {
  BOOST_TEST(to_string(replica_id{12}) == "12");
  BOOST_TEST(to_string(replica_id{(7ULL << 32) | 12}) == "7.12");
}
