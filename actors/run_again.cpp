#include "actors/error.hpp"
#include "actors/run_keeper.hpp"
#include "core/defaults.hpp"

#include <memory>
#include <utility>

/// What a run was made of, for one that is to be like it.
namespace hearth {

caf::result<kept_call> run_keeper_state::again(const std::string& name_or_root) {
  const auto* run = book_->find_either(name_or_root);
  if (!run)
    return unknown(name_or_root);
  auto promise = self_->make_response_promise<kept_call>();
  const auto& submitted = run->durable->submitted;
  auto kept = std::make_shared<kept_call>();
  kept->task = submitted.task;
  kept->cache = submitted.cache;
  kept->project = submitted.project;
  kept->domain = submitted.domain;
  kept->inputs = submitted.inputs;
  auto failed = [promise, name = submitted.name](const caf::error& error) mutable {
    promise.deliver(
      error_of({ec::gone, "What run `" + name + "` was made of is no longer kept (" + failure_of(error).message
                            + "); start it from its program, as the first time."}));
  };
  auto with_arguments = [this, kept, promise, failed, arguments = submitted.arguments]() mutable {
    if (arguments.content.size() == arguments.size) {
      kept->arguments = payload{arguments.content, {}};
      promise.deliver(std::move(*kept));
      return;
    }
    read_blob(
      arguments.digest,
      [kept, promise](payload value) mutable {
        kept->arguments = std::move(value);
        promise.deliver(std::move(*kept));
      },
      failed);
  };
  self_->request(config_->control, defaults::inner_request_timeout, atom::find::value, submitted.key, submitted.version)
    .then(
      [this, kept, failed, with_arguments](const bytes& encoded) mutable {
        kept->spec = config_->decode_spec(encoded);
        if (kept->spec)
          with_arguments();
        else
          failed(error_of({ec::unknown_environment, "its environment is not understood by this node"}));
      },
      failed);
  return promise;
}

} // namespace hearth
