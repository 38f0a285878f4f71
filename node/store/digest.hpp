#pragma once

#include "core/bytes.hpp"
#include "core/digest.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct evp_md_ctx_st;

namespace hearth::node {

/// SHA-256 of what is added. Not to be shared between threads.
class sha256 {
public:
  sha256();

  void add(std::string_view bytes);

  /// Of all that was added; nothing may be added afterwards.
  digest value();

  /// The same in 64 hex digits.
  std::string hex() { return to_string(value()); }

private:
  struct free_context {
    void operator()(evp_md_ctx_st* context) const noexcept;
  };
  std::unique_ptr<evp_md_ctx_st, free_context> context_;
};

/// Of one text, in hex.
std::string sha256_of(std::string_view text);

/// Of the parts one after the other, in hex.
std::string sha256_of_parts(const std::vector<bytes>& parts);

/// Whether `text` is written as `sha256::hex` writes.
bool is_sha256(std::string_view text) noexcept;

} // namespace hearth::node
