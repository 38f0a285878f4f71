@0xb7a2f30cde915c02;
# What an environment is: everything that decides what runs. The digest of `Environment` without the fields marked
# (live) is the environment's version; a changed live field changes the running pool.

struct Environment {
  project @0 :Text;
  domain @1 :Text;
  name @2 :Text;
  description @3 :Text;               # (live)
  bundle @4 :Text;                    # sha256 of the code bundle, hex
  python @5 :Text;                    # absolute path of the interpreter
  tasks @6 :List(Task);               # order gives the index that calls use
  reuse @7 :Reuse;
  resources @8 :Resources;
  variables @9 :List(Variable);       # environment variables of the interpreter
  preload @10 :List(Text);            # modules that the zygote imports before the environment's code
  mounts @11 :List(Text);             # absolute paths that a sandbox shows; with ":rw" behind it, tasks may write there
  dependsOn @12 :List(Text);          # names of environments, for display
  hooks @13 :List(Hook);              # in order of declaration
  isolation @14 :Text;                # "process" | "sandbox"; empty: as the node has it
  app @15 :App;                       # its calls are HTTP requests; absent: of a set of tasks
}

struct App {
  # An HTTP service. A request is a call of task 0, or, if its method is idempotent, of task 1: the same function, which may run
  # again after a lost interpreter. The value of such a call is the request as text, that of its reply the response (docs/apps.md).
  kind @0 :Text;                      # "asgi" | "wsgi" | "server" | "command"; empty: no app
  module @1 :Text;                    # where the application object is, or the function that serves (kind "server"): as in Task
  attribute @2 :Text;
  pickle @3 :Text;
  isAsync @4 :Bool;                   # of kind "server": a coroutine function
  command @5 :List(Text);             # of kind "command": program and arguments, in which $VAR is replaced when a replica starts
  port @6 :UInt16;                    # where a server or command listens
  health @7 :Text;                    # path that answers below 500 when a replica is ready; empty: ready when it accepts
  requiresAuth @8 :Bool;              # (live) requests need a token, or come from the node's own user
  hosts @9 :List(Text);               # (live) names in Host that lead here, lower case
  requestTimeoutMs @10 :UInt64;       # (live) per request; 0: the node's default
  metric @11 :Text;                   # (live) "concurrency" | "rate": what `target` is of; empty: the node's own rule
  target @12 :UInt32;                 # (live) per replica; of "rate" a second
  inactive @13 :Bool;                 # (live) it is kept, has no replicas and answers no requests
}

struct Task {
  name @0 :Text;                      # "<environment>.<function>"
  shortName @1 :Text;
  module @2 :Text;                    # dotted, importable with the bundle as root
  function @3 :Text;                  # qualified name in the module
  pickle @4 :Text;                    # path in the bundle of a function by value; then module and function are for display
  isAsync @5 :Bool;
  retries @6 :Retries;
  timeout @7 :Timeout;
  maxInlineIoBytes @8 :UInt64;        # 0: not set, values up to the node's limit travel
  cache @9 :Text;                     # JSON of the cache settings; kept with the task
  docs @10 :Text;
  signature @11 :Text;                # for display: "(n: int, scale: float = 1.0) -> float"
  caching @12 :Caching;               # (live)
}

struct Caching {
  # How results of a task are kept. The key of a call is a scope and its inputs: the scope is the SHA-256 over project, domain,
  # the task's name, `version`, `signature` and the domain of trust of whoever calls, each with its length before it; the inputs
  # come with the call's arguments (frame.capnp).
  version @0 :Text;                   # empty: results are not kept
  signature @1 :Text;                 # names and types of inputs and outputs, the same text for the same types
  inputs @2 :List(Text);              # names of those that are part of the key, in the order of a call's digests
  serialize @3 :Bool;                 # of equal calls at the same time one executes, the others get its result
  ttlMs @4 :UInt64;                   # how long a result is kept; 0: as long as there is room
}

struct Hook {
  # A function without parameters that each replica runs once: before its first call, or (isStop) when it ends politely.
  # With the hygiene "fork" the zygote runs them instead, before the first fork and after the last one.
  module @0 :Text;                    # as in Task
  function @1 :Text;
  pickle @2 :Text;
  isAsync @3 :Bool;
  isStop @4 :Bool;
}

struct Retries {
  count @0 :UInt32;                   # further executions after user errors
  lost @1 :UInt32;                    # further executions after a lost interpreter
  backoffBaseMs @2 :UInt64;           # 0: at once
  backoffFactor @3 :Float64;
  backoffCapMs @4 :UInt64;            # 0: no cap
}

struct Timeout {
  maxRuntimeMs @0 :UInt64;            # per execution; 0: unlimited
  maxQueuedMs @1 :UInt64;             # per wait for a slot; 0: unlimited
  deadlineMs @2 :UInt64;              # over all executions; 0: unlimited
}

struct Reuse {
  enabled @0 :Bool;                   # false: every call runs in a fresh fork
  minReplicas @1 :UInt32;             # (live)
  maxReplicas @2 :UInt32;             # (live)
  concurrency @3 :UInt32;
  idleTtlMs @4 :UInt64;               # (live) of an app: 0 keeps its minimum of replicas without requests, too
  scaledownTtlMs @5 :UInt64;          # (live)
  scope @6 :Text;                     # "global" | "run"
  prewarm @7 :Bool;                   # (live) a replica is ready when the history of calls says that one comes
  hygiene @8 :Text;                   # "keep": a replica serves many calls; "fork": each call has a fresh fork of a warm
                                      # parent; empty: "keep"
  recycleCalls @9 :UInt64;            # (live) a replica is replaced after so many calls; 0: never
  recycleAgeMs @10 :UInt64;           # (live) ... at this age; 0: never
  recycleGrowthBytes @11 :UInt64;     # (live) ... when its memory has grown by so much since its first call; 0: never
  placement @12 :Text;                # (live) in a cluster: "spread": over many nodes; "pack": on few; empty: "spread"
}

struct Resources {
  cpuMillis @0 :UInt32;               # request; 0: not said
  cpuLimitMillis @1 :UInt32;
  memoryBytes @2 :UInt64;             # request; 0: not said
  memoryLimitBytes @3 :UInt64;        # 0: the node's default
  gpu @4 :UInt32;
  diskBytes @5 :UInt64;
  shmBytes @6 :UInt64;
}

struct Variable {
  name @0 :Text;
  value @1 :Text;
}
