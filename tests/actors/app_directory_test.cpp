#include "actors/app_directory.hpp"
#include "tests/support/scripted_world.hpp"

#include <boost/test/unit_test.hpp>

using namespace hearth;
using namespace hearth::test;
using namespace std::chrono_literals;

namespace {

/// A node with a directory of apps.
struct directory_world : scripted_world {
  directory_world() {
    directory = sys.spawn(
      [config = app_directory_config{table, control->actor, agent, [this](const bytes& name) {
                                       return known[std::string(name.view())];
                                     }}](app_directory_actor::stateful_pointer<app_directory_state> self) {
        return self->state.make_behavior(self, config);
      });
    run();
  }

  ~directory_world() {
    caf::anon_send_exit(directory, caf::exit_reason::kill);
    run();
  }

  std::shared_ptr<environment_spec> deploy(const std::string& name, const std::string& version) {
    auto spec = std::make_shared<environment_spec>(*make_spec(0, 2));
    spec->name = name;
    spec->version = version;
    spec->app.kind = "asgi";
    known[name] = spec;
    tell(directory, atom::events::value,
         control::facts{control::deployed_changed{spec->key(), version, bytes::copy_of(name)}});
    return spec;
  }

  std::vector<app_part> parts() {
    return std::get<0>(ask<std::vector<app_part>>(*this, directory, atom::list::value).first.value());
  }

  std::shared_ptr<app_table> table = std::make_shared<app_table>();
  std::map<std::string, std::shared_ptr<environment_spec>> known;
  app_directory_actor directory;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(app_directory, directory_world)

BOOST_AUTO_TEST_CASE(an_app_is_known_from_its_deployment_on_and_has_no_pool_before_it_is_asked) {
  BOOST_TEST(parts().empty());
  deploy("web", "v1");
  const auto told = parts();
  BOOST_TEST_REQUIRE(told.size() == 1u);
  BOOST_TEST(told[0].row.name == "web");
  BOOST_TEST(told[0].row.version == "v1");
  BOOST_TEST(told[0].row.state == "idle");
  BOOST_TEST(told[0].row.max_replicas == 2u);
  BOOST_TEST(!told[0].has_pool);
}

BOOST_AUTO_TEST_CASE(an_app_is_told_with_its_replicas_and_what_waits) {
  auto spec = deploy("web", "v1");
  auto& c = connect();
  invoke(c, open(c, spec));
  const auto told = parts();
  BOOST_TEST_REQUIRE(told.size() == 1u);
  BOOST_TEST(told[0].has_pool);
  BOOST_TEST(told[0].row.state == "warm");
  BOOST_TEST(told[0].row.replicas == 1u);
  BOOST_TEST(told[0].row.running == 1u);
  BOOST_TEST(told[0].row.starts == 1u);
}

BOOST_AUTO_TEST_CASE(replicas_of_a_version_before_are_the_apps_as_well_and_its_state_is_the_newest_ones) {
  auto before = deploy("web", "v1");
  auto& c = connect();
  invoke(c, open(c, before));
  auto now = deploy("web", "v2");
  open(c, now);
  const auto told = parts();
  BOOST_TEST_REQUIRE(told.size() == 1u);
  BOOST_TEST(told[0].row.version == "v2");
  BOOST_TEST(told[0].row.replicas == 1u);
  BOOST_TEST(told[0].row.state == "idle");
}

BOOST_AUTO_TEST_CASE(an_app_that_is_deactivated_says_so) {
  auto spec = deploy("web", "v1");
  spec->app.inactive = true;
  tell(directory, atom::events::value,
       control::facts{control::deployed_changed{spec->key(), "v1", bytes::copy_of(std::string("web"))}});
  BOOST_TEST(parts().at(0).row.state == "inactive");
}

BOOST_AUTO_TEST_SUITE_END()
