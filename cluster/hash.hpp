#pragma once

#include <bit>
#include <cstdint>
#include <string_view>

namespace hearth::cluster {

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): each bit of the input moves half of the bits of the output.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// A 64-bit hash of a sequence of numbers and texts, alike on every machine: words of eight bytes, lowest first, each
/// through `mix`; texts with their length. Not against malice.
class hash_of_sequence {
public:
  constexpr hash_of_sequence& add(std::uint64_t word) noexcept {
    state_ = mix(std::rotl(state_, 5) + 0x9e3779b97f4a7c15ULL + word);
    return *this;
  }

  constexpr hash_of_sequence& add(std::string_view text) noexcept {
    add(text.size());
    std::uint64_t word = 0;
    unsigned filled = 0;
    for (const char c : text) {
      word |= std::uint64_t{static_cast<unsigned char>(c)} << (8 * filled);
      if (++filled == 8) {
        add(word);
        word = 0;
        filled = 0;
      }
    }
    return filled == 0 ? *this : add(word);
  }

  constexpr std::uint64_t value() const noexcept { return state_; }

private:
  std::uint64_t state_ = 0;
};

} // namespace hearth::cluster
