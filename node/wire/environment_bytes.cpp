#include "node/wire/environment_bytes.hpp"

#include "core/defaults.hpp"
#include "node/wire/cache_scope.hpp"
#include "node/wire/environment.hpp"
#include "node/wire/environment_version.hpp"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <kj/exception.h>

#include <cstring>
#include <memory>
#include <string_view>

namespace hearth::wire {

bytes encode_environment(const environment_spec& spec) {
  capnp::MallocMessageBuilder message;
  write_environment(spec, message.initRoot<::Environment>());
  const auto words = capnp::messageToFlatArray(message);
  const auto text = words.asChars();
  return bytes::copy_of({text.begin(), text.size()});
}

spec_ptr decode_environment(const bytes& encoded) {
  if (encoded.size() % sizeof(capnp::word) != 0)
    return nullptr;
  // Aligned as a reader wants it.
  auto words = kj::heapArray<capnp::word>(encoded.size() / sizeof(capnp::word));
  std::memcpy(words.begin(), encoded.data(), encoded.size());
  std::shared_ptr<environment_spec> spec;
  const auto broken = kj::runCatchingExceptions([&] {
    capnp::ReaderOptions limits;
    limits.traversalLimitInWords = 4 * words.size() + 64;
    capnp::FlatArrayMessageReader reader(words, limits);
    spec = std::make_shared<environment_spec>(read_environment(reader.getRoot<::Environment>()));
    spec->version = node::environment_version(*spec);
    node::name_scopes(*spec);
  });
  return broken == nullptr ? spec : nullptr;
}

} // namespace hearth::wire
