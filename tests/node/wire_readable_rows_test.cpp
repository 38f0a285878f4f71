#include "node/wire/readable_rows.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace hearth;

BOOST_AUTO_TEST_SUITE(wire_readable_rows)

namespace {

template <class Row>
std::string readable(const Row& row) {
  std::string text;
  wire::write_readable(row, text);
  return text;
}

bool has(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_CASE(numbers_are_numbers_and_lists_and_structs_stay_what_they_are) {
  app_row row;
  row.name = "web";
  row.hosts = {"a", "b"};
  row.requests[0] = 18'446'744'073'709'551'615u;
  row.requests_per_second = 0.1;
  const auto text = readable(row);
  BOOST_TEST(text.starts_with("{\"project\":\"\",\"domain\":\"\",\"name\":\"web\","));
  BOOST_TEST(has(text, "\"hosts\":[\"a\",\"b\"]"));
  BOOST_TEST(has(text, "\"requests\":{\"success\":18446744073709551615,"));
  BOOST_TEST(has(text, "\"requestsPerSecond\":0.1,"));
  BOOST_TEST(has(text, "\"node\":\"\","));
}

BOOST_AUTO_TEST_CASE(ids_are_text_as_people_write_them) {
  replica_row replica;
  replica.id = 0xab;
  BOOST_TEST(has(readable(replica), "{\"id\":\"" + to_string(replica_id{0xab}) + "\","));
  event_row event;
  BOOST_TEST(has(readable(event), "\"replica\":\"\","));
  run_row run;
  run.call = {1, 2};
  BOOST_TEST(has(readable(run), "\"id\":\"" + to_string(run.call) + "\""));
  BOOST_TEST(!has(readable(run), "callHi"));
  BOOST_TEST(!has(readable(run), "callLo"));
}

BOOST_AUTO_TEST_CASE(a_decision_is_there_only_where_one_was_made) {
  event_row event;
  BOOST_TEST(!has(readable(event), "\"decision\""));
  event.what.start = 2;
  BOOST_TEST(has(readable(event), "\"decision\":{"));
}

BOOST_AUTO_TEST_CASE(text_stays_json_whatever_it_is) {
  run_row run;
  run.error = "a \"b\" \\ \n\t\x01 \xff \xc3\xa9";
  const auto text = readable(run);
  BOOST_TEST(has(text, "a \\\"b\\\" \\\\ \\u000a\\u0009\\u0001 "));
  BOOST_TEST(!has(text, "\xff"));
  BOOST_TEST(has(text, "\xc3\xa9"));
}

BOOST_AUTO_TEST_SUITE_END()
