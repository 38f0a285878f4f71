#include "actors/client_rights.hpp"

#include <array>
#include <type_traits>

namespace hearth {

namespace {

constexpr std::array<std::string_view, 4> names{"read", "invoke", "deploy", "admin"};

/// What an event needs, and what it is called in a refusal.
struct need {
  std::optional<scope_set> any_of; // none: nothing
  std::string_view what;
};

struct needs {
  // Greeting, where the nodes are, and what goes on from something that was judged when it began.
  need operator()(const client::hello&) const { return {}; }
  need operator()(const client::ask_cluster&) const { return {}; }
  need operator()(const client::bundle_part&) const { return {}; }
  need operator()(const client::cancel&) const { return {}; }
  need operator()(const client::gone&) const { return {}; }

  need operator()(const client::put_bundle&) const { return {scope_set{scope::invoke, scope::deploy}, "sending code"}; }
  need operator()(const client::open_environment& e) const {
    if (e.deploy)
      return {scope_set{scope::deploy}, "deploying"};
    return {scope_set{scope::invoke, scope::deploy}, "opening an environment"};
  }
  need operator()(const client::invoke&) const { return {scope_set{scope::invoke}, "a call"}; }
  need operator()(const client::start_run&) const { return {scope_set{scope::invoke}, "a run"}; }
  need operator()(const client::rerun&) const { return {scope_set{scope::invoke}, "a run"}; }
  need operator()(const client::abort&) const { return {scope_set{scope::invoke}, "ending a run"}; }
  need operator()(const client::wait&) const { return {scope_set{scope::invoke, scope::read}, "waiting for a run"}; }
  need operator()(const client::result&) const {
    return {scope_set{scope::invoke, scope::read}, "the result of a run"};
  }
  need operator()(const client::get& e) const {
    if (e.what.starts_with("token"))
      return {scope_set{scope::admin}, "a listing of tokens"};
    if (e.what.starts_with("check")) // has the nodes start interpreters
      return {scope_set{scope::deploy}, "a look at what interpreters of the nodes see"};
    return {scope_set{scope::read}, "a listing"};
  }
  need operator()(const client::get_cache& e) const {
    if (e.what == "checks") // reads everything
      return {scope_set{scope::admin}, "a check of kept results"};
    if (e.per_million > 0) // has tasks execute
      return {scope_set{scope::admin}, "an audit of kept results"};
    return {scope_set{scope::read}, "a listing of kept results"};
  }
  need operator()(const client::change_app&) const { return {scope_set{scope::deploy}, "changing an app"}; }
  need operator()(const client::logs&) const { return {scope_set{scope::read}, "reading logs"}; }
  need operator()(const client::ping_node&) const { return {scope_set{scope::read}, "measuring a link"}; }
  need operator()(const client::status&) const { return {scope_set{scope::read}, "the state of a node"}; }

  template <class Operation>
  need operator()(const Operation&) const {
    return {scope_set{scope::admin}, "this operation"};
  }
};

} // namespace

std::string_view name(scope which) noexcept { return names[static_cast<std::size_t>(which)]; }

std::optional<scope> scope_called(std::string_view name) noexcept {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name)
      return static_cast<scope>(i);
  return std::nullopt;
}

std::string lacks(const client_rights& rights, scope_set any_of, std::string_view what) {
  std::string wanted;
  for (std::size_t i = 0; i < names.size(); ++i)
    if (any_of.contains(static_cast<scope>(i)))
      wanted.append(wanted.empty() ? "" : " or ").append("`").append(names[i]).append("`");
  return "Token " + rights.principal + " has no scope " + wanted + ", which " + std::string(what)
         + " needs; ask an operator for one that has (`hearth cluster token create --scope ...`).";
}

std::string why_not(const client_rights& rights, const client::event& what) {
  if (!rights.is_remote())
    return {};
  const auto needed = std::visit(needs{}, what);
  if (needed.any_of && !rights.scopes.meets(*needed.any_of))
    return lacks(rights, *needed.any_of, needed.what);
  if (std::holds_alternative<client::back_up>(what))
    return "A backup goes into a file of the node's machine, so it is made there: say `hearth cluster backup FILE` on that "
           "machine.";
  if (std::holds_alternative<client::move_cache>(what))
    return "An archive of kept results is a file of the node's machine, so it is made and read there: say `hearth cache "
           "export FILE` or `hearth cache import FILE` on that machine.";
  return {};
}

} // namespace hearth
