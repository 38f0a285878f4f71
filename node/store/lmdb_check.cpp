#include "node/store/lmdb_check.hpp"

#include <kj/io.h>
#include <lmdb.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace hearth::node {

namespace {

static_assert(std::endian::native == std::endian::little, "the layout below is LMDB's on a little-endian machine");

constexpr std::uint64_t no_page = ~std::uint64_t{0};
constexpr std::uint64_t meta_pages = 2;
constexpr std::size_t page_bytes_min = 512, page_bytes_max = 32768;
constexpr std::size_t header_bytes = 16; // of a page
constexpr std::size_t trees_at = 24;     // in a meta page, behind its header
constexpr std::size_t node_bytes = 8;    // before its key
constexpr std::size_t key_bytes_max = 511;
constexpr std::uint32_t depth_max = 32; // of LMDB's cursors
constexpr std::uint16_t branch_flag = 0x01, leaf_flag = 0x02, overflow_flag = 0x04, meta_flag = 0x08, big_data = 0x01;
constexpr std::uint16_t integer_key = MDB_INTEGERKEY; // of the tree of free pages

struct tree {
  std::uint32_t pad = 0;
  std::uint16_t flags = 0;
  std::uint16_t depth = 0;
  std::uint64_t branches = 0, leaves = 0, overflows = 0, entries = 0, root = no_page;
};

struct meta {
  std::uint32_t magic = 0, version = 0;
  std::uint64_t address = 0, map_bytes = 0;
  tree free, main;
  std::uint64_t last_page = 0, transaction = 0;
};

constexpr std::uint32_t meta_magic = 0xBEEFC0DE;
constexpr std::uint32_t data_version = 1;

template <class T>
T value_at(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

class file_check {
public:
  file_check(const std::filesystem::path& path, std::string_view what_to_do)
    : path_(path.string()), what_to_do_(what_to_do), fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) {
    struct stat file {};
    if (fd_.get() < 0 || ::fstat(fd_, &file) != 0)
      throw_storage_failed("read " + path_, errno);
    size_ = static_cast<std::uint64_t>(file.st_size);
  }

  lmdb_file_state run() {
    expect(size_ >= meta_pages * page_bytes_min, "is cut off");
    // Pages are as large as those of the system that made the file.
    page_bytes_ = tree_at(read(0, page_bytes_min).data() + header_bytes + trees_at).pad;
    expect(std::has_single_bit(page_bytes_) && page_bytes_ >= page_bytes_min && page_bytes_ <= page_bytes_max,
           "has a damaged meta page");
    expect(size_ >= meta_pages * page_bytes_, "is cut off");
    const meta first = meta_at(0), second = meta_at(1);
    const auto apart = second.transaction - first.transaction; // commits take turns
    expect(apart == 1 || apart == ~std::uint64_t{0} || (apart == 0 && first.transaction == 0),
           "has meta pages that do not follow one another");
    const auto& newest = second.transaction > first.transaction ? second : first;
    pages_ = newest.last_page + 1;
    expect(pages_ >= meta_pages && pages_ <= size_ / page_bytes_, "is cut off");
    used_.assign(pages_, false);
    used_[0] = used_[1] = true;
    check_tree(newest.main, false);
    check_tree(newest.free, true);
    take_free_pages();
    return {newest.transaction, pages_};
  }

private:
  void expect(bool holds, std::string_view otherwise) const {
    if (!holds)
      throw damaged_store("The file " + path_ + ' ' + std::string(otherwise) + ". " + what_to_do_);
  }

  std::vector<char> read(std::uint64_t page, std::uint64_t bytes) const {
    std::vector<char> content;
    read(page, bytes, content);
    return content;
  }

  void read(std::uint64_t page, std::uint64_t bytes, std::vector<char>& content) const {
    content.resize(bytes);
    std::size_t at = 0;
    while (at < bytes) {
      const auto n = ::pread(fd_, content.data() + at, bytes - at, static_cast<off_t>(page * page_bytes_ + at));
      if (n < 0 && errno != EINTR)
        throw_storage_failed("read " + path_, errno);
      expect(n != 0, "is cut off");
      at += n > 0 ? static_cast<std::size_t>(n) : 0;
    }
  }

  static tree tree_at(const char* from) {
    return {value_at<std::uint32_t>(from),      value_at<std::uint16_t>(from + 4),  value_at<std::uint16_t>(from + 6),
            value_at<std::uint64_t>(from + 8),  value_at<std::uint64_t>(from + 16), value_at<std::uint64_t>(from + 24),
            value_at<std::uint64_t>(from + 32), value_at<std::uint64_t>(from + 40)};
  }

  meta meta_at(std::uint64_t page) const {
    const auto content = read(page, page_bytes_);
    const char* from = content.data() + header_bytes;
    const meta m{
      value_at<std::uint32_t>(from),       value_at<std::uint32_t>(from + 4),  value_at<std::uint64_t>(from + 8),
      value_at<std::uint64_t>(from + 16),  tree_at(from + trees_at),           tree_at(from + 72),
      value_at<std::uint64_t>(from + 120), value_at<std::uint64_t>(from + 128)};
    const bool is_meta = value_at<std::uint64_t>(content.data()) == page
                         && value_at<std::uint16_t>(content.data() + 10) == meta_flag && m.magic == meta_magic
                         && m.version == data_version && m.address == 0 && m.free.pad == page_bytes_
                         && (m.free.flags & ~std::uint32_t{MDB_NOSUBDIR}) == integer_key && m.main.flags == 0;
    expect(is_meta, "has a damaged meta page");
    expect(m.transaction == 0 || m.transaction % 2 == page, "has a meta page in the other one's place");
    return m;
  }

  /// This page, and `count` - 1 after it, belong to what was found just now and to nothing else.
  void take(std::uint64_t page, std::uint64_t count) {
    expect(count > 0 && page < pages_ && count <= pages_ - page, "refers to pages that it does not have");
    for (auto i = page; i < page + count; ++i) {
      expect(!used_[i], "uses a page twice");
      used_[i] = true;
    }
  }

  void check_tree(const tree& t, bool is_free) {
    if (t.root == no_page) {
      expect(t.entries == 0 && t.depth == 0, "has lost a tree");
      return;
    }
    found_ = {};
    expect(t.depth > 0 && t.depth <= depth_max, "has a tree of impossible depth");
    check_page(t.root, t.depth, is_free);
    expect(found_.branches == t.branches && found_.leaves == t.leaves && found_.overflows == t.overflows
             && found_.entries == t.entries,
           "has a tree with too many or too few pages");
  }

  void check_page(std::uint64_t number, std::uint32_t depth, bool is_free) {
    take(number, 1);
    auto& page = branch_[depth];
    read(number, page_bytes_, page);
    const bool is_leaf = depth == 1;
    const auto flags = value_at<std::uint16_t>(page.data() + 10);
    const std::size_t lower = value_at<std::uint16_t>(page.data() + 12);
    const std::size_t upper = value_at<std::uint16_t>(page.data() + 14);
    expect(value_at<std::uint64_t>(page.data()) == number && flags == (is_leaf ? leaf_flag : branch_flag)
             && lower >= header_bytes && lower % 2 == 0 && lower <= upper && upper <= page_bytes_,
           "has a damaged page");
    ++(is_leaf ? found_.leaves : found_.branches);
    // LMDB itself stops at a branch that leads to less than two pages, except among the free ones.
    const std::size_t slots = (lower - header_bytes) / 2;
    expect(slots >= (is_leaf || is_free ? 1U : 2U), "has a damaged page");
    std::string_view before;
    for (auto slot = header_bytes; slot < lower; slot += 2) {
      const std::size_t at = value_at<std::uint16_t>(page.data() + slot);
      expect(at >= upper && at % 2 == 0 && at + node_bytes <= page_bytes_, "has a damaged page");
      const char* node = page.data() + at;
      const std::size_t key_bytes = value_at<std::uint16_t>(node + 6);
      expect(key_bytes <= key_bytes_max && at + node_bytes + key_bytes <= page_bytes_, "has a damaged page");
      const std::string_view key(node + node_bytes, key_bytes);
      if (is_leaf)
        check_entry(page, at, key, is_free);
      else
        check_page(value_at<std::uint32_t>(node) | std::uint64_t{value_at<std::uint16_t>(node + 4)} << 32, depth - 1,
                   is_free);
      if (!is_leaf && slot == header_bytes)
        continue; // a branch's first key stands for everything before the second
      expect(is_free ? key_bytes == sizeof(std::uint64_t) : before.empty() || before < key, "has keys out of order");
      before = key;
    }
  }

  void check_entry(const std::vector<char>& page, std::size_t at, std::string_view key, bool is_free) {
    const char* node = page.data() + at;
    const std::uint64_t size = value_at<std::uint32_t>(node);
    const auto flags = value_at<std::uint16_t>(node + 4);
    const char* data = key.data() + key.size();
    const auto left = static_cast<std::size_t>(page.data() + page_bytes_ - data);
    expect((flags & ~big_data) == 0 && !key.empty(), "has a damaged page");
    ++found_.entries;
    if ((flags & big_data) == 0) {
      expect(size <= left, "has a damaged page");
      if (is_free)
        add_free(data, size);
      return;
    }
    expect(left >= sizeof(std::uint64_t), "has a damaged page");
    const auto number = value_at<std::uint64_t>(data);
    const auto count = (header_bytes - 1 + size) / page_bytes_ + 1;
    take(number, count);
    found_.overflows += count;
    const auto head = read(number, header_bytes);
    expect(value_at<std::uint64_t>(head.data()) == number && value_at<std::uint16_t>(head.data() + 10) == overflow_flag
             && value_at<std::uint32_t>(head.data() + 12) == count,
           "has a damaged page");
    if (is_free) {
      const auto all = read(number, header_bytes + size);
      add_free(all.data() + header_bytes, size);
    }
  }

  /// A list of page numbers after their count.
  void add_free(const char* list, std::uint64_t bytes) {
    expect(bytes >= sizeof(std::uint64_t), "has a damaged list of free pages");
    const auto count = value_at<std::uint64_t>(list);
    expect(count <= bytes / sizeof(std::uint64_t) - 1, "has a damaged list of free pages");
    for (std::uint64_t i = 1; i <= count; ++i)
      free_.push_back(value_at<std::uint64_t>(list + i * sizeof(std::uint64_t)));
  }

  /// LMDB will write to these: they may be nobody's.
  void take_free_pages() {
    for (const auto page : free_)
      take(page, 1);
  }

  std::string path_;
  std::string what_to_do_;
  kj::AutoCloseFd fd_;
  std::uint64_t size_ = 0;
  std::size_t page_bytes_ = 0;
  std::uint64_t pages_ = 0;
  std::vector<bool> used_;
  std::array<std::vector<char>, depth_max + 1> branch_; // the pages from the root to the one being checked, by depth
  std::vector<std::uint64_t> free_;
  tree found_; // counted in the tree being checked
};

} // namespace

lmdb_file_state check_lmdb_file(const std::filesystem::path& file, std::string_view what_to_do) {
  return file_check(file, what_to_do).run();
}

} // namespace hearth::node
