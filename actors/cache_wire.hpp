#pragma once

#include "actors/cache_entry.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Entries as caches send them to each other, in the value of a question or an answer (actors/link_messages.hpp): fields one
/// after the other, numbers in eight bytes, little-endian, texts and contents with their length before them.
namespace hearth {

/// Writes fields; contents are shared, not copied.
class cache_writer {
public:
  cache_writer& number(std::uint64_t value);
  cache_writer& text(std::string_view value);
  cache_writer& sum(const digest& value);
  cache_writer& key(const cache_key& value) { return sum(value.scope).sum(value.inputs); }
  cache_writer& scope(const cache_scope& value);
  cache_writer& entry(const cache_entry& value); // with its content

  payload take();

private:
  void cut();

  std::string open_;
  std::vector<bytes> parts_;
};

/// Reads what a cache_writer wrote, in whatever parts it comes. Reading past the end gives zeros and nothing, and `is_whole`
/// says no from then on.
class cache_reader {
public:
  explicit cache_reader(const payload& from);

  std::uint64_t number();
  std::string text();
  digest sum();
  cache_key key();
  cache_scope scope();
  cache_entry entry();

  bool is_whole() const noexcept { return is_whole_; }
  /// Nothing is left.
  bool is_at_end() const noexcept { return part_ == parts_.size(); }

private:
  std::string take(std::uint64_t size);
  payload content(std::uint64_t size);
  std::uint64_t left() const noexcept;

  std::vector<bytes> parts_;
  std::size_t part_ = 0;
  std::size_t at_ = 0; // within that part
  bool is_whole_ = true;
};

} // namespace hearth
