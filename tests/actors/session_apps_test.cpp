#include "actors/app_directory.hpp"
#include "actors/session.hpp"
#include "tests/support/scripted_control.hpp"
#include "tests/support/session_answer.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>
#include <string>

using namespace hearth;
using namespace hearth::test;

namespace {

struct session_apps_fixture : scripted_world {
  std::shared_ptr<scripted_log> log = std::make_shared<scripted_log>();
  scripted_control control{sys, log};
  std::shared_ptr<app_table> table = std::make_shared<app_table>();
  app_directory_actor directory;
  spec_ptr web;

  session_apps_fixture() {
    control.start(1);
    auto spec = std::make_shared<environment_spec>(*make_spec(1, 1));
    spec->version = "123";
    spec->app.kind = "asgi";
    web = spec;
    cluster.control = control.actor;
    directory = sys.spawn([this](app_directory_actor::stateful_pointer<app_directory_state> self) {
      return self->state.make_behavior(
        self, app_directory_config{table, control.actor, agent, [this](const bytes& text) -> spec_ptr {
                                     auto found = std::make_shared<environment_spec>(*web);
                                     found->app.inactive = text.view().starts_with("inactive");
                                     return found;
                                   }});
    });
    apps = directory;
    run();
  }
  ~session_apps_fixture() {
    caf::anon_send_exit(directory, caf::exit_reason::kill);
    run();
  }

  std::string answer(client::event what) { return answer_of(*this, std::move(what)); }

  std::string change(client::app_change what) {
    return answer(client::change_app{7, web->project, web->domain, web->name, what});
  }

  void deploy() {
    auto& client = connect();
    say(client, client::open_environment{5, web, true});
    run();
    BOOST_REQUIRE_EQUAL(client.all<opened_handle>().size(), 1u);
  }

  std::string deployed() const {
    const auto* kept = log->state.find_environment(web->key());
    return kept == nullptr || kept->deployed.empty() ? "nothing"
                                                     : std::string(kept->specs.at(kept->deployed).spec.view());
  }

  static bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(session_apps, session_apps_fixture)

BOOST_AUTO_TEST_CASE(an_app_is_deactivated_and_activated_through_the_control_log) {
  deploy();
  BOOST_CHECK(!table->all().at(web->key()).spec->app.inactive);
  BOOST_CHECK(has(change(client::app_change::deactivate), "is deactivated: its requests are refused"));
  BOOST_CHECK((log->all<cluster::put_spec>().back().spec == bytes::copy_of("inactive spec of " + web->name)));
  BOOST_CHECK(log->all<cluster::put_spec>().back().deployed);
  BOOST_CHECK(has(change(client::app_change::activate), "is active."));
  BOOST_CHECK((log->all<cluster::put_spec>().back().spec == bytes::copy_of("spec of " + web->name)));
  BOOST_CHECK_EQUAL(deployed(), "spec of " + web->name);
}

BOOST_AUTO_TEST_CASE(a_deleted_app_is_found_by_nobody_until_it_is_deployed_again) {
  deploy();
  BOOST_CHECK(has(change(client::app_change::remove), "is deleted"));
  BOOST_CHECK_EQUAL(deployed(), "nothing");
  BOOST_CHECK(table->all().empty());
  BOOST_CHECK(has(change(client::app_change::remove), "unknown_environment: There is no app " + web->key()));
  BOOST_CHECK(has(change(client::app_change::activate), "`hearth get apps`"));
  deploy();
  BOOST_CHECK(table->all().contains(web->key()));
}

BOOST_AUTO_TEST_CASE(what_the_control_log_does_not_take_is_refused_and_nothing_changes) {
  deploy();
  log->is_cut = true;
  for (const auto what : {client::app_change::deactivate, client::app_change::remove})
    BOOST_CHECK(has(change(what), "no_quorum"));
  BOOST_CHECK_EQUAL(deployed(), "spec of " + web->name);
}

BOOST_AUTO_TEST_CASE(who_may_not_deploy_may_not_change_apps) {
  deploy();
  rights = {"laptop", {scope::read, scope::invoke}};
  BOOST_CHECK(has(change(client::app_change::deactivate),
                  "not_permitted: Token laptop has no scope `deploy`, which changing an app"));
  rights = {"laptop", {scope::deploy}};
  BOOST_CHECK(has(change(client::app_change::deactivate), "is deactivated"));
}

BOOST_AUTO_TEST_SUITE_END()
