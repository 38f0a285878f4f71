#include "core/defaults.hpp"
#include "node/identity/join_ledger.hpp"
#include "node/identity/join_token.hpp"
#include "node/identity/openssl.hpp"

#include <boost/test/unit_test.hpp>

#include <chrono>
#include <string>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(identity_join)

namespace {

using clock_type = std::chrono::system_clock;

constexpr clock_type::time_point start{std::chrono::seconds{1'800'000'000}};

struct one_ticket {
  std::string secret = random_bytes(32);
  join_ledger ledger;

  one_ticket() { ledger.add({digest_of(secret), start + defaults::join_token_validity}, start); }
};

} // namespace

BOOST_AUTO_TEST_CASE(a_token_reads_as_it_was_written_and_is_one_word) {
  const auto token = make_join_token("node-1.lab:7400", std::string(32, '\x9a'));
  const auto text = to_string(token);
  BOOST_TEST(text.starts_with("hearth-join-1-"));
  BOOST_TEST(text.find_first_of(" \t\n/+=\"'") == std::string::npos);
  const auto read = parse_join_token("  " + text + "\n");
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST(read->address == token.address);
  BOOST_TEST(read->fingerprint == token.fingerprint);
  BOOST_TEST(read->secret == token.secret);
  BOOST_TEST(token.secret.size() == 32u);
}

BOOST_AUTO_TEST_CASE(secrets_differ) {
  BOOST_TEST(make_join_token("a:1", std::string(32, 'f')).secret
             != make_join_token("a:1", std::string(32, 'f')).secret);
}

BOOST_AUTO_TEST_CASE(a_token_that_was_mistyped_or_cut_off_is_none) {
  const auto text = to_string(make_join_token("10.0.0.1:7400", std::string(32, 'f')));
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto mistyped = text;
    mistyped[i] = mistyped[i] == 'A' ? 'B' : 'A';
    BOOST_TEST(!parse_join_token(mistyped).has_value(), "at " << i);
    BOOST_TEST(!parse_join_token(text.substr(0, i)).has_value(), "cut at " << i);
  }
  BOOST_TEST(!parse_join_token(text + "A").has_value());
  BOOST_TEST(!parse_join_token(std::string(10'000, 'A')).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_token_is_good_once, one_ticket) {
  BOOST_TEST((ledger.look(secret, start) == join_verdict::good));
  BOOST_TEST((ledger.redeem(secret, start + 1min) == join_verdict::good));
  BOOST_TEST((ledger.redeem(secret, start + 1min) == join_verdict::used));
  BOOST_TEST((ledger.look(secret, start + 1min) == join_verdict::used));
}

BOOST_FIXTURE_TEST_CASE(a_token_ends_after_its_time_and_stays_known_as_expired, one_ticket) {
  BOOST_TEST((ledger.look(secret, start + 15min - 1s) == join_verdict::good));
  BOOST_TEST((ledger.redeem(secret, start + 15min) == join_verdict::expired));
  BOOST_TEST((ledger.look(secret, start + 15min - 1s) == join_verdict::good));
}

BOOST_FIXTURE_TEST_CASE(a_secret_that_was_never_given_out_is_unknown, one_ticket) {
  BOOST_TEST((ledger.redeem(random_bytes(32), start) == join_verdict::unknown));
  BOOST_TEST((ledger.redeem("", start) == join_verdict::unknown));
  BOOST_TEST((ledger.redeem(digest_of(secret), start) == join_verdict::unknown));
}

BOOST_FIXTURE_TEST_CASE(every_verdict_but_good_has_a_sentence, one_ticket) {
  BOOST_TEST(sentence(join_verdict::good).empty());
  for (const auto bad : {join_verdict::unknown, join_verdict::expired, join_verdict::used})
    BOOST_TEST(sentence(bad).find("hearth cluster token") != std::string_view::npos);
}

BOOST_FIXTURE_TEST_CASE(a_ledger_reads_as_it_was_written_and_holds_no_secret, one_ticket) {
  ledger.redeem(secret, start);
  ledger.add({digest_of("other"), start + 10min}, start);
  const auto text = ledger.text();
  const auto read = join_ledger::parse(text);
  BOOST_REQUIRE(read.has_value());
  BOOST_TEST((read->tickets() == ledger.tickets()));
  BOOST_TEST(text.find(secret) == std::string::npos);
  BOOST_TEST(join_ledger::parse("").has_value());
  for (const auto* wrong : {"x", "ab 5 open\n", "\n"})
    BOOST_TEST(!join_ledger::parse(wrong).has_value());
}

BOOST_FIXTURE_TEST_CASE(a_ledger_forgets_what_is_long_over_and_is_bounded, one_ticket) {
  ledger.add({digest_of("late"), start + 48h}, start + 48h);
  BOOST_TEST(ledger.tickets().size() == 1u);
  for (std::size_t i = 0; i < 2 * defaults::join_tickets_max; ++i)
    ledger.add({digest_of(std::to_string(i)), start + 48h}, start + 48h);
  BOOST_TEST(ledger.tickets().size() == defaults::join_tickets_max);
  BOOST_TEST((ledger.look(std::to_string(2 * defaults::join_tickets_max - 1), start) == join_verdict::good));
}

BOOST_AUTO_TEST_SUITE_END()
