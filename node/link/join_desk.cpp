#include "node/link/join_desk.hpp"

#include "core/defaults.hpp"

#include <kj/exception.h>

#include <utility>

namespace hearth::node {

class join_desk::visit final : private frame_stream::owner {
public:
  visit(join_desk& desk, arrived connection)
    : desk_(desk), secret_(std::move(connection.token)), address_(std::move(connection.address)),
      place_(std::move(connection.place)), deadline_(desk.loop_.timers(), [this] { end("did not ask in time"); }),
      stream_(desk.loop_, kj::mv(connection.socket), std::move(connection.tls), join_framing(), *this) {
    deadline_.set(defaults::link_handshake_timeout);
  }

  const std::string& address() const noexcept { return address_; }

  /// True when it is worth to go on.
  bool judge() {
    auto refusal = desk_.config_.check(secret_);
    stream_.write(link_frame(encode(join_answer{refusal, {}, {}})));
    if (refusal.empty())
      return true;
    stream_.flush();
    return false;
  }

  void answer(const join_answer& answer) {
    stream_.write(link_frame(encode(answer)));
    is_answered_ = true;
    if (stream_.flush())
      end({});
  }

private:
  void on_frames(std::vector<bytes>& frames) override {
    if (has_asked_)
      return end("asked twice");
    has_asked_ = true;
    auto request = parse_join_request(link_content(frames.front()).view());
    if (!request || frames.size() > 1)
      return end("asked for something else");
    deadline_.set(defaults::join_timeout);
    desk_.config_.decide(std::move(secret_), std::move(*request), [self = me_](const join_answer& decided) {
      if (auto still_here = self.lock())
        still_here->answer(decided);
    });
  }

  void on_end(const std::string& reason) override { end(reason.empty() ? "went without an answer" : reason); }

  void on_drained() override {
    if (is_answered_)
      end({});
  }

  void end(const std::string& why) { desk_.end(*this, why); }

  friend class join_desk;

  join_desk& desk_;
  std::string secret_;
  std::string address_;
  std::shared_ptr<void> place_;
  std::weak_ptr<visit> me_;
  bool has_asked_ = false;
  bool is_answered_ = false;
  loop_timer deadline_;
  frame_stream stream_;
};

void join_desk::receive(arrived connection) {
  const auto address = connection.address;
  try {
    auto guest = std::make_shared<visit>(*this, std::move(connection));
    guest->me_ = guest;
    if (guest->judge())
      visits_.push_back(std::move(guest));
    else
      config_.warn(address + " wanted to join with a token that is no good");
  } catch (const kj::Exception& e) {
    config_.warn(address + " cannot be served: " + e.getDescription().cStr());
  }
}

void join_desk::end(const visit& ended, const std::string& why) {
  if (!why.empty())
    config_.warn(ended.address() + ", which wanted to join, " + why);
  visits_.remove_if([&](const auto& guest) { return guest.get() == &ended; });
}

} // namespace hearth::node
