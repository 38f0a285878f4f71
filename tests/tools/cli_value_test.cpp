#include "tools/cli/value.hpp"

#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include <string>

using hearth::cli::shown_value;

namespace {

/// Bytes from hex.
std::string bytes(const std::string& hex) {
  std::string result;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    result += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return result;
}

/// What the value in hex is shown as, in JSON; "nothing" when it is not shown.
std::string shown(const std::string& hex) {
  auto value = shown_value(bytes(hex));
  return value ? value->dump() : "nothing";
}

} // namespace

BOOST_AUTO_TEST_SUITE(cli_value)

BOOST_AUTO_TEST_CASE(plain_values_are_json) {
  BOOST_TEST(shown("f6") == "null");
  BOOST_TEST(shown("f5") == "true");
  BOOST_TEST(shown("18ff") == "255");
  BOOST_TEST(shown("3863") == "-100");
  BOOST_TEST(shown("1bffffffffffffffff") == "18446744073709551615");
  BOOST_TEST(shown("3bffffffffffffffff") == R"("-18446744073709551616")");
  BOOST_TEST(shown("fb3ff8000000000000") == "1.5");
  BOOST_TEST(shown("f93e00") == "1.5");
  BOOST_TEST(shown("65c3a4c3b661") == R"("äöa")");
  BOOST_TEST(shown("83010203") == "[1,2,3]");
  BOOST_TEST(shown("a2616101616202") == R"({"a":1,"b":2})");
  BOOST_TEST(shown("a2616202616101") == R"({"b":2,"a":1})");
}

BOOST_AUTO_TEST_CASE(what_json_has_no_word_for_is_said_in_words) {
  BOOST_TEST(shown("fb7ff8000000000000") == R"("nan")");
  BOOST_TEST(shown("fbfff0000000000000") == R"("-inf")");
  BOOST_TEST(shown("43010203") == R"("<3 B of bytes>")");
  BOOST_TEST(shown("a20161610382f50a") == R"({"1":"a","3":[true,10]})");
}

BOOST_AUTO_TEST_CASE(integers_beyond_64_bits_are_digits) {
  BOOST_TEST(shown("c249010000000000000000") == R"("18446744073709551616")");
  BOOST_TEST(shown("c349010000000000000000") == R"("-18446744073709551617")");
}

BOOST_AUTO_TEST_CASE(objects_are_shown_by_what_is_in_them) {
  BOOST_TEST(shown("d9be01820102") == "[1,2]");                                         // tuple
  BOOST_TEST(shown("d90102820102") == "[1,2]");                                         // set
  BOOST_TEST(shown("d903ec6a323032342d30352d3031") == R"("2024-05-01")");               // date
  BOOST_TEST(shown("d9be0683011903e81a0007a120") == "87400.5");                         // timedelta
  BOOST_TEST(shown("d9be0a82636d3a4363524544") == R"("RED")");                          // enum
  BOOST_TEST(shown("d9be0a83636d3a43f603") == "3");                                     // combined flags
  BOOST_TEST(shown("d9be0b82636d3a43a1617805") == R"({"x":5})");                        // dataclass
  BOOST_TEST(shown("d9be0c82636d3a43820506") == "[5,6]");                               // NamedTuple
  BOOST_TEST(shown("d9be0882fb3ff0000000000000fbc000000000000000") == R"("1.0-2.0j")"); // complex
  BOOST_TEST(shown("d9be0f82633c6938480700000000000000") == "7");                       // NumPy scalar
  BOOST_TEST(shown("d825500123456789abcdef0123456789abcdef") == R"("01234567-89ab-cdef-0123-456789abcdef")");
}

BOOST_AUTO_TEST_CASE(what_only_python_can_show_is_described) {
  BOOST_TEST(shown("d9be0e84633c663882030461434101") == R"("<array <f8, 3 x 4>")");
  BOOST_TEST(shown("d9be134401020304") == R"("<pickle of 4 B>")");
}

BOOST_AUTO_TEST_CASE(large_parts_behind_the_document_are_not_needed) {
  // Table: a document of 5 bytes, a buffer of 3; the document is [1, buffer 0].
  BOOST_TEST(shown("d9be00820603"
                   "8201d9be1400"
                   "010203")
             == R"([1,"<large byte string>"])");
}

BOOST_AUTO_TEST_CASE(what_is_no_value_is_not_shown) {
  for (const char* hex : {"", "ff", "83", "8301", "62c3", "1b00", "9bffffffffffffffff", "5f", "0101", "d9be00820603"})
    BOOST_CHECK_MESSAGE(shown(hex) == "nothing", "showed " << hex << " as " << shown(hex));
}

BOOST_AUTO_TEST_CASE(endless_nesting_is_no_value) { BOOST_CHECK(!shown_value(std::string(100'000, '\x81'))); }

BOOST_AUTO_TEST_SUITE_END()
