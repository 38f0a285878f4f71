#include "node/wire/json_text.hpp"

#include <boost/test/unit_test.hpp>

using hearth::wire::without_hex_escapes;

BOOST_AUTO_TEST_SUITE(wire_json_text)

BOOST_AUTO_TEST_CASE(escapes_become_the_characters_that_they_mean) {
  BOOST_CHECK_EQUAL(without_hex_escapes(R"("caf\u00e9 \uABCD \u20ac \ud83d\ude00 \u007f\u001b")"),
                    "\"caf\u00e9 \uabcd \u20ac \U0001f600 \x7f\x1b\"");
}

BOOST_AUTO_TEST_CASE(what_would_end_a_string_or_a_text_stays_escaped) {
  BOOST_CHECK_EQUAL(without_hex_escapes(R"("\u0022\u005c\u0000")"), R"("\"\\\u0000")");
}

BOOST_AUTO_TEST_CASE(halves_of_surrogate_pairs_are_replaced) {
  BOOST_CHECK_EQUAL(without_hex_escapes(R"("\ud83d" "\ude00x" "\ud83d\u0041")"), "\"\ufffd\" \"\ufffdx\" \"\ufffdA\"");
}

BOOST_AUTO_TEST_CASE(other_escapes_and_what_is_none_stay_as_they_are) {
  for (const char* text : {R"("\\u00e9")", R"("\n\/\"")", R"("\u00g9")", R"("\u12)", R"(\)", R"()", R"("\u+123")"})
    BOOST_CHECK_EQUAL(without_hex_escapes(text), text);
}

BOOST_AUTO_TEST_SUITE_END()
