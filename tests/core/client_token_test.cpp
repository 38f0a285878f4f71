#include "core/base64url.hpp"
#include "core/client_token.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace hearth;

namespace {

client_token sample() { return {std::string(32, '\x9a'), std::string(31, '\0') + '\xff'}; }

} // namespace

BOOST_AUTO_TEST_SUITE(client_tokens)

BOOST_AUTO_TEST_CASE(a_token_reads_as_it_was_written_and_is_one_word) {
  const auto text = to_string(sample());
  BOOST_TEST(text.starts_with("hearth-token-1-"));
  BOOST_TEST(text.find_first_of(" \t\n/+=\"'") == std::string::npos);
  const auto read = parse_client_token("  " + text + "\r\n");
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST(read->authority == sample().authority);
  BOOST_TEST(read->secret == sample().secret);
}

BOOST_AUTO_TEST_CASE(a_token_that_was_mistyped_or_cut_off_is_none) {
  const auto text = to_string(sample());
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto mistyped = text;
    mistyped[i] = mistyped[i] == 'A' ? 'B' : 'A';
    BOOST_TEST(!parse_client_token(mistyped).has_value(), "at " << i);
    BOOST_TEST(!parse_client_token(text.substr(0, i)).has_value(), "cut at " << i);
  }
  BOOST_TEST(!parse_client_token(text + "A").has_value());
  BOOST_TEST(!parse_client_token(text + text).has_value());
  BOOST_TEST(!parse_client_token("").has_value());
  BOOST_TEST(!parse_client_token(std::string(10'000, 'A')).has_value());
}

BOOST_AUTO_TEST_CASE(bytes_of_any_number_pass_through_base64url) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    BOOST_TEST(from_base64url(to_base64url(bytes)).value_or("nothing") == bytes);
    bytes += static_cast<char>(i);
  }
  for (const auto* wrong : {"=", "AA==", "A", "A A", "AB"}) // the last has bits beyond its byte
    BOOST_TEST(!from_base64url(wrong).has_value(), wrong);
}

BOOST_AUTO_TEST_SUITE_END()
