#include "node/wire/control.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <variant>

using namespace hearth;

BOOST_AUTO_TEST_SUITE(wire_cache)

namespace {

client::event read(const std::string& json) {
  auto found = wire::read_request(7, json, "/usr/bin/python3");
  BOOST_REQUIRE(std::holds_alternative<client::event>(found));
  return std::get<client::event>(std::move(found));
}

template <class Row>
std::string written(const Row& row) {
  std::string json;
  wire::write_rows(std::vector<Row>{row}, false, [&](std::string page, bool) { json += page; });
  return json;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

BOOST_AUTO_TEST_CASE(what_is_asked_of_kept_results_is_read) {
  const auto get = std::get<client::get_cache>(read(
    R"({"getCache": {"what": "entries", "which": {"project": "p", "task": "square", "entry": "3f"}, "limit": 5}})"));
  BOOST_TEST(get.request == 7u);
  BOOST_TEST(get.what == "entries");
  BOOST_TEST(get.which.project == "p");
  BOOST_TEST(get.which.task == "square");
  BOOST_TEST(get.which.id == "3f");
  BOOST_TEST(get.limit == 5u);
  BOOST_TEST(!get.near);
  const std::string bytes(64, 'f');
  const auto near = std::get<client::get_cache>(
    read(R"({"getCache": {"what": "entries", "near": {"project": "p", "domain": "d", "version": "1", "signature": "s",)"
         R"( "inputs": [{"name": "n", "digest": ")"
         + bytes + R"("}, {"name": "m", "digest": "none"}]}}})"));
  BOOST_REQUIRE(near.near);
  BOOST_TEST(near.near->scope.project == "p");
  BOOST_TEST(near.near->scope.signature == "s");
  BOOST_TEST(near.near->scope.inputs == (std::vector<std::string>{"n", "m"}), boost::test_tools::per_element());
  BOOST_REQUIRE_EQUAL(near.near->entry.inputs.size(), 2u);
  BOOST_TEST(to_string(near.near->entry.inputs[0]) == bytes);
  BOOST_TEST((near.near->entry.inputs[1] == digest{}));
  const auto drop = std::get<client::drop_from_cache>(read(R"({"dropFromCache": {"all": true, "deletes": true}})"));
  BOOST_TEST(drop.which.is_empty());
  BOOST_TEST(drop.all);
  BOOST_TEST(drop.deletes);
  const auto move = std::get<client::move_cache>(read(R"({"moveCache": {"file": "/a", "imports": true}})"));
  BOOST_TEST(move.file == "/a");
  BOOST_TEST(move.is_import);
  const auto limit = std::get<client::limit_cache>(
    read(R"({"limitCache": {"project": "p", "setsSize": true, "sizeBytes": "5", "ttlMs": "7"}})"));
  BOOST_TEST((limit.order == cluster::limit_cache{"p", 5, {}}));
  const auto both = std::get<client::limit_cache>(
    read(R"({"limitCache": {"project": "p", "setsSize": true, "setsTtl": true, "ttlMs": "7"}})"));
  BOOST_TEST((both.order == cluster::limit_cache{"p", 0, 7}));
}

BOOST_AUTO_TEST_CASE(entries_are_written_with_their_ids_and_inputs) {
  cache_row row;
  row.scope = {"p", "d", "square", "1", "(n: int) -> int", "default", {"n"}};
  row.entry.key.scope.value.fill(0x0f);
  row.entry.key.inputs.value.fill(0xff);
  row.entry.inputs = {row.entry.key.inputs};
  row.entry.size = 12;
  row.entry.run = std::chrono::milliseconds(3);
  row.node = "node-1";
  const auto json = written(row);
  BOOST_TEST(has(json, R"("id":"f0f0f0f0f0f0f0f0")"));
  BOOST_TEST(has(json, R"("name":"n","digest":"ffff)"));
  BOOST_TEST(has(json, R"("runUs":"3000")"));
  BOOST_TEST(has(json, R"("sizeBytes":"12")"));
  BOOST_TEST(has(json, R"({"cacheEntries":[)"));
}

BOOST_AUTO_TEST_CASE(counts_are_written_with_the_figures_of_each_project) {
  cache_report report;
  report.node = "node-1";
  report.counts.hits = 3;
  report.figures = {{"", 2, 100, 1000}, {"p", 2, 100, 500, 7}};
  const auto json = written(report);
  BOOST_TEST(has(json, R"("hits":"3")"));
  BOOST_TEST(has(json, R"("project":"p","entries":"2","bytes":"100","bytesMax":"500")"));
  BOOST_TEST(has(json, R"("hits":"7")"));
  BOOST_TEST(has(wire::write_response(client::done{1, "removed", 12}), R"("count":"12")"));
  BOOST_TEST(has(written(cache_limit_row{"p", 5, std::chrono::milliseconds(7)}),
                 R"({"cacheLimits":[{"project":"p","sizeBytes":"5","ttlMs":"7"}]})"));
  BOOST_TEST(has(written(cache_check{5, 50, 1, "node-1"}), R"("damaged":"1")"));
}

BOOST_AUTO_TEST_SUITE_END()
