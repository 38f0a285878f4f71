#pragma once

#include "actors/app_rows.hpp"
#include "actors/cache_rows.hpp"
#include "actors/control_messages.hpp"
#include "actors/messages.hpp"

#include <optional>

/// What a client asks (`client::event`) and what it is told (`client::effect`); the twin of schema/control.capnp.
/// `request` is the number the client chose; every request is answered once, by an effect that carries it.
namespace hearth::client {

struct hello {
  std::uint32_t request = 0;
  std::uint32_t protocol = 0;
  std::string program;
  std::uint32_t pid = 0;
  std::string version;
  std::string failure{}; // of an interpreter: why it cannot serve
};

struct open_environment {
  std::uint32_t request = 0;
  spec_ptr spec;       // with its version
  bool deploy = false; // this version is the one that stays warm
};

struct put_bundle {
  std::uint32_t request = 0;
  std::string digest;
  std::uint64_t size = 0;
};

struct bundle_part {
  std::uint32_t request = 0;
  std::uint64_t offset = 0;
  bool last = false;
  bytes content;
};

struct start_run {
  std::uint32_t request = 0;
  call_id call;
  std::string name;
  bool detach = false;
  bool logs = false;
  std::string project, domain, inputs;
};

struct invoke {
  std::uint32_t environment = 0;
  bool is_run = false;
  call_header header;
  payload arguments;
};

struct cancel {
  call_id id;
  std::string reason;
};

struct rerun {
  std::uint32_t request = 0;
  call_id call; // of the new root
  std::string name, new_name;
  bool use_record = false;
};

struct abort {
  std::uint32_t request = 0;
  std::string run, action, reason;
};

struct get {
  std::uint32_t request = 0;
  std::string what, name;
  std::uint32_t limit = 0;
};

struct logs {
  std::uint32_t request = 0;
  std::string of, action;
  bool follow = false;
  std::uint32_t lines = 0;
};

struct wait {
  std::uint32_t request = 0;
  std::string run;
};

struct result {
  std::uint32_t request = 0;
  std::string run;
};

struct status {
  std::uint32_t request = 0;
};

struct stop {
  std::uint32_t request = 0;
  std::optional<milliseconds> grace; // none: as the node's settings say
  std::string reason;
};

// -- of a cluster; a node is named by its name or its id ----

struct ask_cluster {
  std::uint32_t request = 0;
};

struct admit_node {
  std::uint32_t request = 0;
  std::string node, name;
};

struct remove_node {
  std::uint32_t request = 0;
  std::string node;
};

struct drain_node {
  std::uint32_t request = 0;
  std::string node;
  bool draining = true;
};

struct set_voters {
  std::uint32_t request = 0;
  std::vector<std::string> nodes;
};

struct make_join_token {
  std::uint32_t request = 0;
  std::optional<milliseconds> valid; // none: the node's default
};

/// A token for remote clients.
struct make_client_token {
  std::uint32_t request = 0;
  std::string name;
  std::vector<std::string> scopes;
  std::optional<milliseconds> valid; // none: the node's default
  bool is_endless = false;           // it does not end, whatever `valid` says
};

struct revoke_client_token {
  std::uint32_t request = 0;
  std::string name;
};

struct back_up {
  std::uint32_t request = 0;
  std::string target;
};

struct ping_node {
  std::uint32_t request = 0;
  std::string node;
  std::uint32_t count = 1;
};

// -- of apps ----

enum class app_change : std::uint8_t { activate, deactivate, remove };

struct change_app {
  std::uint32_t request = 0;
  std::string project, domain, name;
  app_change what = app_change::activate;
};

// -- of kept results ----

struct get_cache {
  std::uint32_t request = 0;
  std::string what;
  cache_filter which;
  std::uint32_t limit = 0;
  std::optional<cache_row> near{}; // a key
  std::uint32_t per_million = 0;   // of an audit
};

struct drop_from_cache {
  std::uint32_t request = 0;
  cache_filter which;
  bool all = false; // has to be said where `which` is empty
  bool deletes = false;
};

struct limit_cache {
  std::uint32_t request = 0;
  cluster::limit_cache order;
};

struct move_cache {
  std::uint32_t request = 0;
  std::string file;
  bool is_import = false;
};

/// The client is gone or broke the protocol; the last event of a session.
struct gone {
  std::string reason;
};

using event = std::variant<invoke, cancel, hello, open_environment, put_bundle, bundle_part, start_run, rerun, abort,
                           get, logs, wait, result, status, stop, ask_cluster, admit_node, remove_node, drain_node,
                           set_voters, make_join_token, make_client_token, revoke_client_token, back_up, ping_node,
                           get_cache, drop_from_cache, limit_cache, move_cache, change_app, gone>;
using events = std::vector<event>;

// -- to the client ----

struct welcome {
  std::uint32_t request = 0;
  std::string node, node_id;
  bool is_private = false;
};

struct refused {
  std::uint32_t request = 0;
  failure why;
};

struct bundle_state {
  std::uint32_t request = 0;
  std::string digest;
  bool stored = false;
};

struct done {
  std::uint32_t request = 0;
  std::string detail;
  std::uint64_t count = 0; // of what was removed
};

struct progress {
  call_id root;
  std::uint64_t done = 0;
};

template <class Row>
struct rows {
  std::uint32_t request = 0;
  std::vector<Row> items;
};

struct run_state {
  std::uint32_t request = 0;
  run_row row;
};

struct node_state {
  std::uint32_t request = 0;
  node_row row;
};

struct cluster_state {
  std::uint32_t request = 0;
  std::string name;
  node_uuid id, node; // of the cluster, and of the node that answers
  control::standing standing;
  std::vector<member_row> members;
};

/// Round trips of frames over the link to a node.
struct echoes {
  std::uint32_t request = 0;
  std::string node;
  std::uint32_t count = 0;
  std::chrono::nanoseconds min{0}, p50{0}, p99{0}, max{0};
};

/// The connection reads no further until `resume`: the client has as much open as its window allows.
struct pause_reading {};
struct resume_reading {};
/// Ends the connection once everything before it is written.
struct close {};

using effect = std::variant<call_reply, welcome, refused, opened_handle, bundle_state, done, progress, log_text,
                            rows<app_row>, rows<environment_row>, rows<replica_row>, rows<run_row>, rows<action_row>,
                            rows<node_row>, rows<event_row>, rows<cluster::token_record>, rows<cache_report>,
                            rows<cache_row>, rows<cache_check>, rows<cache_audit_row>, rows<cache_limit_row>, run_state,
                            node_state, cluster_state, echoes, pause_reading, resume_reading, close>;
using effects = std::vector<effect>;

} // namespace hearth::client
