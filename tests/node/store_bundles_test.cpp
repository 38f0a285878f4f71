#include "node/store/bundle_store.hpp"
#include "node/store/digest.hpp"
#include "node/store/store_error.hpp"
#include "tests/support/scratch.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <boost/test/unit_test.hpp>

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace hearth;
using namespace hearth::node;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// A tar in memory, of whatever kind.
class tar {
public:
  explicit tar(bool gzipped = false) {
    archive_write_set_format_gnutar(a_.get());
    if (gzipped)
      archive_write_add_filter_gzip(a_.get());
    archive_write_open(a_.get(), this, nullptr, collect, nullptr);
  }

  tar& file(const std::string& name, const std::string& content, mode_t mode = 0644) {
    return add(name, content, [&](archive_entry* e) {
      archive_entry_set_filetype(e, AE_IFREG);
      archive_entry_set_perm(e, mode);
      archive_entry_set_size(e, static_cast<la_int64_t>(content.size()));
    });
  }
  tar& directory(const std::string& name) {
    return add(name, {}, [](archive_entry* e) { archive_entry_set_filetype(e, AE_IFDIR); });
  }
  tar& symlink(const std::string& name, const std::string& to) {
    return add(name, {}, [&](archive_entry* e) {
      archive_entry_set_filetype(e, AE_IFLNK);
      archive_entry_set_symlink(e, to.c_str());
    });
  }
  tar& hardlink(const std::string& name, const std::string& to) {
    return add(name, {}, [&](archive_entry* e) {
      archive_entry_set_filetype(e, AE_IFREG);
      archive_entry_set_hardlink(e, to.c_str());
    });
  }
  tar& device(const std::string& name) {
    return add(name, {}, [](archive_entry* e) { archive_entry_set_filetype(e, AE_IFCHR); });
  }

  std::string bytes() {
    archive_write_close(a_.get());
    return out_;
  }

private:
  static la_ssize_t collect(struct archive*, void* self, const void* data, std::size_t size) {
    static_cast<tar*>(self)->out_.append(static_cast<const char*>(data), size);
    return static_cast<la_ssize_t>(size);
  }
  tar& add(const std::string& name, const std::string& content, const std::function<void(archive_entry*)>& fill) {
    auto* e = archive_entry_new();
    archive_entry_set_pathname(e, name.c_str());
    archive_entry_set_perm(e, 0644);
    fill(e);
    BOOST_REQUIRE_EQUAL(archive_write_header(a_.get(), e), ARCHIVE_OK);
    if (!content.empty())
      archive_write_data(a_.get(), content.data(), content.size());
    archive_entry_free(e);
    return *this;
  }

  std::string out_;
  std::unique_ptr<struct archive, int (*)(struct archive*)> a_{archive_write_new(), archive_write_free};
};

std::string sum(const std::string& content) {
  sha256 s;
  s.add(content);
  return s.hex();
}

std::vector<bytes> parts(const std::string& content, std::size_t part = 1000) {
  std::vector<bytes> result;
  for (std::size_t at = 0; at < content.size(); at += part)
    result.push_back(bytes::copy_of(std::string_view(content).substr(at, part)));
  return result;
}

struct store_bundles_fixture {
  test::scratch home;
  bundle_limits limits{1 << 30, 24h};
  std::unique_ptr<bundle_store> store;

  store_bundles_fixture() { restart(); }
  void restart() { store = std::make_unique<bundle_store>(home / "bundles", limits); }

  std::string put(const std::string& content) {
    const auto digest = sum(content);
    store->put(digest, parts(content));
    return digest;
  }
  /// The failure of storing this archive, which must leave nothing behind.
  store_error refused(tar& archive) {
    const auto content = archive.bytes();
    try {
      store->put(sum(content), parts(content));
    } catch (const store_error& e) {
      BOOST_CHECK(!store->has(sum(content)));
      BOOST_CHECK(fs::is_empty(home / "bundles"));
      BOOST_TEST_MESSAGE(e.what());
      return e;
    }
    BOOST_FAIL("the archive was taken");
    throw;
  }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(bundles, store_bundles_fixture)

BOOST_AUTO_TEST_CASE(the_digest_of_known_bytes_is_known) {
  BOOST_CHECK_EQUAL(sum("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  BOOST_CHECK(is_sha256(sum("")));
  BOOST_CHECK(!is_sha256("../../etc/passwd"));
  BOOST_CHECK(!is_sha256(std::string(64, 'G')));
}

BOOST_AUTO_TEST_CASE(a_bundle_is_unpacked_with_its_names_modes_and_bytes) {
  const std::string big(200'000, 'x');
  auto content = tar()
                   .directory("pkg")
                   .file("pkg/__init__.py", "")
                   .file("pkg/m.py", "x = 1\n")
                   .file("./run.sh", "#!", 0755)
                   .file("d/e/f/\xc3\xa4.txt", big)
                   .bytes();
  const auto digest = put(content);
  BOOST_CHECK(store->has(digest));
  const auto tree = store->open(digest);
  BOOST_CHECK_EQUAL(test::content_of(tree / "pkg/m.py"), "x = 1\n");
  BOOST_CHECK(fs::exists(tree / "pkg/__init__.py"));
  BOOST_CHECK(test::content_of(tree / "d/e/f/\xc3\xa4.txt") == big);
  struct stat file {};
  BOOST_REQUIRE_EQUAL(::stat((tree / "run.sh").c_str(), &file), 0);
  BOOST_CHECK((file.st_mode & 0100) != 0 && (file.st_mode & 077) == 0);
  BOOST_CHECK(test::content_of(tree.parent_path() / "bundle.tar") == content);
}

BOOST_AUTO_TEST_CASE(a_gzipped_bundle_is_taken_too) {
  const auto digest = put(tar(true).file("m.py", "y").bytes());
  BOOST_CHECK_EQUAL(test::content_of(store->open(digest) / "m.py"), "y");
}

BOOST_AUTO_TEST_CASE(a_bundle_is_read_as_it_came_for_another_node) {
  const auto content = tar().file("m.py", std::string(3'000'000, 'x')).bytes();
  const auto digest = put(content);
  std::string whole;
  for (const auto& part : store->read(digest))
    whole += part.view();
  BOOST_CHECK(whole == content);
  BOOST_CHECK_EXCEPTION(store->read(sum("other")), store_error, [](auto& e) { return e.code == ec::unknown_bundle; });
}

BOOST_AUTO_TEST_CASE(bytes_with_another_digest_are_refused) {
  const auto content = tar().file("m.py", "x").bytes();
  BOOST_CHECK_EXCEPTION(store->put(sum("other"), parts(content)), store_error,
                        [](auto& e) { return e.code == ec::bad_request; });
  BOOST_CHECK_EXCEPTION(store->put("../up", parts(content)), store_error,
                        [](auto& e) { return e.code == ec::bad_request; });
  BOOST_CHECK_EXCEPTION(store->open(sum(content)), store_error, [](auto& e) { return e.code == ec::unknown_bundle; });
}

BOOST_AUTO_TEST_CASE(names_that_lead_out_links_and_devices_are_refused) {
  for (auto* name : {"../x", "a/../../x", "/etc/x", "a/..", ".."})
    BOOST_CHECK(refused(tar().file(name, "x")).code == ec::bad_request);
  BOOST_CHECK(refused(tar().symlink("l", "/etc")).code == ec::bad_request);
  BOOST_CHECK(refused(tar().symlink("l", "inside")).code == ec::bad_request);
  BOOST_CHECK(refused(tar().file("a", "x").hardlink("b", "a")).code == ec::bad_request);
  BOOST_CHECK(refused(tar().device("d")).code == ec::bad_request);
  BOOST_CHECK(refused(tar().file("a", "x").file("a", "y")).code == ec::bad_request);
  BOOST_CHECK(!fs::exists(home / "x"));
}

BOOST_AUTO_TEST_CASE(what_is_no_archive_is_refused) {
  const auto torn = tar().file("m.py", std::string(5000, 'x')).bytes().substr(0, 3000);
  for (const auto& content : {std::string("not a tar"), torn}) {
    BOOST_CHECK_EXCEPTION(store->put(sum(content), parts(content)), store_error,
                          [](auto& e) { return e.code == ec::bad_request; });
    BOOST_CHECK(fs::is_empty(home / "bundles"));
  }
}

BOOST_AUTO_TEST_CASE(an_archive_of_endless_zeros_is_stopped) {
  tar bomb(true);
  const std::string zeros(64 << 20, '\0');
  for (int i = 0; i < 17; ++i)
    bomb.file("z" + std::to_string(i), zeros);
  BOOST_CHECK(refused(bomb).code == ec::bundle_too_large);
}

BOOST_AUTO_TEST_CASE(bundles_survive_a_restart_and_half_made_ones_do_not) {
  const auto digest = put(tar().file("m.py", "x").bytes());
  fs::create_directory(home / "bundles/.new-whatever");
  fs::create_directory(home / "bundles" / sum("no mark"));
  restart();
  BOOST_CHECK(store->has(digest));
  BOOST_CHECK(!fs::exists(home / "bundles/.new-whatever"));
  BOOST_CHECK(!store->has(sum("no mark")));
}

BOOST_AUTO_TEST_CASE(a_state_directory_that_was_removed_is_made_again_and_its_bundles_are_asked_for) {
  const auto whole = tar().file("m.py", "x").bytes();
  const auto digest = put(whole);
  fs::remove_all(home / "bundles");
  BOOST_CHECK(!store->has(digest));
  BOOST_CHECK_EQUAL(put(whole), digest);
  BOOST_CHECK_EQUAL(test::content_of(store->open(digest) / "m.py"), "x");
}

BOOST_AUTO_TEST_CASE(after_a_crash_of_the_machine_a_bundle_is_checked_and_unpacked_again) {
  const auto whole = put(tar().file("m.py", "x").bytes());
  const auto broken = put(tar().file("m.py", "y").bytes());
  for (const auto& digest : {whole, broken}) {
    test::write_file(home / "bundles" / digest / "complete", "another-boot 5000\n");
    test::write_file(home / "bundles" / digest / "tree/m.py", ""); // as a file whose content never reached the disk
  }
  test::write_file(home / "bundles" / broken / "bundle.tar", "torn");
  restart();
  BOOST_CHECK(store->has(whole));
  BOOST_CHECK_EQUAL(test::content_of(store->open(whole) / "m.py"), "x");
  BOOST_CHECK(!store->has(broken)); // the client sends it again
  BOOST_CHECK_EQUAL(put(tar().file("m.py", "y").bytes()), broken);
  BOOST_CHECK_EQUAL(test::content_of(store->open(broken) / "m.py"), "y");
}

BOOST_AUTO_TEST_CASE(the_least_recently_used_go_first_but_never_one_that_is_open) {
  limits.bytes = 250'000;
  restart();
  const auto make = [&](char c) {
    return put(tar().file("m.py", std::string(40'000, c)).bytes());
  }; // about 90,000 on disk
  const auto a = make('a');
  store->open(a);
  const auto b = make('b');
  const auto c = make('c');
  BOOST_CHECK(store->has(a));
  BOOST_CHECK(!store->has(b));
  BOOST_CHECK(store->has(c));
  store->close(a);
  store->has(c);
  const auto d = make('d');
  BOOST_CHECK(!store->has(a));
  BOOST_CHECK(store->has(d));
}

BOOST_AUTO_TEST_CASE(what_nobody_used_for_long_goes) {
  const auto old = put(tar().file("m.py", "old").bytes());
  const auto young = put(tar().file("m.py", "young").bytes());
  fs::last_write_time(home / "bundles" / old / "complete", fs::file_time_type::clock::now() - 25h);
  restart();
  BOOST_CHECK(!store->has(old));
  BOOST_CHECK(!fs::exists(home / "bundles" / old));
  BOOST_CHECK(store->has(young));
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_said_so_and_leaves_nothing_half_made) {
  rlimit before{};
  BOOST_REQUIRE_EQUAL(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* handler = ::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 4096; // writing fails from there on, as on a full disk
  BOOST_REQUIRE_EQUAL(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto content = tar().file("m.py", std::string(50'000, 'x')).bytes();
  ec code = ec::none;
  std::string what;
  try {
    store->put(sum(content), parts(content));
  } catch (const store_error& e) {
    code = e.code;
    what = e.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  BOOST_CHECK(code == ec::storage_failed);
  BOOST_CHECK_MESSAGE(what.find("bundle.tar") != std::string::npos, what);
  BOOST_CHECK(fs::is_empty(home / "bundles"));
  store->put(sum(content), parts(content));
  BOOST_CHECK(store->has(sum(content)));
}

BOOST_AUTO_TEST_SUITE_END()
