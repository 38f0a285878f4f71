#include "node/interpreter/zygote_message.hpp"

#include "core/defaults.hpp"
#include "node/interpreter/launch.hpp"
#include "node/wire/environment.hpp"
#include "node/wire/json_text.hpp"
#include "schema/zygote.capnp.h"

#include <capnp/compat/json.h>
#include <capnp/message.h>
#include <kj/exception.h>

namespace hearth::node::zygote_message {

namespace {

std::string render(::Order::Reader order) {
  capnp::JsonCodec codec;
  // Absent means the default, as everywhere in Cap'n Proto; a packet is short.
  codec.setHasMode(capnp::HasMode::NON_DEFAULT);
  const auto text = codec.encode(order);
  return {text.begin(), text.size()};
}

std::string string_of(capnp::Text::Reader text) { return {text.begin(), text.size()}; }

std::optional<event> read(::Event::Reader event) {
  switch (event.which()) {
    case ::Event::READY: {
      const auto row = event.getReady();
      return ready{row.getPid(),
                   string_of(row.getPython()),
                   row.getCanFork(),
                   string_of(row.getSpawnReason()),
                   std::chrono::microseconds(row.getImportUs()),
                   row.getHasSlotTable()};
    }
    case ::Event::FAILED: {
      const auto row = event.getFailed();
      const auto code = row.getCode() == static_cast<std::uint16_t>(ec::module_load) ? ec::module_load
                                                                                     : ec::start_failed;
      return failure{code, string_of(row.getMessage())};
    }
    case ::Event::FORKED:
      return forked{replica_id{event.getForked().getReplica()}, event.getForked().getPid()};
    case ::Event::EXITED: {
      const auto row = event.getExited();
      return exited{replica_id{row.getReplica()}, row.getPid(), row.getStatus(), static_cast<int>(row.getSignal()),
                    std::string(row.getReason().begin(), row.getReason().size())};
    }
    case ::Event::UNSPECIFIED:
      break;
  }
  return std::nullopt;
}

} // namespace

std::optional<event> parse(std::string_view json) {
  std::optional<event> result;
  const auto broken = kj::runCatchingExceptions([&] {
    capnp::MallocMessageBuilder message;
    auto root = message.initRoot<::Event>();
    const auto plain = wire::without_hex_escapes(json);
    capnp::JsonCodec().decode(kj::ArrayPtr<const char>(plain.data(), plain.size()), root);
    result = read(root.asReader());
  });
  return broken == nullptr ? result : std::nullopt;
}

std::string configure(const environment_spec& spec, const std::string& code_directory, bool force_spawn,
                      bool in_sandbox) {
  capnp::MallocMessageBuilder message;
  auto into = message.initRoot<::Order>().initConfigure();
  // What only people read stays here.
  auto lean = spec;
  lean.description.clear();
  for (auto& task : lean.tasks) {
    task.docs.clear();
    task.signature.clear();
  }
  wire::write_environment(lean, into.initEnvironment());
  into.setCodeDirectory(code_directory);
  into.setProject(spec.project);
  into.setDomain(spec.domain);
  into.setVersion(spec.version);
  into.setThreads(threads_of(spec));
  into.setForceSpawn(force_spawn);
  into.setSandbox(in_sandbox);
  into.setFrameBytesMax(static_cast<std::uint32_t>(defaults::frame_body_bytes_max));
  into.setOutputBytesMax(defaults::call_output_bytes_max);
  into.setFilesMax(defaults::interpreter_files_max);
  return render(message.getRoot<::Order>().asReader());
}

std::string start(const replica_order& order, bool become, bool sets_gpus) {
  capnp::MallocMessageBuilder message;
  auto root = message.initRoot<::Order>();
  auto into = become ? root.initBecome() : root.initFork();
  into.setReplica(order.id.value);
  into.setConcurrency(order.concurrency);
  into.setSlots(order.slots);
  into.setFresh(order.fresh);
  auto gpus = into.initGpus(static_cast<unsigned>(order.gpus.size()));
  for (unsigned i = 0; i < gpus.size(); ++i)
    gpus.set(i, order.gpus[i]);
  into.setSetsGpus(sets_gpus);
  return render(message.getRoot<::Order>().asReader());
}

} // namespace hearth::node::zygote_message
