#include "node/http/node_page.hpp"

#include "core/defaults_http.hpp"
#include "node/http/failures.hpp"
#include "node/wire/readable_rows.hpp"

#include <type_traits>
#include <utility>
#include <variant>

namespace hearth::node {

namespace {

constexpr std::string_view json_type = "application/json";
constexpr std::uint32_t hello_request = 1, rows_request = 2;

int status_of(ec code) {
  switch (code) {
    case ec::not_permitted:
      return 403;
    case ec::bad_request:
      return 400;
    case ec::unknown_run:
      return 404;
    default:
      return 503;
  }
}

bool is_called(const node_row& row, const std::string& name) { return name.empty() || row.name == name; }
template <class Row>
bool is_called(const Row&, const std::string&) {
  return true; // the session has chosen
}

/// Writes rows as a JSON array, one line each.
template <class Row>
class row_writer {
public:
  explicit row_writer(std::vector<Row> rows) : rows_(std::make_shared<const std::vector<Row>>(std::move(rows))) {}

  bool operator()(std::string& into) {
    for (const auto enough = into.size() + defaults::page_bytes_per_turn; next_ < rows_->size(); ++next_) {
      if (into.size() >= enough)
        return true;
      into += next_ == 0 ? "[\n" : ",\n";
      wire::write_readable((*rows_)[next_], into);
    }
    into += rows_->empty() ? "[]\n" : "\n]\n";
    return false;
  }

private:
  std::shared_ptr<const std::vector<Row>> rows_; // shared: functions are copied
  std::size_t next_ = 0;
};

template <class Row>
constexpr bool is_told = false;
template <>
constexpr bool is_told<app_row> = true;
template <>
constexpr bool is_told<environment_row> = true;
template <>
constexpr bool is_told<replica_row> = true;
template <>
constexpr bool is_told<run_row> = true;
template <>
constexpr bool is_told<node_row> = true;
template <>
constexpr bool is_told<event_row> = true;

} // namespace

caf::result<page> page_state::ask(const http::own_page& what, const client_rights& rights) {
  promise_ = self_->make_response_promise<page>();
  what_ = what;
  if (what_.what == "metrics")
    ask_for_metrics();
  else
    ask_for_rows(rights);
  return promise_;
}

// -- listings ----

void page_state::ask_for_rows(const client_rights& rights) {
  type_ = json_type;
  session_ = from_->make_session(connection_actor(self_), rights);
  client::hello hello;
  hello.request = hello_request;
  hello.protocol = defaults::protocol_version;
  hello.program = "http";
  client::events events;
  events.emplace_back(std::move(hello));
  events.emplace_back(client::get{rows_request, what_.what, what_.name, what_.limit});
  self_->send(session_, atom::events::value, std::move(events));
}

void page_state::take(client::effects& effects) {
  for (auto& effect : effects)
    std::visit(
      [this](auto& what) {
        using told = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<told, client::refused>)
          refuse(status_of(what.why.code), what.why.message);
        else if constexpr (std::is_same_v<told, client::close>)
          refuse(503, "The node is stopping.");
        else if constexpr (requires { what.items; })
          take(what);
      },
      effect);
}

template <class Row>
void page_state::take(client::rows<Row>& rows) {
  if constexpr (is_told<Row>) {
    if (write_some_ || is_answered_)
      return;
    std::erase_if(rows.items, [this](const Row& row) { return !is_called(row, what_.name); });
    if (rows.items.empty() && !what_.name.empty())
      return refuse(404, "There are no " + what_.what + " called `" + what_.name + "`.");
    write_some_ = row_writer<Row>(std::move(rows.items));
    write_on();
  }
}

// -- metrics ----

/// Asks one part of the node; who does not answer in time is left out.
template <class... Answer, class Take, class Handle, class... Question>
void page_state::gather(Take take, const Handle& whom, Question... question) {
  if (!whom)
    return;
  ++missing_;
  self_->request(whom, defaults::listing_wait, question...)
    .then(
      [this, take](Answer&... answer) {
        take(answer...);
        gathered();
      },
      [this](const caf::error&) { gathered(); }); // told by hearth_metrics_part_up
}

void page_state::ask_for_metrics() {
  type_ = http::metrics_type;
  figures_.version = from_->version;
  figures_.cpu = from_->cpu();
  figures_.connections = from_->door->connections;
  figures_.requests = from_->door->requests;
  missing_ = 1; // until all are asked
  gather<std::vector<environment_row>, std::vector<replica_row>>(
    [this](auto& environments, auto& replicas) {
      figures_.environments = std::move(environments);
      figures_.replicas = std::move(replicas);
    },
    from_->agent, atom::list::value);
  gather<node_row>([this](auto& row) { figures_.node = std::move(row); }, from_->agent, atom::status::value);
  gather<std::vector<app_part>>([this](auto& apps) { figures_.apps = std::move(apps); }, from_->apps,
                                atom::list::value);
  gather<std::vector<journal_counts>>([this](auto& counts) { figures_.journal = std::move(counts); }, from_->journal,
                                      atom::status::value);
  gather<cache_report>([this](auto& report) { figures_.cache = std::move(report); }, from_->cache, atom::report::value);
  gather<std::uint64_t>([this](auto& runs) { figures_.open_runs = runs; }, from_->run_keeper, atom::status::value);
  gathered();
}

void page_state::gathered() {
  if (--missing_ > 0)
    return;
  write_some_ = [text = std::make_shared<http::metrics_text>(std::move(figures_))](std::string& into) {
    return text->write_some(into);
  };
  write_on();
}

// -- the answer ----

void page_state::write_on() {
  if (write_some_(text_))
    return self_->send(self_, atom::tick::value);
  answer({200, type_, std::make_shared<const std::string>(std::move(text_))});
}

void page_state::refuse(int status, std::string why) {
  if (!is_answered_ && !write_some_)
    answer({status, json_type, std::make_shared<const std::string>(http::error_json({status, std::move(why)}))});
}

void page_state::answer(page what) {
  is_answered_ = true;
  promise_.deliver(std::move(what));
  self_->quit(); // of which its session hears
}

page_actor::behavior_type page_state::make_behavior(page_actor::pointer self,
                                                    std::shared_ptr<const page_sources> from) {
  self_ = self;
  from_ = std::move(from);
  return {
    [this](atom::effects, client::effects& effects) { take(effects); },
    [this](atom::ask, const http::own_page& what, const client_rights& rights) { return ask(what, rights); },
    [this](atom::tick) { write_on(); },
  };
}

} // namespace hearth::node
