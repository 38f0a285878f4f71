#pragma once

#include "core/ids.hpp"
#include "schema/frame.capnp.h"

#include <capnp/message.h>
#include <capnp/serialize.h>
#include <nlohmann/json.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace hearth::cli_test {

using json = nlohmann::json;

/// A directory of its own, removed with what is in it.
class scratch_directory {
public:
  scratch_directory() {
    std::string name = (std::filesystem::temp_directory_path() / "hearth-cli-XXXXXX").string();
    if (!::mkdtemp(name.data()))
      throw std::runtime_error("no scratch directory");
    path_ = name;
  }
  ~scratch_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;

  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

template <class Frame>
std::string frame_bytes(const std::function<void(typename Frame::Builder)>& fill, const std::string& body) {
  capnp::MallocMessageBuilder message(static_cast<unsigned>(body.size() / sizeof(capnp::word) + 32));
  auto frame = message.initRoot<Frame>();
  fill(frame);
  frame.setBody({reinterpret_cast<const unsigned char*>(body.data()), body.size()});
  auto words = capnp::messageToFlatArray(message);
  return {reinterpret_cast<const char*>(words.asBytes().begin()), words.asBytes().size()};
}

inline std::string response(std::uint32_t request, const json& body, bool more = false) {
  return frame_bytes<::Control>(
    [&](::Control::Builder frame) {
      frame.setKind(static_cast<std::uint16_t>(::Kind::CONTROL));
      frame.setFlags(static_cast<std::uint16_t>(::CONTROL_RESPONSE | (more ? ::CONTROL_MORE : 0)));
      frame.setRequest(request);
    },
    body.dump());
}

inline std::string refusal(std::uint32_t request, const std::string& message) {
  return response(request, {{"error", {{"code", 33}, {"name", "unknown_run"}, {"message", message}}}});
}

inline std::string log_frame(std::uint16_t stream, call_id call, const std::string& text, std::uint32_t dropped = 0) {
  return frame_bytes<::Log>(
    [&](::Log::Builder frame) {
      frame.setKind(static_cast<std::uint16_t>(::Kind::LOG));
      frame.setFlags(stream);
      frame.setDropped(dropped);
      frame.setCallHi(call.hi);
      frame.setCallLo(call.lo);
      frame.setUnixNs(1'700'000'000'123'000'000);
    },
    text);
}

inline std::string reply_frame(std::uint16_t flags, std::uint16_t code, const std::string& value, std::uint64_t size) {
  return frame_bytes<::Reply>(
    [&](::Reply::Builder frame) {
      frame.setKind(static_cast<std::uint16_t>(::Kind::REPLY));
      frame.setFlags(flags);
      frame.setCode(code);
      frame.setSize(size);
    },
    value);
}

inline std::string chunk_frame(std::uint64_t offset, const std::string& part, bool is_last) {
  return frame_bytes<::Chunk>(
    [&](::Chunk::Builder frame) {
      frame.setKind(static_cast<std::uint16_t>(::Kind::CHUNK));
      frame.setFlags(static_cast<std::uint16_t>(::CHUNK_OF_REPLY | (is_last ? ::CHUNK_LAST : 0)));
      frame.setOffset(offset);
    },
    part);
}

/// A node of one thread that serves connections one after another by a script: what it is asked, and the bytes it sends.
class scripted_node {
public:
  /// The bytes that answer the request {name: value} with this number. "" closes the connection.
  using script = std::function<std::string(const std::string& name, const json& value, std::uint32_t request)>;

  explicit scripted_node(script answers) : answers_(std::move(answers)) {
    socket_path_ = (directory_.path() / "node.sock").string();
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_path_.c_str(), socket_path_.size() + 1);
    if (listener_ < 0 || ::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0
        || ::listen(listener_, 4) != 0)
      throw std::runtime_error("the scripted node cannot listen");
    thread_ = std::thread([this] { serve(); });
  }
  ~scripted_node() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  scripted_node(const scripted_node&) = delete;
  scripted_node& operator=(const scripted_node&) = delete;

  const std::string& socket() const { return socket_path_; }

  /// The requests that have come, hello included, as {name: value}.
  std::vector<json> asked() const {
    std::lock_guard lock(mutex_);
    return asked_;
  }

private:
  void serve() {
    for (;;) {
      const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0)
        return;
      while (answer(peer)) {}
      ::close(peer);
    }
  }

  bool answer(int peer) {
    std::string prefix(8, '\0');
    if (!receive(peer, prefix))
      return false;
    std::uint32_t words = 0;
    std::memcpy(&words, prefix.data() + 4, sizeof words);
    std::string rest(words * sizeof(capnp::word), '\0');
    if (!receive(peer, rest))
      return false;
    const auto bytes = prefix + rest;
    auto memory = kj::heapArray<capnp::word>(bytes.size() / sizeof(capnp::word));
    std::memcpy(memory.begin(), bytes.data(), bytes.size());
    capnp::FlatArrayMessageReader message(memory);
    auto control = message.getRoot<::Control>();
    auto body = control.getBody();
    const auto request = json::parse(body.begin(), body.end());
    {
      std::lock_guard lock(mutex_);
      asked_.push_back(request);
    }
    const auto name = request.begin().key();
    const auto value = request.begin().value();
    const auto out = name == "hello"
                       ? response(control.getRequest(), {{"hello", {{"protocol", 1}, {"node", "scripted"}}}})
                       : answers_(name, value, control.getRequest());
    return !out.empty() && ::send(peer, out.data(), out.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(out.size());
  }

  static bool receive(int peer, std::string& into) {
    return into.empty() || ::recv(peer, into.data(), into.size(), MSG_WAITALL) == static_cast<ssize_t>(into.size());
  }

  scratch_directory directory_;
  script answers_;
  std::string socket_path_;
  int listener_ = -1;
  mutable std::mutex mutex_;
  std::vector<json> asked_;
  std::thread thread_; // last: it uses the others
};

} // namespace hearth::cli_test
