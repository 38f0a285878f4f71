#pragma once

#include "node/wire/link_fields.hpp"

namespace hearth::wire {

/// Takes the values of the messages of a frame.
class value_sink {
public:
  virtual void write(const payload& value, said::Value::Builder into) = 0;

protected:
  ~value_sink() = default;
};

void write_message(const link::message& what, said::Message::Builder into, value_sink& values);

/// Gives the values of the messages of a frame.
class value_source {
public:
  /// Throws kj::Exception when there is no such value.
  virtual payload read(said::Value::Reader from) = 0;

protected:
  ~value_source() = default;
};

/// Nothing for a message that this version does not know. Throws kj::Exception when it is malformed.
std::optional<link::message> read_message(said::Message::Reader from, value_source& values);

void write_answer(const link::answer& what, said::Answer::Builder into, value_sink& values);
link::answer read_answer(said::Answer::Reader from, value_source& values);

void write_recorded(const link::recorded& what, said::Recorded::Builder into, value_sink& values);
link::recorded read_recorded(said::Recorded::Reader from, value_source& values);

void write_children(const std::vector<finished_child>& what, capnp::List<said::Recorded::Item>::Builder into,
                    value_sink& values);
std::vector<finished_child> read_children(capnp::List<said::Recorded::Item>::Reader from, value_source& values);

void write_found(const link::found& what, said::Found::Builder into, value_sink& values);
link::found read_found(said::Found::Reader from, value_source& values);

void write_acted(const link::acted& what, said::Acted::Builder into);
link::acted read_acted(said::Acted::Reader from);

void write_reply(const call_reply& reply, said::Reply::Builder into, value_sink& values);
call_reply read_reply(said::Reply::Reader from, value_source& values);

void write_replica_event(const link::replica_event& what, said::ReplicaEvent::Builder into, value_sink& values);
link::replica_event read_replica_event(said::ReplicaEvent::Reader from, value_source& values);

} // namespace hearth::wire
