#include "node/wire/control_rows.hpp"
#include "node/wire/control_text.hpp"

#include <algorithm>

/// What is told of kept results.
namespace hearth::wire {

void fill(::CacheCounts::Builder into, const cache_report& row) {
  into.setNode(text(row.node));
  into.setHits(row.counts.hits);
  into.setMisses(row.counts.misses);
  into.setPopulated(row.counts.populated);
  into.setLookupFailures(row.counts.lookup_failures);
  into.setPutFailures(row.counts.put_failures);
  into.setSkipped(row.counts.skipped);
  into.setWaited(row.counts.waited);
  into.setSavedUs(row.counts.saved_us);
  auto figures = into.initFigures(static_cast<unsigned>(row.figures.size()));
  for (unsigned i = 0; i < figures.size(); ++i) {
    const auto& f = row.figures[i];
    figures[i].setProject(text(f.project));
    figures[i].setEntries(f.entries);
    figures[i].setBytes(f.bytes);
    figures[i].setBytesMax(f.bytes_max);
    figures[i].setEvicted(f.evicted);
    figures[i].setExpired(f.expired);
    figures[i].setDamaged(f.damaged);
    figures[i].setRefused(f.refused);
    figures[i].setHits(f.hits);
    figures[i].setOutdated(f.outdated);
    figures[i].setMended(f.mended);
  }
}

void fill(::CacheRow::Builder into, const cache_row& row) {
  const auto& e = row.entry;
  into.setId(text(id_of(e.key)));
  into.setProject(text(row.scope.project));
  into.setDomain(text(row.scope.domain));
  into.setTask(text(row.scope.task));
  into.setVersion(text(row.scope.version));
  into.setSignature(text(row.scope.signature));
  into.setTrust(text(row.scope.trust));
  auto inputs = into.initInputs(static_cast<unsigned>(std::min(row.scope.inputs.size(), e.inputs.size())));
  for (unsigned i = 0; i < inputs.size(); ++i) {
    inputs[i].setName(text(row.scope.inputs[i]));
    inputs[i].setDigest(text(to_string(e.inputs[i])));
  }
  into.setCreatedUnixMs(e.created_unix_ms);
  into.setExpiresUnixMs(e.expires_unix_ms);
  into.setRunUs(static_cast<std::uint64_t>(e.run.count() / 1000));
  into.setSizeBytes(e.size);
  into.setHits(row.hits);
  into.setProducer(text(e.producer));
  into.setHolder(text(e.holder));
  into.setValueDigest(text(to_string(e.value)));
  into.setNode(text(row.node));
}

void fill(::CacheCheck::Builder into, const cache_check& row) {
  into.setNode(text(row.node));
  into.setEntries(row.entries);
  into.setBytes(row.bytes);
  into.setDamaged(row.damaged);
}

void fill(::CacheAudit::Builder into, const cache_audit_row& row) {
  into.setProject(text(row.project));
  into.setDomain(text(row.domain));
  into.setTask(text(row.task));
  into.setVersion(text(row.version));
  into.setSame(row.same);
  into.setDifferent(row.different);
  into.setFailed(row.failed);
  into.setExample(text(row.example));
}

void fill(::CacheLimit::Builder into, const cache_limit_row& row) {
  into.setProject(text(row.project));
  into.setSizeBytes(row.bytes_max);
  into.setTtlMs(static_cast<std::uint64_t>(row.ttl.count()));
}

} // namespace hearth::wire
