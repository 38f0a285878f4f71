#include "core/ids.hpp"

#include <cstdio>

namespace hearth {

std::string to_string(call_id id) {
  char text[33];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(id.hi),
                static_cast<unsigned long long>(id.lo));
  return text;
}

std::string run_name(call_id id) {
  // Crockford's alphabet: no letter that reads like a digit.
  constexpr char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";
  // The two high bits of `lo` are the UUID's variant; the 60 bits used are random.
  auto bits = id.lo;
  std::string result = "r";
  for (int i = 0; i < 12; ++i) {
    result += alphabet[bits & 31];
    bits >>= 5;
  }
  return result;
}

} // namespace hearth
