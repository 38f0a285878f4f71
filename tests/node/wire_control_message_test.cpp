#include "node/wire/control_message.hpp"

#include <boost/test/unit_test.hpp>

#include <random>

using namespace hearth;
using namespace hearth::cluster;

BOOST_AUTO_TEST_SUITE(wire_control_message)

namespace {

std::vector<control_message> every_message() {
  const node_uuid node{1, 2};
  const raft::snapshot_mark mark{5, 6, 7, {node, {3, 4}}};
  const raft::entry seal{8, 9, raft::entry::kind::seal, std::string("da\0ta", 5), {node}};
  const auto raft_message = [](auto body) { return control_message{raft::message{3, 4, std::move(body)}}; };
  return {raft_message(raft::vote_request{1, 2, true, false}),
          raft_message(raft::vote_request{1, 2, false, true}),
          raft_message(raft::vote_reply{true, false}),
          raft_message(raft::vote_reply{false, true}),
          raft_message(raft::append{1, 2, 3, 4, {seal, {9, 9, raft::entry::kind::nothing, "", {}}}}),
          raft_message(raft::append_reply{true, 1, 2, 3, 4}),
          raft_message(raft::snapshot_chunk{mark, 1, "piece", true, "digest"}),
          raft_message(raft::snapshot_reply{1, 2, 3, true}),
          raft_message(raft::generation_notice{mark, true}),
          raft_message(raft::behind{true}),
          raft_message(raft::timeout_now{}),
          messages::submit{7, grant{"k", seat_id{2}}},
          messages::turned_down{7, true, {ec::overloaded, "full", 1, seat_id{2}, hearth::epoch{3}}},
          messages::ask_index{9},
          messages::tell_index{9, 10},
          messages::heartbeat{seat_id{1}, 2, 3, 4, 5, {node, {5, 6}}}};
}

/// What a message says, as the encoder of its parts sees it; the parts of a consensus message one by one.
std::string said(const control_message& what) {
  const auto* raft = std::get_if<raft::message>(&what);
  if (raft == nullptr)
    return {};
  const auto number = [](auto... values) { return ((std::to_string(values) + " ") + ...); };
  return std::visit(
    [&](const auto& body) -> std::string {
      using kind = std::decay_t<decltype(body)>;
      if constexpr (std::is_same_v<kind, raft::vote_request>)
        return number(body.last_index, body.last_term, body.pre, body.forced);
      else if constexpr (std::is_same_v<kind, raft::vote_reply>)
        return number(body.pre, body.granted);
      else if constexpr (std::is_same_v<kind, raft::append>)
        return number(body.prev_index, body.prev_term, body.commit, body.round, body.entries.size());
      else if constexpr (std::is_same_v<kind, raft::append_reply>)
        return number(body.accepted, body.match, body.rejected, body.hint, body.round);
      else if constexpr (std::is_same_v<kind, raft::snapshot_chunk>)
        return number(body.mark.index, body.mark.term, body.mark.generation, body.mark.voters.size(), body.offset,
                      body.last)
               + body.data + body.digest;
      else if constexpr (std::is_same_v<kind, raft::snapshot_reply>)
        return number(body.index, body.generation, body.offset, body.done);
      else if constexpr (std::is_same_v<kind, raft::generation_notice>)
        return number(body.mark.index, body.mark.term, body.mark.generation, body.origin);
      else if constexpr (std::is_same_v<kind, raft::behind>)
        return number(body.needs_snapshot);
      else
        return "now";
    },
    raft->body);
}

} // namespace

BOOST_AUTO_TEST_CASE(every_message_comes_back_as_it_was) {
  for (const auto& what : every_message()) {
    const auto text = wire::encode(what);
    const auto back = wire::decode_message(text);
    BOOST_REQUIRE(std::holds_alternative<control_message>(back));
    const auto& read = std::get<control_message>(back);
    BOOST_REQUIRE(read.index() == what.index());
    if (const auto* raft = std::get_if<raft::message>(&what)) {
      const auto& other = std::get<raft::message>(read);
      BOOST_TEST((other.generation == raft->generation && other.term == raft->term));
      BOOST_REQUIRE(other.body.index() == raft->body.index());
      BOOST_TEST(said(read) == said(what));
      if (const auto* append = std::get_if<raft::append>(&raft->body))
        BOOST_TEST((std::get<raft::append>(other.body).entries == append->entries));
    } else if (const auto* submit = std::get_if<messages::submit>(&what)) {
      BOOST_TEST((std::get<messages::submit>(read) == *submit));
    } else if (const auto* down = std::get_if<messages::turned_down>(&what)) {
      BOOST_TEST((std::get<messages::turned_down>(read) == *down));
    } else if (const auto* ask = std::get_if<messages::ask_index>(&what)) {
      BOOST_TEST((std::get<messages::ask_index>(read) == *ask));
    } else if (const auto* tell = std::get_if<messages::tell_index>(&what)) {
      BOOST_TEST((std::get<messages::tell_index>(read) == *tell));
    } else {
      BOOST_TEST((std::get<messages::heartbeat>(read) == std::get<messages::heartbeat>(what)));
    }
  }
}

BOOST_AUTO_TEST_CASE(entries_come_back_as_they_were) {
  const submission entry{{1, 2}, 3, abort_run{"r", "because", 4}};
  BOOST_TEST((wire::decode_entry(wire::encode_entry(entry)) == std::optional(entry)));
  BOOST_TEST(!wire::decode_entry("nonsense"));
  const raft::entry stored{8, 9, raft::entry::kind::command, std::string("da\0ta", 5), {{1, 2}}};
  BOOST_TEST((std::get<raft::entry>(wire::decode_log_entry(wire::encode(stored))) == stored));
  BOOST_TEST(std::holds_alternative<failure>(wire::decode_log_entry(std::string(40, '\xfe'))));
}

BOOST_AUTO_TEST_CASE(damaged_messages_are_read_or_refused_without_harm) {
  std::mt19937_64 random(3);
  for (const auto& what : every_message()) {
    const auto text = wire::encode(what);
    for (int round = 0; round < 500; ++round) {
      auto broken = text;
      for (auto flips = 1 + random() % 8; flips > 0; --flips)
        broken[random() % broken.size()] = static_cast<char>(random());
      if (round % 3 == 0)
        broken.resize(random() % (broken.size() + 1));
      const auto back = wire::decode_message(broken);
      if (const auto* why = std::get_if<failure>(&back))
        BOOST_REQUIRE(!why->message.empty());
      wire::decode_entry(broken);
      wire::decode_log_entry(broken);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
