#pragma once

#include "actors/app_rows.hpp"
#include "actors/cache_rows.hpp"
#include "actors/control_messages.hpp"
#include "actors/messages.hpp"
#include "schema/control.capnp.h"

/// Rows of listings as schema/control.capnp has them.
namespace hearth::wire {

void fill(::AppRow::Builder into, const app_row& row);
void fill(::EnvironmentRow::Builder into, const environment_row& row);
void fill(::ReplicaRow::Builder into, const replica_row& row);
void fill(::RunRow::Builder into, const run_row& row);
void fill(::ActionRow::Builder into, const action_row& row);
void fill(::NodeRow::Builder into, const node_row& row);
void fill(::EventRow::Builder into, const event_row& row);
void fill(::MemberRow::Builder into, const member_row& row);
void fill(::TokenRow::Builder into, const cluster::token_record& row);
void fill(::CacheCounts::Builder into, const cache_report& row);
void fill(::CacheRow::Builder into, const cache_row& row);
void fill(::CacheCheck::Builder into, const cache_check& row);
void fill(::CacheAudit::Builder into, const cache_audit_row& row);
void fill(::CacheLimit::Builder into, const cache_limit_row& row);

} // namespace hearth::wire
