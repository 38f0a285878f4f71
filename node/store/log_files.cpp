#include "node/store/log_files.hpp"

#include "actors/log_lines.hpp"
#include "node/store/digest.hpp"
#include "node/store/store_error.hpp"

#include <kj/io.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <limits>
#include <tuple>

namespace hearth::node {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view newest_suffix = ".log";
constexpr std::string_view older_suffix = ".1";

/// A name that a user chose may hold anything; a file's name may not.
std::string file_name_of(const std::string& name) {
  constexpr std::size_t longest = 100;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string result;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) || c == '-' || c == '_') {
      result += c;
    } else {
      result += '%';
      result += digits[byte >> 4];
      result += digits[byte & 15];
    }
  }
  if (result.size() <= longest)
    return result;
  sha256 sum;
  sum.add(name);
  return result.substr(0, longest) + '%' + sum.hex();
}

void add_number(std::string& to, std::uint64_t number, char after) {
  char text[24];
  auto [end, error] = std::to_chars(text, text + sizeof text, number);
  to.append(text, end);
  to += after;
}

void add_record(std::string& to, const log_text& record) {
  for (auto number : {record.unix_ns, record.call.hi, record.call.lo, record.root.hi, record.root.lo, record.replica,
                      std::uint64_t{record.stream}, std::uint64_t{record.dropped}})
    add_number(to, number, ' ');
  add_number(to, record.text.size(), '\n');
  to += record.text.view();
  to += '\n';
}

/// Takes a number and the character after it from the front of `text`.
bool take_number(std::string_view& text, std::uint64_t& number, char after) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto length = static_cast<std::size_t>(end - text.data());
  if (error != std::errc{} || length == text.size() || *end != after)
    return false;
  text.remove_prefix(length + 1);
  return true;
}

/// The records of a file up to its end or to where it was torn.
void parse(const bytes& file, std::vector<log_text>& into) {
  auto rest = file.view();
  while (!rest.empty()) {
    log_text record;
    std::uint64_t stream = 0, dropped = 0, size = 0;
    const bool ok = take_number(rest, record.unix_ns, ' ') && take_number(rest, record.call.hi, ' ')
                    && take_number(rest, record.call.lo, ' ') && take_number(rest, record.root.hi, ' ')
                    && take_number(rest, record.root.lo, ' ') && take_number(rest, record.replica, ' ')
                    && take_number(rest, stream, ' ') && take_number(rest, dropped, ' ')
                    && take_number(rest, size, '\n');
    if (!ok || size >= rest.size())
      return;
    record.stream = static_cast<std::uint16_t>(stream);
    record.dropped = static_cast<std::uint32_t>(dropped);
    record.text = file.slice(static_cast<std::size_t>(rest.data() - file.data()), size);
    rest.remove_prefix(size + 1);
    into.push_back(std::move(record));
  }
}

/// The whole file; empty when there is none.
bytes content_of(const fs::path& path) {
  kj::AutoCloseFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (fd.get() < 0 && errno == ENOENT)
    return {};
  struct stat file {};
  if (fd.get() < 0 || ::fstat(fd, &file) != 0)
    throw_storage_failed("read " + path.string(), errno);
  const auto size = static_cast<std::size_t>(file.st_size);
  std::shared_ptr<char[]> memory(new char[size + 1]);
  std::size_t at = 0;
  while (at < size) {
    const auto n = ::read(fd, memory.get() + at, size - at);
    if (n < 0 && errno != EINTR)
      throw_storage_failed("read " + path.string(), errno);
    if (n == 0)
      break;
    at += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  const auto* data = memory.get();
  return {std::move(memory), data, at};
}

/// All of it or nothing: a full disk leaves no half a record.
void append_whole(const fs::path& path, std::string_view data) {
  constexpr auto flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW;
  kj::AutoCloseFd fd(::open(path.c_str(), flags, 0600));
  if (fd.get() < 0 && errno == ENOENT) { // somebody removed the whole state
    std::error_code ignored;             // the second attempt says what is wrong
    fs::create_directories(path.parent_path(), ignored);
    fd = kj::AutoCloseFd(::open(path.c_str(), flags, 0600));
  }
  struct stat before {};
  if (fd.get() < 0 || ::fstat(fd, &before) != 0)
    throw_storage_failed("open " + path.string(), errno);
  while (!data.empty()) {
    const auto n = ::write(fd, data.data(), data.size());
    if (n < 0 && errno != EINTR) {
      const int error = errno;
      if (::ftruncate(fd, before.st_size) != 0)
        ::unlink(path.c_str());
      throw_storage_failed("write " + path.string(), error);
    }
    data.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
  }
}

std::uint32_t saturated(std::uint64_t count) {
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, std::numeric_limits<std::uint32_t>::max()));
}

} // namespace

log_files::log_files(fs::path directory, log_limits limits) : directory_(std::move(directory)), limits_(limits) {
  std::error_code error;
  fs::create_directories(directory_, error);
  if (error)
    throw_storage_failed("make the directory " + directory_.string(), error.value());
  fs::permissions(directory_, fs::perms::owner_all, error);
  for (fs::directory_iterator i(directory_, error), end; !error && i != end; i.increment(error))
    if (i->path().filename().string().starts_with("replica-"))
      ::unlink(i->path().c_str());
  evict();
}

fs::path log_files::path_of(const std::string& name) const {
  return directory_ / (file_name_of(name) + std::string(newest_suffix));
}

log_files::state& log_files::begin(const std::string& name) {
  auto [known, is_new] = logs_.try_emplace(name);
  if (is_new) {
    const auto path = path_of(name);
    ::unlink(path.c_str());
    ::unlink((path.string() + std::string(older_suffix)).c_str());
  }
  return known->second;
}

/// The newest file becomes the older one.
void log_files::turn_over(const std::string& name, state& s) {
  const auto path = path_of(name);
  if (::rename(path.c_str(), (path.string() + std::string(older_suffix)).c_str()) != 0 && errno != ENOENT)
    throw_storage_failed("rename " + path.string(), errno);
  s.dropped += s.older;
  s.older = std::exchange(s.size, 0);
}

void log_files::append(const std::string& name, const std::vector<log_text>& texts) {
  constexpr std::uint64_t empty_file_bytes = 4096;
  const auto eviction_step = std::max<std::uint64_t>(limits_.bytes / 16, empty_file_bytes);
  auto& s = begin(name);
  std::string records;
  for (const auto& text : texts)
    add_record(records, text);
  if (s.size > 0 && s.size + records.size() > limits_.log_bytes / 2)
    turn_over(name, s);
  append_whole(path_of(name), records);
  since_eviction_ += records.size() + (s.size == 0 ? empty_file_bytes : 0);
  s.size += records.size();
  if (since_eviction_ >= eviction_step)
    evict();
}

std::vector<log_text> log_files::read(const std::string& name, std::uint32_t lines) const {
  const auto path = path_of(name);
  std::vector<log_text> records;
  parse(content_of(path.string() + std::string(older_suffix)), records);
  parse(content_of(path), records);
  if (auto known = logs_.find(name); known != logs_.end() && !records.empty())
    records.front().dropped = saturated(records.front().dropped + known->second.dropped);
  return last_lines(std::move(records), lines);
}

void log_files::evict() {
  struct file {
    fs::file_time_type used;
    fs::path path;
    std::uint64_t size = 0;
  };
  since_eviction_ = 0;
  std::vector<file> files;
  std::uint64_t total = 0;
  std::error_code error;
  for (fs::directory_iterator i(directory_, error), end; !error && i != end; i.increment(error)) {
    std::error_code gone;
    const auto size = i->file_size(gone);
    files.push_back({i->last_write_time(gone), i->path(), gone ? 0 : size});
    total += files.back().size;
  }
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return std::tie(a.used, a.path) < std::tie(b.used, b.path); });
  const auto oldest = fs::file_time_type::clock::now() - limits_.age;
  auto left = files.size();
  for (const auto& f : files) {
    if (f.used >= oldest && total <= limits_.bytes && left <= limits_.files)
      break;
    ::unlink(f.path.c_str());
    total -= f.size;
    --left;
  }
  std::erase_if(logs_, [this](const auto& known) { return ::access(path_of(known.first).c_str(), F_OK) != 0; });
}

} // namespace hearth::node
