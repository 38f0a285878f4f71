#include "actors/run_keeper.hpp"
#include "core/defaults.hpp"

#include <string>
#include <utility>

/// Where the arguments and results of runs are: in the control log when they are small, blobs when they are not.
namespace hearth {

namespace {

std::string flat(const payload& value) {
  std::string all;
  all.reserve(value.size());
  all += value.head.view();
  for (const auto& part : value.rest)
    all += part.view();
  return all;
}

} // namespace

void run_keeper_state::keep_value(const payload& value, std::function<void(cluster::stored_value)> then,
                                  std::function<void(const caf::error&)> failed) {
  cluster::stored_value kept;
  kept.size = value.size();
  if (kept.size <= defaults::run_inline_bytes_max) {
    kept.content = bytes::copy_of(flat(value));
    kept.digest = config_->digest(kept.content.view());
    return then(std::move(kept));
  }
  self_->request(config_->blobs, defaults::bundle_store_timeout, atom::store::value, value)
    .then(
      [=, this](std::string& digest) mutable {
        kept.digest = std::move(digest);
        copy_value(
          value, others(), std::nullopt, [kept, then] { then(kept); }, failed);
      },
      failed);
}

/// A value that is not here may be on another node.
void run_keeper_state::read_blob(const std::string& digest, std::function<void(payload)> then,
                                 std::function<void(const caf::error&)> failed) {
  const auto elsewhere = [this, digest, then, failed](const caf::error& why) {
    if (!config_->switchboard)
      return failed(why);
    link::ask question;
    question.what = "blob";
    question.words = {digest};
    self_
      ->request(config_->switchboard, defaults::bundle_store_timeout, atom::ask::value, std::move(question),
                milliseconds(defaults::inner_request_timeout))
      .then(
        [then, failed, why](link::member_answers& all) {
          for (auto& item : all.items)
            if (auto* value = std::get_if<payload>(&item.what.content))
              return then(std::move(*value));
          failed(why);
        },
        failed);
  };
  self_->request(config_->blobs, defaults::bundle_store_timeout, atom::read::value, digest)
    .then([then](payload& value) { then(std::move(value)); }, elsewhere);
}

} // namespace hearth
