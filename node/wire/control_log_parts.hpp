#pragma once

#include "cluster/commands.hpp"
#include "schema/control_log.capnp.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/array.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

/// What entries, snapshots and messages of the control log have in common.
namespace hearth::wire {

inline std::string string_of(capnp::Text::Reader text) { return {text.begin(), text.size()}; }
inline capnp::Text::Reader text_of(const std::string& string) { return {string.data(), string.size()}; }

inline bytes bytes_of(capnp::Data::Reader data) {
  return bytes::copy_of({reinterpret_cast<const char*>(data.begin()), data.size()});
}
inline capnp::Data::Reader data_of(std::string_view view) {
  return {reinterpret_cast<const capnp::byte*>(view.data()), view.size()};
}

inline node_uuid node_of(log::Id::Reader from) { return {from.getHi(), from.getLo()}; }
template <class Identity>
void fill(log::Id::Builder into, const Identity& id) {
  into.setHi(id.hi);
  into.setLo(id.lo);
}

template <class Strings>
void fill(capnp::List<capnp::Text>::Builder into, const Strings& strings) {
  for (std::uint32_t i = 0; i < into.size(); ++i)
    into.set(i, text_of(strings[i]));
}

inline std::vector<std::string> strings_of(capnp::List<capnp::Text>::Reader list) {
  std::vector<std::string> result;
  for (auto item : list)
    result.push_back(string_of(item));
  return result;
}

inline std::uint32_t count_of(std::size_t count) { return static_cast<std::uint32_t>(count); }

void fill(log::Capacity::Builder into, const cluster::node_capacity& capacity);
cluster::node_capacity read(log::Capacity::Reader from);

void fill(log::AcceptRun::Builder into, const cluster::accept_run& run);
cluster::accept_run read(log::AcceptRun::Reader from);

void fill(log::CompleteRun::Builder into, const cluster::complete_run& end);
cluster::complete_run read(log::CompleteRun::Reader from);

inline std::string flat(capnp::MessageBuilder& message) {
  const auto words = capnp::messageToFlatArray(message);
  const auto chars = words.asChars();
  return {chars.begin(), chars.size()};
}

/// A message in memory that may be any bytes. Throws kj::Exception when it is none.
class flat_message {
public:
  explicit flat_message(std::string_view text)
    : words_(kj::heapArray<capnp::word>(text.size() / sizeof(capnp::word))), reader_(filled(text), limits()) {}

  template <class Root>
  typename Root::Reader root() {
    return reader_.getRoot<Root>();
  }

private:
  kj::ArrayPtr<const capnp::word> filled(std::string_view text) {
    if (words_.size() > 0)
      std::memcpy(words_.begin(), text.data(), words_.size() * sizeof(capnp::word));
    return words_;
  }

  // A message in which nothing is pointed at twice is read within its size; lists of records are looked at twice.
  capnp::ReaderOptions limits() const { return {2 * words_.size() + 1024, 16}; }

  kj::Array<capnp::word> words_;
  capnp::FlatArrayMessageReader reader_;
};

} // namespace hearth::wire
