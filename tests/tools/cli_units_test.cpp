#include "tools/cli/nearest.hpp"
#include "tools/cli/table.hpp"
#include "tools/cli/units.hpp"

#include <boost/test/unit_test.hpp>

#include <sstream>

using namespace hearth::cli;

BOOST_AUTO_TEST_SUITE(cli_units)

BOOST_AUTO_TEST_CASE(a_duration_has_three_digits_that_mean_something) {
  BOOST_TEST(duration_text(0) == "0 us");
  BOOST_TEST(duration_text(850) == "850 us");
  BOOST_TEST(duration_text(1'234) == "1.23 ms");
  BOOST_TEST(duration_text(12'345) == "12.3 ms");
  BOOST_TEST(duration_text(999'600) == "1.00 s");
  BOOST_TEST(duration_text(4'560'000) == "4.56 s");
  BOOST_TEST(duration_text(59'600'000) == "59.6 s");
  BOOST_TEST(duration_text(200'000'000) == "3m 20s");
  BOOST_TEST(duration_text(7'500'000'000) == "2h 05m");
  BOOST_TEST(duration_text(273'600'000'000) == "3d 4h");
  BOOST_TEST(duration_text_of_ms(0) == "under 1 ms");
}

BOOST_AUTO_TEST_CASE(bytes_are_counted_in_powers_of_1024) {
  BOOST_TEST(bytes_text(0) == "0 B");
  BOOST_TEST(bytes_text(1023) == "1023 B");
  BOOST_TEST(bytes_text(1536) == "1.5 KiB");
  BOOST_TEST(bytes_text(230ULL << 20) == "230 MiB");
  BOOST_TEST(bytes_text((1ULL << 30) - 1) == "1.0 GiB");
}

BOOST_AUTO_TEST_CASE(a_count_has_separators) {
  BOOST_TEST(count_text(7) == "7");
  BOOST_TEST(count_text(123) == "123");
  BOOST_TEST(count_text(1'234'567) == "1,234,567");
}

BOOST_AUTO_TEST_CASE(what_is_too_long_for_a_line_is_cut_between_characters) {
  BOOST_TEST(one_line("two\nlines", 20) == "two lines");
  BOOST_TEST(one_line("äöüß", 4) == "äöüß");
  BOOST_TEST(one_line("äöüß!", 4) == "äöü…");
  BOOST_TEST(one_line("\033[31mred", 20) == " [31mred");
}

BOOST_AUTO_TEST_CASE(text_of_a_task_cannot_steer_the_terminal) {
  BOOST_TEST(printable("a\tb\n\033[2J") == "a\tb\n\\x1b[2J");
}

BOOST_AUTO_TEST_CASE(a_duration_is_read_with_or_without_unit) {
  using std::chrono::milliseconds;
  BOOST_CHECK(parse_duration("250ms") == milliseconds(250));
  BOOST_CHECK(parse_duration("1.5") == milliseconds(1500));
  BOOST_CHECK(parse_duration("10m") == milliseconds(600'000));
  BOOST_CHECK(parse_duration("2h") == milliseconds(7'200'000));
  for (const char* wrong : {"", "x", "-1", "5 s", "1e3", "nan", "1e300h"})
    BOOST_CHECK_MESSAGE(!parse_duration(wrong), "took " << wrong);
}

BOOST_AUTO_TEST_CASE(a_size_is_read_with_or_without_unit) {
  BOOST_CHECK(parse_bytes("2GiB") == 2ULL << 30);
  BOOST_CHECK(parse_bytes("2Gi") == 2ULL << 30);
  BOOST_CHECK(parse_bytes("1.5MiB") == 3ULL << 19);
  BOOST_CHECK(parse_bytes("1GB") == 1'000'000'000ULL);
  BOOST_CHECK(parse_bytes("7B") == 7ULL);
  BOOST_CHECK(parse_bytes("7") == 7ULL);
  for (const char* wrong : {"", "B", "0", "x", "-1", "5 GiB", "1e3", "nan", "9999999TiB", "2GiBB"})
    BOOST_CHECK_MESSAGE(!parse_bytes(wrong), "took " << wrong);
}

BOOST_AUTO_TEST_CASE(a_table_aligns_by_characters_and_ends_no_line_in_spaces) {
  table t{{{"NAME"}, {"N", side::right}, {"NOTE"}}, {}};
  t.rows.push_back({"grün", "7", ""});
  t.rows.push_back({"x", "1,234", "good"});
  std::ostringstream out;
  t.write(out, false);
  BOOST_TEST(out.str()
             == "NAME      N  NOTE\n"
                "grün      7\n"
                "x     1,234  good\n");
}

BOOST_AUTO_TEST_CASE(colours_appear_only_when_they_are_wanted) {
  table t{{{""}}, {{cell("FAILED", colour::red)}}};
  std::ostringstream plain, coloured;
  t.write(plain, false);
  t.write(coloured, true);
  BOOST_TEST(plain.str() == "FAILED\n");
  BOOST_TEST(coloured.str() == "\033[31mFAILED\033[0m\n");
}

BOOST_AUTO_TEST_CASE(the_nearest_word_is_the_one_that_was_meant) {
  BOOST_TEST(nearest("nod", {"run", "node", "get"}) == "node");
  BOOST_TEST(nearest("rnu", {"run", "node"}) == "run");
  BOOST_TEST(nearest("frobnicate", {"run", "node"}) == "");
  BOOST_TEST(suggestion("lgos", {"logs"}) == ". Did you mean `logs`?");
}

BOOST_AUTO_TEST_SUITE_END()
