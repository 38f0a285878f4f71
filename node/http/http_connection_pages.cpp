#include "actors/error.hpp"
#include "core/defaults_http.hpp"
#include "node/http/http_connection.hpp"

#include <utility>

/// What an HTTP connection tells of the node itself.
namespace hearth::node {

namespace {

/// What is true now may not be in a moment.
constexpr std::string_view not_to_be_kept = "cache-control: no-store\r\n";

/// Asked by a page of another site, in a browser that shows it: nobody else sends this field.
bool is_of_another_site(const http::fields& header, bool is_encrypted) {
  const auto* origin = http::find(header, "origin");
  const auto* host = http::find(header, "host");
  return origin != nullptr && (host == nullptr || *origin != (is_encrypted ? "https://" : "http://") + *host);
}

std::string_view field_for(int status) {
  return status == 401 ? "www-authenticate: Bearer\r\n" : status == 405 ? "allow: GET, HEAD\r\n" : not_to_be_kept;
}

} // namespace

void http_connection_state::serve_page() {
  const auto& head = parser_->head();
  if (is_of_another_site(head.header, config_.is_encrypted))
    return refuse_page({403, "Pages of other sites may not ask this node about itself."});
  auto judged = admitted(scope::read, "a look at the node");
  if (const auto* why = std::get_if<http::refusal>(&judged))
    return refuse_page(*why);
  auto what = http::own_page_of(head.method, head.target);
  if (const auto* why = std::get_if<http::refusal>(&what))
    return refuse_page(*why);
  phase_ = phase::asking;
  stream_->pause_reading();
  const auto maker = config_.loop->system().spawn(
    [from = config_.pages](page_actor::stateful_pointer<page_state> self) {
      return self->state.make_behavior(self, from);
    });
  self_
    ->request(maker, defaults::inner_request_timeout, atom::ask::value, std::get<http::own_page>(std::move(what)),
              std::get<client_rights>(std::move(judged)))
    .then([this](const page& found) { show(found); },
          [this](const caf::error& why) {
            refuse_page({503, failure_of(why).message});
          });
}

void http_connection_state::refuse_page(const http::refusal& why) {
  if (!stream_)
    return;
  if (!http::is_api_path(parser_->head().target))
    return answer(why.status, why.why, field_for(why.status));
  show({why.status, "application/json", std::make_shared<const std::string>(http::error_json(why))});
}

void http_connection_state::show(const page& what) {
  if (!stream_)
    return;
  count(end_with(what.status));
  const auto& text = what.content;
  stream_->write(http::own_head(what.status, what.type, text->size(), keeps_alive_, field_for(what.status)));
  if (parser_->head().method != "HEAD")
    stream_->write(bytes(text, text->data(), text->size()));
  written();
}

} // namespace hearth::node
