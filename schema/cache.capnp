@0xb7d1f0c25a9e6483;
# What clients ask about kept results, and what they are told (control.capnp).

struct CacheFilter {
  # All that is below a scope; what is empty matches everything.
  project @0 :Text;
  domain @1 :Text;
  task @2 :Text;
  version @3 :Text;
  entry @4 :Text;                     # the beginning of an entry's id
}

struct GetCache {
  what @0 :Text;                      # counts (answered with `cacheCounts`) | entries (`cacheEntries`) | entry (the Reply of a
                                      # call with its value, then `cacheEntries`) | checks (every entry is read against its
                                      # checksum; `cacheChecks`) | limits (what was said of projects; `cacheLimits`) | audit
                                      # (`cacheAudits`)
  which @1 :CacheFilter;
  limit @2 :UInt32;                   # 0: the node's default
  near @3 :CacheRow;                  # a key: first come the entries that differ from it in the fewest parts (project, domain,
                                      # version, signature, each input); without it the newest come first
  perMillion @4 :UInt32;              # of an audit: so many hits execute once more for the next five seconds; 0: what was counted
}

struct DropFromCache {
  # Nothing that matches and was kept before is served any more, on any node, when this is answered with `done`.
  which @0 :CacheFilter;
  all @1 :Bool;                       # has to be said where `which` is empty
  deletes @2 :Bool;                   # nor does it take room any more
}

struct LimitCache {
  # What a project may have on each node of the cluster, and for how long; answered with `done`. What is not set stays as it was.
  project @0 :Text;
  setsSize @1 :Bool;
  sizeBytes @2 :UInt64;               # 0: what projects have of which nothing is said
  setsTtl @3 :Bool;
  ttlMs @4 :UInt64;                   # from when a result was made; 0: any time
}

struct CacheLimit {
  # Of a project of which something was said.
  project @0 :Text;
  sizeBytes @1 :UInt64;               # as above
  ttlMs @2 :UInt64;
}

struct MoveCache {
  # Entries to or from this file of the node's machine; answered with `done`.
  file @0 :Text;
  imports @1 :Bool;                   # from it, else to it
}

struct CacheRow {
  id @0 :Text;                        # 16 hex digits
  project @1 :Text;
  domain @2 :Text;
  task @3 :Text;
  version @4 :Text;
  signature @5 :Text;                 # names and types of the task's inputs and outputs
  trust @6 :Text;
  inputs @7 :List(CacheInput);        # that are part of the key
  createdUnixMs @8 :UInt64;
  expiresUnixMs @9 :UInt64;           # 0: never
  runUs @10 :UInt64;                  # what a hit saves
  sizeBytes @11 :UInt64;              # of the value
  hits @12 :UInt64;                   # on the node
  producer @13 :Text;                 # the run, or the call, that made it
  holder @14 :Text;                   # node on which it was made
  valueDigest @15 :Text;              # SHA-256
  node @16 :Text;                     # that told this row
}

struct CacheInput {
  name @0 :Text;
  digest @1 :Text;                    # SHA-256 of its canonical form
}

struct CacheFigures {
  project @0 :Text;                   # empty: all
  entries @1 :UInt64;
  bytes @2 :UInt64;
  bytesMax @3 :UInt64;
  evicted @4 :UInt64;                 # these since the node started
  expired @5 :UInt64;
  damaged @6 :UInt64;
  refused @7 :UInt64;                 # not kept, for lack of room or by a disk error
  outdated @8 :UInt64;                # removed because they were invalidated, not by who asked for that
  mended @9 :UInt64;                  # were missing or worse here, and came from another node that had them
  hits @10 :UInt64;
}

struct CacheCounts {
  # Of a node, since it started.
  node @0 :Text;
  hits @1 :UInt64;
  misses @2 :UInt64;
  populated @3 :UInt64;
  lookupFailures @4 :UInt64;
  putFailures @5 :UInt64;
  skipped @6 :UInt64;
  waited @7 :UInt64;                  # for an equal call that executed
  savedUs @8 :UInt64;
  figures @9 :List(CacheFigures);     # of all, then of each project
}

struct CacheCheck {
  node @0 :Text;
  entries @1 :UInt64;                 # that were read
  bytes @2 :UInt64;                   # of their values
  damaged @3 :UInt64;                 # of those: they are removed
}

struct CacheAudit {
  # Hits of a version of a task, on all nodes, that executed once more.
  project @0 :Text;
  domain @1 :Text;
  task @2 :Text;
  version @3 :Text;
  same @4 :UInt64;                    # returned what is kept
  different @5 :UInt64;               # returned something else
  failed @6 :UInt64;
  example @7 :Text;                   # the run, or the call, that made a result that came out different
}
