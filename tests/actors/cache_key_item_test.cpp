#include "actors/cache_key_item.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace hearth;

namespace {

/// An item whose content, behind format and flags, are these many digests.
std::string item(std::size_t digests, char format = 1, char flags = 0) {
  std::string content{format, flags};
  for (std::size_t i = 0; i < digests; ++i)
    content += std::string(32, static_cast<char>('a' + i));
  std::string text("\xd9\xbe\x16", 3);
  if (content.size() < 256)
    text += {'\x58', static_cast<char>(content.size())};
  else
    text += {'\x59', static_cast<char>(content.size() >> 8), static_cast<char>(content.size() & 0xff)};
  return text + content;
}

std::variant<std::monostate, cache_key_item, broken_key_item> take(const std::string& text, std::string& rest) {
  auto arguments = payload::text(text);
  auto taken = take_key_item(arguments);
  rest = arguments.head.view();
  return taken;
}

bool is_broken(const std::string& text) {
  std::string rest;
  const bool broken = std::holds_alternative<broken_key_item>(take(text, rest));
  return broken && rest == text;
}

} // namespace

BOOST_AUTO_TEST_SUITE(key_item)

BOOST_AUTO_TEST_CASE(a_key_is_taken_off_and_the_arguments_stay) {
  std::string rest;
  const auto taken = take(item(3) + "arguments", rest);
  BOOST_REQUIRE(std::holds_alternative<cache_key_item>(taken));
  const auto& key = std::get<cache_key_item>(taken);
  BOOST_TEST(key.inputs.view() == std::string(32, 'a'));
  BOOST_REQUIRE_EQUAL(key.each.size(), 2u);
  BOOST_TEST(key.each[0].view() == std::string(32, 'b'));
  BOOST_TEST(key.each[1].view() == std::string(32, 'c'));
  BOOST_TEST(!key.overwrite);
  BOOST_TEST(rest == "arguments");
}

BOOST_AUTO_TEST_CASE(a_key_says_whether_it_replaces_what_is_kept) {
  std::string rest;
  BOOST_TEST(std::get<cache_key_item>(take(item(1, 1, 1), rest)).overwrite);
}

BOOST_AUTO_TEST_CASE(a_key_of_many_inputs_has_a_longer_length) {
  std::string rest;
  const auto taken = take(item(20) + "arguments", rest);
  BOOST_REQUIRE(std::holds_alternative<cache_key_item>(taken));
  BOOST_TEST(std::get<cache_key_item>(taken).each.size() == 19u);
  BOOST_TEST(rest == "arguments");
}

BOOST_AUTO_TEST_CASE(arguments_without_a_key_are_left_as_they_are) {
  for (const std::string text : {"", "\x80\xa0", "\xd9\xbe", "\xd9\xbe\x01\x58\x22"}) {
    std::string rest;
    BOOST_TEST(std::holds_alternative<std::monostate>(take(text, rest)));
    BOOST_TEST(rest == text);
  }
}

BOOST_AUTO_TEST_CASE(a_key_that_ends_too_early_or_has_another_format_is_broken) {
  const auto whole = item(2);
  for (std::size_t size = 3; size < whole.size(); ++size)
    BOOST_TEST(is_broken(whole.substr(0, size)), "cut to " << size);
  BOOST_TEST(is_broken(item(0) + "arguments"));
  BOOST_TEST(is_broken(item(1, 2) + "arguments"));
  auto text = item(1) + "arguments";
  text[3] = '\x78'; // not a byte string
  BOOST_TEST(is_broken(text));
  text[3] = '\x58';
  text[4] = '\x23'; // a digest and a byte
  BOOST_TEST(is_broken(text));
}

BOOST_AUTO_TEST_CASE(the_inputs_of_a_call_that_is_to_be_looked_up_are_seen_without_taking_the_key_off) {
  auto arguments = payload::text(item(2) + "arguments");
  const auto seen = looked_up_inputs(arguments);
  BOOST_REQUIRE(seen);
  BOOST_TEST((*seen == std::get<cache_key_item>(take_key_item(arguments)).inputs));
  BOOST_TEST(!looked_up_inputs(arguments));
  BOOST_TEST(!looked_up_inputs(payload::text(item(2).substr(0, 20))));
  BOOST_TEST(!looked_up_inputs(payload::text(item(1, 1, 1)))); // its result replaces what is kept
}

BOOST_AUTO_TEST_SUITE_END()
