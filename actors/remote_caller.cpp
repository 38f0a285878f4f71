#include "actors/remote_caller.hpp"

namespace hearth {

caller_actor::behavior_type remote_caller(caller_actor::pointer self, const link::caller_ref& whom,
                                          const switchboard_actor& switchboard) {
  const auto say = [self, switchboard, node = whom.node](link::message what) {
    link::messages said;
    said.push_back(std::move(what));
    self->send(switchboard, atom::send::value, node, std::move(said));
  };
  return {
    [say, number = whom.number](atom::replies, std::vector<call_reply>& replies) {
      say(link::replies{number, std::move(replies)});
    },
    [say, number = whom.number](atom::logged, std::vector<log_text>& texts) {
      say(link::logged{number, std::move(texts)});
    },
  };
}

session_actor::behavior_type output_relay(session_actor::pointer self, const caller_actor& whom) {
  return {
    [](atom::replies, const std::vector<call_reply>&) { /* a relay has no calls */ },
    [self, whom](atom::logged, std::vector<log_text>& texts) {
      self->send(whom, atom::logged::value, std::move(texts));
    },
    [](atom::events, const client::events&) { /* nor a client */ },
    [](atom::watch, call_id, std::uint64_t) { /* nobody asked for progress */ },
    [](atom::tick) { /* nor a deadline */ },
  };
}

} // namespace hearth
