#include "node/store/cache_record.hpp"

#include "core/defaults_cache.hpp"
#include "node/store/digest.hpp"
#include "node/store/record_frame.hpp"

#include <xxhash.h>

#include <cstring>
#include <utility>

namespace hearth::node {

namespace {

constexpr char scope_letter = 's';
constexpr std::size_t half = 16; // of a digest, in a name
constexpr std::size_t digest_size = sizeof(digest::value);
constexpr std::size_t length_at = 8,
                      frame_bytes = 24; // of a frame: where its payload's length stands, and the payload begins

std::uint64_t checksum(std::string_view content) noexcept { return XXH3_64bits(content.data(), content.size()); }

/// A value that lies in a record is one part, or few.
std::string in_one_piece(const payload& value) {
  std::string all(value.head.view());
  for (const auto& part : value.rest)
    all += part.view();
  return all;
}

} // namespace

entry_name::entry_name(const cache_key& key) noexcept {
  text_[0] = letter;
  std::memcpy(&text_[1], key.inputs.value.data(), half);
  std::memcpy(&text_[1 + half], key.scope.value.data(), half);
}

std::optional<entry_name> entry_name::parse(std::string_view text) noexcept {
  entry_name name;
  if (text.size() != name.text_.size() || text.front() != letter)
    return {};
  std::memcpy(name.text_.data(), text.data(), text.size());
  return name;
}

std::string entry_name::first_of(std::size_t bucket) {
  return {letter, static_cast<char>(bucket >> 4), static_cast<char>((bucket & 15) << 4)};
}

std::string entry_name::id() const {
  cache_key begins;
  std::memcpy(begins.inputs.value.data(), &text_[1], half);
  std::memcpy(begins.scope.value.data(), &text_[1 + half], half);
  return id_of(begins);
}

std::size_t entry_name::bucket() const noexcept {
  static_assert(defaults::cache_buckets == 1 << 12);
  return std::size_t{static_cast<unsigned char>(text_[1])} << 4 | static_cast<unsigned char>(text_[2]) >> 4;
}

std::size_t entry_name::hash() const noexcept {
  const auto byte = [this](std::size_t i) { return std::size_t{static_cast<unsigned char>(text_[i])}; };
  std::size_t of_scope = 0;
  std::memcpy(&of_scope, &text_[1 + half], sizeof of_scope);
  return of_scope + (byte(1) << 16 | byte(2) << 8 | byte(3));
}

std::string record_of(const cache_entry& entry, bool is_elsewhere) {
  const auto content = is_elsewhere ? std::string() : in_one_piece(entry.content);
  std::string inputs;
  for (const auto& one : entry.inputs)
    inputs += one.view();
  record_writer out;
  out.fixed(entry.key.inputs.view()).fixed(entry.key.scope.view()).fixed(entry.value.view());
  out.u64(entry.generation).u64(entry.overwrite).u64(entry.created_unix_ms).u64(entry.expires_unix_ms);
  out.u64(static_cast<std::uint64_t>(entry.run.count())).u64(entry.size);
  out.u8(is_elsewhere ? 1 : 0).u64(checksum(content));
  out.text(entry.producer).text(entry.holder).text(inputs);
  return framed(record_type::cache_entry, entry_name(entry.key).view(), out.bytes()) + content;
}

std::optional<stored_entry> stored_in(std::string_view name, std::string_view record) noexcept {
  if (record.size() < frame_bytes)
    return {};
  const auto length = record_reader(record.substr(length_at)).u64();
  if (length > record.size() - frame_bytes)
    return {};
  const auto head = unframed(record_type::cache_entry, name, record.substr(0, frame_bytes + length));
  if (!head)
    return {};
  record_reader in(*head);
  const auto read_digest = [&in] {
    const auto text = in.fixed(digest_size);
    return text.size() == digest_size ? digest::at(text.data()) : digest{};
  };
  stored_entry e;
  e.key.inputs = read_digest();
  e.key.scope = read_digest();
  e.value = read_digest();
  e.generation = in.u64();
  e.overwrite = in.u64();
  e.created_unix_ms = in.u64();
  e.expires_unix_ms = in.u64();
  e.run = std::chrono::nanoseconds(static_cast<std::int64_t>(in.u64()));
  e.size = in.u64();
  e.is_elsewhere = in.u8() != 0;
  e.checksum = in.u64();
  e.producer = in.text();
  e.holder = in.text();
  e.inputs = in.text();
  e.content = record.substr(frame_bytes + length);
  const bool fits = in.complete() && e.inputs.size() % digest_size == 0 && entry_name(e.key).view() == name;
  return fits ? std::optional(e) : std::nullopt;
}

void each_of_bucket(const lmdb_transaction& txn, std::size_t bucket,
                    const std::function<void(std::string_view, std::string_view)>& see) {
  txn.scan(entry_name::first_of(bucket), [&](std::string_view name, std::string_view record) {
    const auto parsed = entry_name::parse(name);
    if (!parsed || parsed->bucket() != bucket)
      return false;
    see(name, record);
    return true;
  });
}

bool is_whole(const stored_entry& entry) noexcept {
  return entry.content.size() == (entry.is_elsewhere ? 0 : entry.size) && checksum(entry.content) == entry.checksum;
}

cache_entry entry_of(const stored_entry& stored) {
  cache_entry e;
  e.key = stored.key;
  e.generation = stored.generation;
  e.overwrite = stored.overwrite;
  e.created_unix_ms = stored.created_unix_ms;
  e.expires_unix_ms = stored.expires_unix_ms;
  e.run = stored.run;
  e.producer = stored.producer;
  e.holder = stored.holder;
  e.inputs.reserve(stored.inputs.size() / digest_size);
  for (std::size_t at = 0; at < stored.inputs.size(); at += digest_size)
    e.inputs.push_back(digest::at(stored.inputs.data() + at));
  e.value = stored.value;
  e.size = stored.size;
  return e;
}

cache_mark mark_of(const stored_entry& entry) noexcept {
  return {entry.key, entry.generation, entry.overwrite, entry.value, entry.created_unix_ms};
}

std::uint64_t hash_of(const cache_mark& entry) noexcept {
  std::array<char, 3 * digest_size> digests;
  auto* to = digests.data();
  for (const auto* one : {&entry.key.inputs, &entry.key.scope, &entry.value})
    to = std::copy(one->value.begin(), one->value.end(), to);
  const auto age = entry.generation * 0x9e3779b97f4a7c15ULL ^ entry.overwrite; // seeds the rest
  return XXH3_64bits_withSeed(digests.data(), digests.size(), age);
}

digest digest_of(const payload& value) {
  sha256 sum;
  sum.add(value.head.view());
  for (const auto& part : value.rest)
    sum.add(part.view());
  return sum.value();
}

std::string scope_name(const digest& scope) { return scope_letter + std::string(scope.view()); }

std::string record_of(const digest& name, const cache_scope& scope) {
  record_writer out;
  for (const auto* part : {&scope.project, &scope.domain, &scope.task, &scope.version, &scope.signature, &scope.trust})
    out.text(*part);
  out.u32(static_cast<std::uint32_t>(scope.inputs.size()));
  for (const auto& input : scope.inputs)
    out.text(input);
  return framed(record_type::cache_scope, scope_name(name), out.bytes());
}

std::optional<cache_scope> scope_in(std::string_view name, std::string_view record) {
  const auto payload = unframed(record_type::cache_scope, name, record);
  if (!payload)
    return {};
  record_reader in(*payload);
  cache_scope scope;
  for (auto* part : {&scope.project, &scope.domain, &scope.task, &scope.version, &scope.signature, &scope.trust})
    *part = in.text();
  for (auto left = in.u32(); left > 0 && in.is_whole(); --left)
    scope.inputs.emplace_back(in.text());
  const bool fits = in.complete() && scope_name(digest_of(scope)) == name;
  return fits ? std::optional(std::move(scope)) : std::nullopt;
}

} // namespace hearth::node
