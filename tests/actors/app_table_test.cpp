#include "actors/app_table.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

using namespace hearth;

namespace {

spec_ptr app(const std::string& project, const std::string& name, std::vector<std::string> hosts = {}) {
  auto spec = std::make_shared<environment_spec>();
  spec->project = project;
  spec->domain = "d";
  spec->name = name;
  spec->app.kind = "asgi";
  spec->app.hosts = std::move(hosts);
  return spec;
}

std::string found(const app_table& table, std::string_view host, std::string_view target) {
  const auto match = table.find(host, target);
  return match ? match->spec->key() + " " + std::string(match->target) + " " + match->prefix : "none";
}

} // namespace

BOOST_AUTO_TEST_SUITE(app_tables)

BOOST_AUTO_TEST_CASE(an_app_is_found_by_its_path_whatever_the_host) {
  app_table table;
  table.put(app("p", "web"));
  BOOST_TEST(found(table, "x", "/apps/p/d/web/a?b") == "p/d/web /a?b /apps/p/d/web");
  BOOST_TEST(found(table, "web", "/apps/p/d/web") == "p/d/web / /apps/p/d/web");
  BOOST_TEST(found(table, "x", "/apps/p/d/web?q") == "p/d/web ?q /apps/p/d/web");
  for (const auto* other : {"/apps/p/d/we/a", "/apps/p/d", "/apps/", "/apps/p/d/web2/", "/apps/p//d/web/"})
    BOOST_TEST(found(table, "web", other) == "none", other);
}

BOOST_AUTO_TEST_CASE(an_app_is_found_by_a_host_that_it_names_or_by_its_own_name) {
  app_table table;
  table.put(app("p", "web", {"www.example.org"}));
  BOOST_TEST(found(table, "WWW.example.org:8080", "/a") == "p/d/web /a ");
  BOOST_TEST(found(table, "web", "/a") == "p/d/web /a ");
  BOOST_TEST(found(table, "web.cluster.local:1", "/a") == "p/d/web /a ");
  BOOST_TEST(found(table, "www", "/a") == "none");
  table.put(app("p", "store", {"shop"}));
  BOOST_TEST(found(table, "shop.example.org", "/a") == "p/d/store /a ");
  BOOST_TEST(found(table, "shop", "/a") == "p/d/store /a ");
  BOOST_TEST(found(table, "[::1]:80", "/a") == "none");
  BOOST_TEST(found(table, "", "/a") == "none");
}

BOOST_AUTO_TEST_CASE(a_name_that_several_have_leads_to_none_of_them) {
  app_table table;
  table.put(app("p", "web"));
  table.put(app("q", "web", {"q.example"}));
  BOOST_TEST(found(table, "web", "/") == "none");
  BOOST_TEST(found(table, "q.example", "/") == "q/d/web / ");
  table.erase("p/d/web");
  BOOST_TEST(found(table, "web", "/") == "q/d/web / ");
  table.erase("q/d/web");
  BOOST_TEST(found(table, "q.example", "/") == "none");
}

BOOST_AUTO_TEST_CASE(an_address_of_a_machine_is_no_app_unless_an_app_asked_for_that_whole_host) {
  app_table table;
  table.put(app("p", "localhost"));
  table.put(app("p", "127"));
  for (const auto* host : {"localhost", "localhost:8080", "127.0.0.1", "127.0.0.1:80"})
    BOOST_TEST(found(table, host, "/metrics") == "none", host);
  BOOST_TEST(found(table, "127.example.org", "/metrics") == "p/d/127 /metrics ");
  table.put(app("p", "asked", {"127.0.0.1"}));
  BOOST_TEST(found(table, "127.0.0.1:80", "/metrics") == "p/d/asked /metrics ");
}

BOOST_AUTO_TEST_CASE(what_requests_came_to_stays_with_an_app_over_its_versions) {
  app_table table;
  table.put(app("p", "web", {"shop"}));
  const auto figures = table.find("shop", "/")->figures;
  figures->began();
  table.put(app("p", "web"));
  BOOST_TEST(table.find("web", "/")->figures == figures);
  BOOST_TEST(table.find("x", "/apps/p/d/web")->figures->in_flight() == 1u);
  table.erase("p/d/web");
  table.put(app("p", "web"));
  BOOST_TEST(table.find("web", "/")->figures->in_flight() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
