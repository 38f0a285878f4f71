#include "actors/cache_wire.hpp"

#include <algorithm>

namespace hearth {

namespace {

constexpr std::uint64_t list_max = 10'000; // of inputs: more than a task can have

} // namespace

std::string id_of(const cache_key& key) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::size_t bytes_of_id = 8;
  std::string id;
  for (std::size_t i = 0; i < bytes_of_id; ++i) {
    const unsigned byte = key.scope.value[i] ^ key.inputs.value[i];
    id += digits[byte >> 4];
    id += digits[byte & 0xf];
  }
  return id;
}

// -- writing ----

cache_writer& cache_writer::number(std::uint64_t value) {
  for (int i = 0; i < 8; ++i)
    open_ += static_cast<char>(value >> (8 * i));
  return *this;
}

cache_writer& cache_writer::text(std::string_view value) {
  number(value.size());
  open_ += value;
  return *this;
}

cache_writer& cache_writer::sum(const digest& value) {
  open_ += value.view();
  return *this;
}

cache_writer& cache_writer::scope(const cache_scope& value) {
  for (const auto* part : {&value.project, &value.domain, &value.task, &value.version, &value.signature, &value.trust})
    text(*part);
  number(value.inputs.size());
  for (const auto& name : value.inputs)
    text(name);
  return *this;
}

cache_writer& cache_writer::entry(const cache_entry& value) {
  key(value.key).number(value.generation).number(value.overwrite).number(value.created_unix_ms);
  number(value.expires_unix_ms).number(static_cast<std::uint64_t>(value.run.count()));
  text(value.producer).text(value.holder).number(value.inputs.size());
  for (const auto& input : value.inputs)
    sum(input);
  sum(value.value).number(value.size);
  if (value.size == 0)
    return *this;
  cut();
  parts_.push_back(value.content.head);
  parts_.insert(parts_.end(), value.content.rest.begin(), value.content.rest.end());
  return *this;
}

void cache_writer::cut() {
  if (!open_.empty())
    parts_.push_back(bytes::copy_of(open_));
  open_.clear();
}

payload cache_writer::take() {
  cut();
  payload all;
  if (!parts_.empty()) {
    all.head = std::move(parts_.front());
    all.rest.assign(std::make_move_iterator(parts_.begin() + 1), std::make_move_iterator(parts_.end()));
  }
  parts_.clear();
  return all;
}

// -- reading ----

cache_reader::cache_reader(const payload& from) {
  if (!from.head.empty())
    parts_.push_back(from.head);
  for (const auto& part : from.rest)
    if (!part.empty())
      parts_.push_back(part);
}

std::uint64_t cache_reader::left() const noexcept {
  std::uint64_t size = 0;
  for (auto i = part_; i < parts_.size(); ++i)
    size += parts_[i].size();
  return size - at_;
}

payload cache_reader::content(std::uint64_t size) {
  payload result;
  if (!is_whole_ || size > left()) {
    is_whole_ = false;
    return result;
  }
  while (size > 0) {
    const auto& part = parts_[part_];
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(size, part.size() - at_));
    auto slice = part.slice(at_, count);
    (result.head.empty() ? result.head : result.rest.emplace_back()) = std::move(slice);
    size -= count;
    at_ += count;
    if (at_ == part.size()) {
      ++part_;
      at_ = 0;
    }
  }
  return result;
}

std::string cache_reader::take(std::uint64_t size) {
  const auto found = content(size);
  std::string text(found.head.view());
  for (const auto& part : found.rest)
    text += part.view();
  return text;
}

std::uint64_t cache_reader::number() {
  const auto raw = take(8);
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < raw.size(); ++i)
    value |= std::uint64_t{static_cast<unsigned char>(raw[i])} << (8 * i);
  return value;
}

std::string cache_reader::text() { return take(number()); }

digest cache_reader::sum() {
  const auto raw = take(32);
  return raw.size() == 32 ? digest::at(raw.data()) : digest{};
}

cache_key cache_reader::key() {
  const auto scope = sum();
  return {scope, sum()};
}

cache_scope cache_reader::scope() {
  cache_scope value;
  for (auto* part : {&value.project, &value.domain, &value.task, &value.version, &value.signature, &value.trust})
    *part = text();
  const auto count = number();
  is_whole_ = is_whole_ && count <= list_max;
  for (std::uint64_t i = 0; is_whole_ && i < count; ++i)
    value.inputs.push_back(text());
  return value;
}

cache_entry cache_reader::entry() {
  cache_entry value;
  value.key = key();
  value.generation = number();
  value.overwrite = number();
  value.created_unix_ms = number();
  value.expires_unix_ms = number();
  value.run = std::chrono::nanoseconds(number());
  value.producer = text();
  value.holder = text();
  const auto count = number();
  is_whole_ = is_whole_ && count <= list_max;
  for (std::uint64_t i = 0; is_whole_ && i < count; ++i)
    value.inputs.push_back(sum());
  value.value = sum();
  value.size = number();
  value.content = content(value.size);
  return value;
}

} // namespace hearth
