@0xd2c7e4b95f0a6183;
# What is told of apps: AppRow to people (control.capnp), AppPart from node to node (link_messages.capnp).

struct AppRow {
  # An app: as it is deployed, its replicas as their owner knows them, its requests as they ended at the front doors of all nodes
  # that answered, since those nodes started.
  project @0 :Text;
  domain @1 :Text;
  name @2 :Text;
  version @3 :Text;
  kind @4 :Text;                      # asgi | wsgi | server | command
  state @5 :Text;                     # idle | warm | starting | importing | failed; inactive
  hosts @6 :List(Text);
  replicas @7 :UInt32;
  starting @8 :UInt32;
  minReplicas @9 :UInt32;
  maxReplicas @10 :UInt32;
  concurrency @11 :UInt32;
  metric @12 :Text;                   # that replicas follow: concurrency | rate; empty: the node's own rule
  target @13 :UInt32;                 # of the metric
  scaledownMs @14 :UInt64;
  inFlight @15 :UInt64;               # requests that have come and have not ended
  waiting @16 :UInt64;                # of those: in the queue
  running @17 :UInt64;                # of those: in replicas
  requests @18 :RequestCounts;
  requestsPerSecond @19 :Float64;     # of the last minute, like the next three
  p50Us @20 :UInt64;                  # from the whole request to the beginning of its response
  p95Us @21 :UInt64;
  p99Us @22 :UInt64;
  coldRequests @23 :UInt64;           # that waited for a replica to start; the medians of where their time went:
  coldWaitUs @24 :UInt64;             # for their turn, or for room
  coldForkUs @25 :UInt64;             # until the process was there
  coldImportUs @26 :UInt64;           # for an interpreter to start and import the code
  coldInitUs @27 :UInt64;             # from the process to the first request
  starts @28 :UInt64;                 # of replicas
  message @29 :Text;                  # last failure to start, in words
  waitingFor @30 :Text;               # "wants 5, has 3, waiting for memory"; empty: nothing waits
  node @31 :Text;                     # that owns it; empty: nobody, or the node is alone
  status @32 :Text;                   # ACTIVE | SCALING_UP | SCALING_DOWN | DEPLOYING | PENDING | FAILED | STOPPED
  subStatus @33 :Text;                # RUNNING | SCALED_TO_ZERO | SCALING_FROM_ZERO | SCALING_UP | SCALING_DOWN | INITIALIZING |
                                      # CRASH_LOOP | OOM_KILLED; empty: nothing more is to be said
  why @34 :Text;                      # a sentence, where these words do not say it all
  requiresAuth @35 :Bool;
  serving @36 :UInt32;                # of `replicas`: those of the version that is deployed
  draining @37 :UInt32;               # replicas that have been told to end
  failure @38 :Text;                  # as of its environment (control.capnp), like the next two
  retryMs @39 :UInt64;
  failedReplica @40 :UInt64;
}

struct RequestCounts {
  # By the class of the status; `gone`: the client went before the response was whole, `broken`: the response broke off.
  success @0 :UInt64;
  redirected @1 :UInt64;
  refused @2 :UInt64;
  failed @3 :UInt64;
  gone @4 :UInt64;
  broken @5 :UInt64;
}

struct AppPart {
  # What a node knows of an app; of the row not what follows from the distributions.
  row @0 :AppRow;
  hasPool @1 :Bool;
  recent @2 :Distribution;            # of the last minute
  cold @3 :List(Distribution);        # wait, fork, import, init
}

struct Distribution {
  # actors/duration_histogram.hpp: buckets that hold something, and how many each.
  buckets @0 :List(UInt16);
  counts @1 :List(UInt64);
  sumNs @2 :UInt64;
}
