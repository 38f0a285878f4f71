#include "node/http/message.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <ostream>

namespace hearth::http {

const std::string* find(const fields& in, std::string_view name) {
  const auto found = std::find_if(in.begin(), in.end(), [&](const field& each) { return each.name == name; });
  return found == in.end() ? nullptr : &found->value;
}

bool lists(std::string_view list, std::string_view item) {
  const boost::beast::http::token_list items({list.data(), list.size()});
  return std::any_of(items.begin(), items.end(), [&](boost::beast::string_view each) {
    return boost::beast::iequals(each, boost::beast::string_view{item.data(), item.size()});
  });
}

std::string_view bearer_token(const fields& in) {
  constexpr std::string_view scheme = "bearer ";
  const auto* field = find(in, "authorization");
  if (field == nullptr || field->size() <= scheme.size()
      || !boost::beast::iequals({field->data(), scheme.size()}, {scheme.data(), scheme.size()}))
    return {};
  return std::string_view(*field).substr(scheme.size());
}

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS" || method == "PUT" || method == "DELETE";
}

std::string_view reason_of(int status) {
  const auto text = boost::beast::http::obsolete_reason(
    boost::beast::http::int_to_status(static_cast<unsigned>(status)));
  return std::string_view{text.data(), text.size()} == "<unknown-status>" ? std::string_view{}
                                                                          : std::string_view{text.data(), text.size()};
}

} // namespace hearth::http
