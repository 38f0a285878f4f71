@0x9f1bf43a38445ff5;
# The control log: what the nodes of a cluster decide together, entry by entry, and the state that comes of it.
#
# An entry of the log is one Command, as a Cap'n Proto message of its own (not packed). A snapshot is one State: all that
# the entries up to `applied` have left. Both begin with `format`; a node that does not know the number stops reading. Each
# command is decided alike on every node, in the order of the log, by cluster/control_state.hpp, which tells when a command
# is refused. No command does anything twice when it is written twice.
#
# A node that reads a command that it does not know (the union is `unknown` to it) must not go on: new kinds are written only
# once `raiseLevel` has been committed for them, and that is refused while a seat understands less.
#
# Ids of nodes are UUIDs and ids of runs UUIDv7, as two words (hi, lo). A seat, an epoch and a generation are indexes of the
# log. Digests are SHA-256 in hex. Calendar times are ms since 1970 UTC.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("hearth::log");

const formatNumber :UInt32 = 1;

struct Id {
  hi @0 :UInt64;
  lo @1 :UInt64;
}

struct Value {
  # What a run brings or leaves.
  digest @0 :Text;                # of the content; empty: there is no value
  size @1 :UInt64;                # bytes
  content @2 :Data;               # empty while `size` is not 0: a blob of that digest, outside the log
}

struct Capacity {
  # What a node has for replicas.
  memoryBytes @0 :UInt64;
  cpuMillis @1 :UInt32;           # 1000: one core
  gpus @2 :UInt32;
}

struct Command {
  format @0 :UInt32;              # formatNumber
  union {
    unknown @1 :Void;             # of a newer Hearth
    admitNode @2 :AdmitNode;
    removeNode @3 :RemoveNode;
    drainNode @4 :DrainNode;
    takeSeat @5 :TakeSeat;
    endSeat @6 :EndSeat;
    renew @7 :Renew;
    setVoters @8 :SetVoters;
    raiseLevel @9 :RaiseLevel;
    putSpec @10 :PutSpec;
    grant @11 :Grant;
    release @12 :Release;
    acceptRun @13 :AcceptRun;
    claimRun @14 :ClaimRun;
    completeRun @15 :CompleteRun;
    abortRun @16 :AbortRun;
    rehomeRuns @17 :RehomeRuns;
    raiseGeneration @18 :RaiseGeneration;
    putToken @19 :Token;
    revokeToken @20 :RevokeToken;
    limitCache @21 :LimitCache;     # feature level 2
    undeploy @22 :Text;             # the key of an environment; feature level 4
  }
}

# -- membership ----

struct AdmitNode {
  # The node may take a seat from now on.
  node @0 :Id;
  name @1 :Text;                  # a taken one gets a number behind it
  address @2 :Text;               # where its link will listen, "host:port"; empty: not known
}

struct RemoveNode {
  # The node stays away for good.
  node @0 :Id;
}

struct DrainNode {
  # No new roles and replicas for the node, or again.
  node @0 :Id;
  draining @1 :Bool;
}

struct TakeSeat {
  # The node is there; the seat is the index of this entry. An older seat of it ends.
  node @0 :Id;
  incarnation @1 :UInt64;         # starts of its daemon, counted on its disk
  address @2 :Text;               # of its link, "host:port"; empty: nowhere
  capacity @3 :Capacity;
  level @4 :UInt32;               # highest feature level that it understands
  nonce @5 :UInt64;               # drawn by the process when it starts
}

enum Departure {
  left @0;                        # it said so
  expired @1;                     # it was not heard of for a lease
  died @2;                        # its process is known to be gone
}

struct EndSeat {
  # The node is gone; what it owned, and the runs whose home it was, are nobody's.
  seat @0 :UInt64;
  how @1 :Departure;
}

struct Heartbeat {
  # One heartbeat that the leader has heard.
  seat @0 :UInt64;
  number @1 :UInt64;              # counted by the sender
}

struct Renew {
  # A node that finds its heartbeat here has its lease from the moment when it sent that heartbeat.
  heard @0 :List(Heartbeat);
  clusterTimeMs @1 :UInt64;       # of the leader; never goes back
}

struct SetVoters {
  # The log ends; another one with these voters begins from this state.
  voters @0 :List(Id);
}

struct RaiseLevel {
  # From here on entries of this feature level may be written.
  level @0 :UInt32;
}

# -- environments ----

struct PutSpec {
  # What a version of an environment is.
  key @0 :Text;                   # project/domain/name
  version @1 :Text;
  spec @2 :Data;                  # not looked into by the log
  deployed @3 :Bool;              # this version is the one that stays warm
}

struct Grant {
  # The seat owns the environment from now on, unless somebody does; the epoch is the index of this entry.
  key @0 :Text;
  seat @1 :UInt64;
}

struct Release {
  # The owner gives it up.
  key @0 :Text;
  epoch @1 :UInt64;               # as granted; an older one changes nothing
}

# -- runs ----

struct AcceptRun {
  # A run as it was submitted. The same root and request again is the same run.
  root @0 :Id;
  name @1 :Text;                  # unique among the runs that are kept
  requestDigest @2 :Text;         # over everything that decides what the run does
  principal @3 :Text;             # who submitted it
  project @4 :Text;
  domain @5 :Text;
  key @6 :Text;                   # of the environment
  version @7 :Text;               # of the environment
  task @8 :UInt32;                # index in the spec
  taskName @9 :Text;              # for display
  inputs @10 :Text;               # for display
  rerunOf @11 :Text;              # name of the run whose finished children count for this one too; empty: none
  lost @12 :UInt32;               # losses of its home that it survives; 0: once started, it never starts again
  detached @13 :Bool;             # no client waits for it
  deadlineMs @14 :UInt64;         # of the whole run from `unixMs`; 0: unlimited
  unixMs @15 :UInt64;             # when it was submitted
  traceHi @16 :UInt64;            # W3C trace id; 0, 0: none
  traceLo @17 :UInt64;
  traceSpan @18 :UInt64;          # W3C parent span id
  arguments @19 :Value;
  home @20 :UInt64;               # seat where it runs first
  cache @21 :UInt16;              # flags of a call (frame.capnp): how the run uses the cache
}

struct ClaimRun {
  # The home of a run with lost=0 is about to start it.
  name @0 :Text;
  attempt @1 :UInt32;             # the current one
  home @2 :UInt64;                # its home
}

struct CompleteRun {
  # The root call of a run ended. The first entry of these decides; later ones change nothing.
  name @0 :Text;
  attempt @1 :UInt32;             # that ended; not necessarily the current one
  code @2 :UInt16;                # 0, or a value of core/errors.hpp
  isText @3 :Bool;                # a failure's value is one sentence
  error @4 :Text;                 # one sentence for listings
  unixMs @5 :UInt64;              # when it ended
  runNs @6 :UInt64;               # time in user code
  queuedNs @7 :UInt64;            # time in queues
  startNs @8 :UInt64;             # time spent waiting for a replica to start
  actions @9 :UInt64;             # calls of the run
  actionsFailed @10 :UInt64;
  value @11 :Value;               # result, or failure
}

struct AbortRun {
  # Somebody wants the run to end.
  name @0 :Text;
  reason @1 :Text;
  unixMs @2 :UInt64;              # for a run that ends by it at once
}

struct RehomeRuns {
  # These runs, whose home is gone, go on at this seat as their next attempt, or end when they may not.
  names @0 :List(Text);
  home @1 :UInt64;
  unixMs @2 :UInt64;              # for those that end by it
}

# -- cache, tokens ----

struct RaiseGeneration {
  # Nothing that was cached below this scope before is served after it.
  scope @0 :Text;
}

struct LimitCache {
  # What a project may have in the cache of each node, and for how long. What is not set stays as it was.
  project @0 :Text;
  setsBytes @1 :Bool;
  bytesMax @2 :UInt64;            # 0: what projects have of which nothing is said
  setsTtl @3 :Bool;
  ttlMs @4 :UInt64;               # 0: any time
}

struct Token {
  # A token of remote clients.
  name @0 :Text;
  digest @1 :Text;                # of its secret
  scopes @2 :List(Text);
  expiresUnixMs @3 :UInt64;       # 0: never
}

struct RevokeToken {
  name @0 :Text;
}

# -- snapshot ----

struct Member {
  # A node that was admitted.
  node @0 :Id;
  name @1 :Text;
  draining @2 :Bool;
  removed @3 :Bool;
  incarnation @4 :UInt64;         # highest that took a seat
  nonce @5 :UInt64;               # of that process
  seat @6 :UInt64;                # 0: away
  address @7 :Text;               # where its link listened last, or will first
}

struct Seat {
  # A node that is there.
  seat @0 :UInt64;
  node @1 :Id;
  address @2 :Text;
  capacity @3 :Capacity;
  level @4 :UInt32;
  incarnation @5 :UInt64;
}

struct Spec {
  version @0 :Text;
  spec @1 :Data;
  put @2 :UInt64;                 # index of the entry
}

struct Environment {
  key @0 :Text;
  owner @1 :UInt64;               # seat; 0: nobody
  epoch @2 :UInt64;               # of the last grant
  lost @3 :Bool;                  # the last owner did not release it
  deployed @4 :Text;              # version; empty: none
  specs @5 :List(Spec);
}

enum Phase {
  accepted @0;
  claimed @1;
  ended @2;
}

struct Run {
  order @0 :AcceptRun;
  accepted @1 :UInt64;            # index of the entry
  phase @2 :Phase;
  attempt @3 :UInt32;             # the current one, from 1
  losses @4 :UInt32;              # homes that it lost
  home @5 :UInt64;                # seat; 0: it waits for one, or has ended
  placed @6 :Bool;                # the current attempt has had a home
  abortWanted @7 :Bool;
  abortReason @8 :Text;
  end @9 :CompleteRun;            # of an ended run
  ended @10 :UInt64;              # index of the entry; 0: open
}

struct Generation {
  scope @0 :Text;
  raised @1 :UInt64;              # index of the entry
}

struct CacheLimit {
  project @0 :Text;
  bytesMax @1 :UInt64;            # as in LimitCache
  ttlMs @2 :UInt64;
}

struct State {
  format @0 :UInt32;              # formatNumber
  applied @1 :UInt64;             # index of the last entry that is in it
  voters @2 :List(Id);
  generation @3 :UInt64;          # of the log, from 1
  level @4 :UInt32;               # feature level that may be written
  clusterTimeMs @5 :UInt64;
  horizonMs @6 :UInt64;           # runs whose id is older may be forgotten
  members @7 :List(Member);
  seats @8 :List(Seat);
  environments @9 :List(Environment);
  runs @10 :List(Run);
  generations @11 :List(Generation);
  tokens @12 :List(Token);
  cacheLimits @13 :List(CacheLimit);
}
