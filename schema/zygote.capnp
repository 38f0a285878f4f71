@0xe58d10b94f6a7c24;
# Between a node and a zygote: JSON renderings of Order and Event, one per message of a SOCK_SEQPACKET socketpair
# (file descriptor 3 of the zygote), at most 1 MiB each. The zygote ends when this socket closes.
#
# A zygote is started with `python -E -s -B <sdk>/hearth/_worker/boot.py`, reads one `configure`, imports what it names and
# answers `ready` or `failed`; with the hygiene "fork" it runs the hooks of on_start before. A zygote that can fork makes one
# replica per `fork`; one that cannot says why in `ready.spawnReason`, and is told to `become` the replica itself (each
# further replica is then a process of its own).

using Environment = import "environment.capnp".Environment;

struct Order {
  union {
    unspecified @0 :Void;
    configure @1 :Configure;
    fork @2 :Start;                   # with three descriptors: the replica's end of its socket, its slot table, and a pipe
                                      # that becomes its stdout and stderr
    become @3 :Start;                 # the first two; the process is the replica from then on
  }
}

struct Event {
  union {
    unspecified @0 :Void;
    ready @1 :Ready;                  # with one descriptor: a pidfd of the zygote itself
    failed @2 :StartFailure;
    forked @3 :Forked;                # with one descriptor: a pidfd of the child
    exited @4 :Exited;
  }
}

struct Configure {
  environment @0 :Environment;
  codeDirectory @1 :Text;             # the unpacked bundle; working directory of the tasks
  project @2 :Text;
  domain @3 :Text;
  version @4 :Text;
  threads @5 :UInt32;                 # cpu of the environment, at least 1: size of BLAS and OpenMP pools
  forceSpawn @6 :Bool;
  frameBytesMax @7 :UInt32;
  outputBytesMax @8 :UInt64;          # per call, beyond which output is dropped and counted
  filesMax @9 :UInt32;                # open files. There is no limit on processes, which the system counts per user, nor on
                                      # addresses, of which runtimes reserve far more than they use: the node watches memory
  sandbox @10 :Bool;                  # it runs in one: paths may be hidden, and numbers of processes are its own
}

struct Start {
  replica @0 :UInt64;
  concurrency @1 :UInt32;
  slots @2 :UInt32;                   # words in the slot table
  fresh @3 :Bool;                     # serves one call, then ends
  gpus @4 :List(UInt32);              # what CUDA_VISIBLE_DEVICES is to say before user code runs,
  setsGpus @5 :Bool;                  # if anything: a node without GPUs leaves the variable alone
}

struct Ready {
  pid @0 :UInt32;
  python @1 :Text;                    # "3.11.2"
  canFork @2 :Bool;
  spawnReason @3 :Text;
  importUs @4 :UInt64;
  hasSlotTable @5 :Bool;           # false (no wire extension): nothing may be sent ahead
}

struct StartFailure {
  message @0 :Text;                   # what a person reads: which import, which file and line
  code @1 :UInt16;                    # core/errors.hpp: module_load or start_failed
}

struct Forked {
  replica @0 :UInt64;
  pid @1 :UInt32;                     # as the zygote sees it; the pidfd tells the node its own number
}

struct Exited {
  replica @0 :UInt64;
  pid @1 :UInt32;
  status @2 :Int32;                   # as of waitpid: exit code, or 128 + signal
  signal @3 :UInt32;
  reason @4 :Text;                    # why it never came to be; pid is 0 then
}
