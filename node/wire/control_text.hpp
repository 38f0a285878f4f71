#pragma once

#include "core/defaults.hpp"

#include <capnp/blob.h>
#include <kj/encoding.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace hearth::wire {

/// JSON is UTF-8, whatever a user's error message was.
class text {
public:
  explicit text(std::string_view from) : content_(from) {
    if (std::all_of(from.begin(), from.end(), [](unsigned char c) { return c < 0x80; }))
      return;
    auto wide = kj::encodeUtf16(kj::arrayPtr(content_.data(), content_.size()), false);
    if (!wide.hadErrors)
      return;
    for (std::size_t i = 0; i < wide.size(); ++i) { // KJ keeps halves of surrogate pairs; nobody else reads them
      const bool is_pair = (wide[i] & 0xfc00) == 0xd800 && i + 1 < wide.size() && (wide[i + 1] & 0xfc00) == 0xdc00;
      if (is_pair)
        ++i;
      else if ((wide[i] & 0xf800) == 0xd800)
        wide[i] = 0xfffd;
    }
    auto narrow = kj::decodeUtf16(wide);
    content_.assign(narrow.begin(), narrow.size());
  }
  operator capnp::Text::Reader() const { return {content_.data(), content_.size()}; }

private:
  std::string content_;
};

/// No sentence for a person is longer; the rest of a frame stays for the others.
inline std::string clipped(const std::string& sentence) {
  constexpr std::size_t longest = 64 * defaults::kib;
  return sentence.size() <= longest ? sentence : sentence.substr(0, longest) + " ...";
}

} // namespace hearth::wire
