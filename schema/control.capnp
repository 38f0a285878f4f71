@0x9c41e6a07b2d8f33;
# Control messages: the JSON rendering of Request and Response is the body of Control frames.
# A Response carries the request number of its Request; a request gets exactly one response without `controlMore`.
using Environment = import "environment.capnp".Environment;
using Cache = import "cache.capnp";
using Apps = import "apps.capnp";
using Cluster = import "cluster.capnp";
using Scaling = import "scaling.capnp";

struct Request {
  union {
    unspecified @0 :Void;
    hello @1 :Hello;                  # first on every client connection
    openEnvironment @2 :Environment;  # clients and interpreters; answered with `environment`
    putBundle @3 :PutBundle;          # answered with `bundle` (stored or needed); Chunks follow when needed, then `bundle` again
    startRun @4 :StartRun;            # right before the Call with its arguments; the same after a lost connection joins that run
    abort @5 :Abort;
    get @6 :Get;
    logs @7 :Logs;                    # Log frames follow, then one `done`
    wait @8 :Text;                    # run name; answered with `run` when the run has ended
    status @9 :Void;
    stop @10 :Stop;
    result @11 :Text;                 # run name; the Reply of its root call is sent, then `done`
    deploy @12 :Environment;          # as openEnvironment; replicas start, and other versions end when nothing is open
    rerun @13 :Rerun;                 # answered with `run` of the new run, which is a detached one
    cluster @14 :Void;                # answered with `cluster`
    admitNode @15 :AdmitNode;         # this and the next three change the control log; answered with `done` when committed
    removeNode @16 :Text;             # name or id
    drainNode @17 :DrainNode;
    setVoters @18 :List(Text);        # names or ids: one, three or five
    joinToken @19 :JoinToken;         # answered with `done`, whose detail is the token
    backup @20 :Text;                 # the control log, into this file of the node's machine; answered with `done`
    clientToken @21 :ClientToken;     # for remote clients; answered with `done`, whose detail is the token
    revokeToken @22 :Text;            # of remote clients, by its name; answered with `done` when nobody may use it any more
    ping @23 :Ping;                   # another node of the cluster, over the link; answered with `echoes`
    getCache @24 :Cache.GetCache;     # kept results
    dropFromCache @25 :Cache.DropFromCache;
    moveCache @26 :Cache.MoveCache;
    limitCache @27 :Cache.LimitCache;
    changeApp @28 :ChangeApp;         # of one that is deployed; answered with `done` when the control log has it
  }
}

struct Response {
  union {
    unspecified @0 :Void;
    error @1 :Failure;
    hello @2 :Welcome;
    environment @3 :OpenedEnvironment;
    bundle @4 :BundleState;
    run @5 :RunRow;
    done @6 :Done;
    environments @7 :List(EnvironmentRow);
    replicas @8 :List(ReplicaRow);
    runs @9 :List(RunRow);
    actions @10 :List(ActionRow);
    nodes @11 :List(NodeRow);
    status @12 :NodeRow;
    events @13 :List(EventRow);
    cluster @14 :Cluster.ClusterState;
    tokens @15 :List(Cluster.TokenRow);
    echoes @16 :Echoes;
    cacheCounts @17 :List(Cache.CacheCounts);
    cacheEntries @18 :List(Cache.CacheRow);
    cacheChecks @19 :List(Cache.CacheCheck);
    cacheLimits @20 :List(Cache.CacheLimit);
    cacheAudits @21 :List(Cache.CacheAudit);
    apps @22 :List(Apps.AppRow);
  }
}

struct Failure {
  code @0 :UInt16;                    # core/errors.hpp
  name @1 :Text;                      # its name
  message @2 :Text;                   # what happened, where, what to do next
}

struct Hello {
  protocol @0 :UInt32;                # 1
  program @1 :Text;                   # shown in messages: "digits.py"
  pid @2 :UInt32;
  version @3 :Text;                   # of the SDK or command
  failure @4 :Text;                   # of an interpreter that cannot serve: why, for a person; it ends by itself
}

struct Welcome {
  protocol @0 :UInt32;
  node @1 :Text;                      # name
  nodeId @2 :Text;
  version @3 :Text;
  windowCalls @4 :UInt32;             # a connection's open calls beyond which the node stops reading
  windowBytes @5 :UInt64;
  valueBytesMax @6 :UInt64;
  private @7 :Bool;                   # started for one user by the first client
}

struct OpenedEnvironment {
  handle @0 :UInt32;
  version @1 :Text;                   # 15 hex digits
  isNew @2 :Bool;                     # no pool of this version existed
}

struct PutBundle {
  digest @0 :Text;
  size @1 :UInt64;
}

struct BundleState {
  digest @0 :Text;
  stored @1 :Bool;                    # false: send it
}

struct StartRun {
  callHi @0 :UInt64;                  # of the Call that follows
  callLo @1 :UInt64;
  name @2 :Text;                      # empty: the node derives one from the call id
  detach @3 :Bool;                    # nobody stays to hear of its progress; any run goes on when this connection ends
  logs @4 :Bool;                      # stream Log frames of the whole run to this connection
  project @5 :Text;
  domain @6 :Text;
  inputs @7 :Text;                    # for display, short
}

struct Rerun {
  # Starts a kept run once more: its task, environment and arguments.
  name @0 :Text;
  newName @1 :Text;                   # empty: the node derives one from the call id
  useRecord @2 :Bool;                 # calls that finished in the kept run are not made again: their results are taken
  callHi @3 :UInt64;                  # of the new root call, chosen by the client: asked twice, it is one run
  callLo @4 :UInt64;
}

struct Abort {
  run @0 :Text;
  action @1 :Text;                    # empty: the whole run
  reason @2 :Text;
}

struct Get {
  what @0 :Text;                      # apps | environments | replicas | runs | actions | events | nodes | tokens | checks (are nodes)
  name @1 :Text;                      # empty: all; actions: the run; events: the environment; checks: interpreter/inspection.hpp
  limit @2 :UInt32;                   # 0: the node's default
}

struct Logs {
  of @0 :Text;                        # run name, or "replica/<id>"
  action @1 :Text;                    # only this action, the beginning of its id in hex; empty: all of the run
  follow @2 :Bool;
  lines @3 :UInt32;                   # the last so many of what is kept; 0: all
}

struct Stop {
  graceMs @0 :UInt64;                 # running calls have so long
  reason @1 :Text;
  usualGrace @2 :Bool;                # as the node's settings say, instead of `graceMs`
}

struct AdmitNode {
  node @0 :Text;                      # id
  name @1 :Text;
}

struct DrainNode {
  node @0 :Text;                      # name or id
  draining @1 :Bool;                  # false: it takes work again
}

struct JoinToken {
  validMs @0 :UInt64;                 # 0: the node's default
}

struct ClientToken {
  name @0 :Text;                      # empty: the node makes one
  scopes @1 :List(Text);              # read | invoke | deploy | admin
  validMs @2 :UInt64;                 # 0: the node's default
  endless @3 :Bool;                   # it does not end
}

struct ChangeApp {
  project @0 :Text;
  domain @1 :Text;
  name @2 :Text;
  what @3 :Text;                      # activate | deactivate | delete
}

struct Ping {
  node @0 :Text;                      # name or id
  count @1 :UInt32;                   # frames, one after another
}

struct Echoes {
  # How long frames took to the node and back, measured between the transports of both.
  node @0 :Text;
  count @1 :UInt32;
  minNs @2 :UInt64;
  p50Ns @3 :UInt64;
  p99Ns @4 :UInt64;
  maxNs @5 :UInt64;
}

struct Done {
  detail @0 :Text;
  count @1 :UInt64;                   # of what was removed
}

struct EnvironmentRow {
  project @0 :Text;
  domain @1 :Text;
  name @2 :Text;
  version @3 :Text;
  state @4 :Text;                     # idle | warm | starting | importing | failed
  replicas @5 :UInt32;
  starting @6 :UInt32;
  minReplicas @7 :UInt32;
  maxReplicas @8 :UInt32;
  concurrency @9 :UInt32;
  running @10 :UInt32;
  parked @11 :UInt32;
  queued @12 :UInt64;
  done @13 :UInt64;
  failed @14 :UInt64;
  lost @15 :UInt64;
  startMode @16 :Text;                # fork | spawn
  startReason @17 :Text;              # why spawn
  tasks @18 :List(Text);
  message @19 :Text;                  # last failure to start, in words
  python @20 :Text;
  meanRunUs @21 :UInt64;
  coldStarts @22 :UInt64;
  meanStartUs @23 :UInt64;
  reason @24 :Text;                   # why this pool is not the one that was there before
  waiting @25 :Text;                  # "wants 5, has 3, waiting for memory"; empty: nothing waits
  learnedRunUs @26 :UInt64;           # what the autoscaler expects of a call and of a start; 0: unknown
  learnedStartUs @27 :UInt64;
  idleTtlMs @28 :UInt64;
  scaledownTtlMs @29 :UInt64;
  scope @30 :Text;
  recycled @31 :UInt64;               # replicas that others took the place of
  prewarmed @32 :UInt64;              # replicas started ahead of calls
  prewarmHits @33 :UInt64;            # of those that calls found
  prewarmIdleMs @34 :UInt64;          # their time until then, or until they ended: the price
  fresh @35 :Bool;                    # each replica serves one call
  node @36 :Text;                     # that owns it, by name; empty: the node is alone
  draining @37 :UInt32;               # replicas that have been told to end
  failure @38 :Text;                  # why the last replica did not come to serve, as a name of core/errors.hpp; empty: it did
  retryMs @39 :UInt64;                # while it fails: until replicas are started again
  failedReplica @40 :UInt64;
}

struct EventRow {
  unixMs @0 :UInt64;
  project @1 :Text;
  domain @2 :Text;
  environment @3 :Text;
  version @4 :Text;
  kind @5 :Text;                      # pool_made | policy | decided | ready | unmade | waiting | overcommitted | lost | ended | cooled
  replica @6 :UInt64;
  text @7 :Text;                      # what happened and why, a sentence
  decision @8 :Scaling.Decision;      # of kind decided
  node @9 :Text;                      # where it happened
}

struct Finding {
  fine @0 :Bool;
  what @1 :Text;                      # was looked at: "port", "environment digits: /data"
  text @2 :Text;                      # what is so, and what to do if it is not fine
}

struct ReplicaRow {
  id @0 :UInt64;
  environment @1 :Text;
  version @2 :Text;
  state @3 :Text;                     # waiting | starting | importing | idle | busy | draining | dead
  pid @4 :UInt32;
  startMode @5 :Text;
  startUs @6 :UInt64;
  running @7 :UInt32;
  parked @8 :UInt32;
  ahead @9 :UInt32;                   # calls in its pipe that have not begun
  done @10 :UInt64;
  memoryBytes @11 :UInt64;
  ageMs @12 :UInt64;
  node @13 :Text;                     # on which it runs
}

struct RunRow {
  name @0 :Text;
  task @1 :Text;
  phase @2 :Text;                     # QUEUED | RUNNING | SUCCEEDED | FAILED | ABORTED | TIMED_OUT
  startedUnixMs @3 :UInt64;
  durationMs @4 :UInt64;
  actions @5 :UInt64;
  actionsDone @6 :UInt64;
  actionsFailed @7 :UInt64;
  detached @8 :Bool;
  error @9 :Text;
  inputs @10 :Text;
  project @11 :Text;
  domain @12 :Text;
  environmentVersion @13 :Text;
  callHi @14 :UInt64;
  callLo @15 :UInt64;
  node @16 :Text;                     # its home
}

struct ActionRow {
  id @0 :Text;                        # call id in hex
  parent @1 :Text;
  task @2 :Text;
  phase @3 :Text;                     # as of a run; UNKNOWN: the run has ended, and how the action did was not reported
  attempt @4 :UInt32;
  cold @5 :Bool;
  queuedUs @6 :UInt64;
  startUs @7 :UInt64;
  runUs @8 :UInt64;
  replica @9 :UInt64;
  error @10 :Text;
  depth @11 :UInt32;
  forkUs @12 :UInt64;                 # as in Reply (frame.capnp)
  importUs @13 :UInt64;
  cache @14 :Text;                    # what came of its lookup: MISS, HIT ...; empty: results of its task are not kept
  producer @15 :Text;                 # of a hit: the run, or the call, that made the value
}

struct NodeRow {
  name @0 :Text;
  id @1 :Text;
  pid @2 :UInt32;
  version @3 :Text;
  state @4 :Text;                     # running | draining | unreachable
  private @5 :Bool;
  upMs @6 :UInt64;
  idleExitMs @7 :UInt64;              # 0: never
  cpuMillis @8 :UInt64;
  memoryBytes @9 :UInt64;
  residentBytes @10 :UInt64;          # of hearthd
  sessions @11 :UInt32;
  environments @12 :UInt32;
  replicas @13 :UInt32;
  calls @14 :UInt64;
  socket @15 :Text;
  stateDirectory @16 :Text;
  memoryCapacity @17 :UInt64;         # what replicas may reserve together, and what they have reserved
  memoryReserved @18 :UInt64;
  cpuCapacityMillis @19 :UInt32;
  cpuReservedMillis @20 :UInt32;      # may be more than the capacity where cpu is a share
  gpus @21 :UInt32;
  gpusInUse @22 :UInt32;
  ordersWaiting @23 :UInt32;          # replicas that wait for room
  memoryLimits @24 :Text;             # who ends a replica that uses too much: cgroup | watcher
  isolation @25 :Text;                # of environments that ask for none: process | sandbox; or sandbox-only: of all
  findings @26 :List(Finding);        # of `checks`
  links @27 :UInt32;                  # to other nodes, that are up
}
