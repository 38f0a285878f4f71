@0xd1b0a6f1c3e84a51;
# Frames: what travels between a client and its node, and between a node and an interpreter.
#
# Parties. A client (SDK, command line) talks to the node's session over a Unix stream socket; an interpreter talks
# to its replica over a socketpair. Both speak the same frames, so one codec serves both.
#
# Framing. Each frame is one Cap'n Proto stream message of a single segment whose root is one of the structs below.
# Every struct starts with `kind` at offset 0, so a reader looks at `Header` first, and ends with exactly one pointer,
# `body`. The data sections have no holes: a peer without a Cap'n Proto library reads and writes them at fixed offsets
#   [u32 0][u32 words] [root pointer] [data section] [body pointer] [body, padded with zeros to 8 bytes]
# and a test holds those offsets against the Cap'n Proto compiler. A frame is at most 1 MiB; a value that does not fit
# follows its Call or Reply in Chunk frames, in order.
#
# Order. Frames of one socket are processed in order. Frames of different calls interleave freely.
#
# Opening. A client's first frame is a Control request `hello`. An interpreter's first frame is the same (program
# "replica", version = Python's), which says that the replica is ready, or with `failure` that it never will be; it is not
# answered.
#
# Loss. When a client's socket ends, its open calls are aborted, runs go on. When an interpreter's socket
# ends, its calls are lost: those never started run elsewhere at once, the others follow their task's retry rule.
#
# Ids are UUIDv7, carried as two words (hi, lo), except those of calls below a run. There a parent that runs again gives each
# child the id that it had before, so that the run's record of finished children answers it: id = name XOR root, where name
# is the first 128 bits of a SHA-256 over
#   the parent's name (its id XOR the root's; 16 bytes, high word first), the SHA-256 of the environment's definition as
#   `openEnvironment` sends it with sorted keys, the length of the task's name (u64) and the name, the SHA-256 of the
#   arguments in canonical form, and how many calls equal in all of this the parent has made before (u64).
# Numbers are big-endian there. So a rerun, whose root is another, has the same names. All integers are unsigned. Times are durations, never clock readings,
# except `Log.unixNs`.

enum Kind {
  unspecified @0;
  call @1;
  reply @2;
  chunk @3;
  signal @4;
  control @5;
  log @6;
}

struct Header {
  kind @0 :UInt16;   # a Kind; a peer that reads an unknown one closes the connection
  flags @1 :UInt16;
}

const callRun :UInt16 = 1;        # client -> node: this call is the root of the run that `startRun` named before
const callParks :UInt16 = 2;      # interpreter -> node: the parent waits for this call from now on (its slot is lent)
const callInRun :UInt16 = 4;      # node -> interpreter: it belongs to a run, so the ids of its child calls are derived (below)

const callOverwrites :UInt16 = 8; # its run looks nothing up, and its results replace what is kept; passed on to its children
const callUncached :UInt16 = 16;  # its run uses no kept results and keeps none; passed on to its children
const callStreams :UInt16 = 32;   # node -> interpreter: its caller takes the reply in parts as they are made: Chunks with
                                  # chunkOfStream, then the Reply with the rest
const callInput :UInt16 = 64;     # node -> interpreter: its caller has more to say than the arguments. The interpreter asks for it
                                  # with the signal `more`, and it comes as Chunks with chunkOfStream; the last has chunkLast

struct Call {
  # "Run this task with these arguments." client -> node, node -> interpreter, interpreter -> node (a child call).
  kind @0 :UInt16;
  flags @1 :UInt16;               # call...
  depth @2 :UInt16;               # 0 for a root
  attempt @3 :UInt16;             # 1 for the first execution; set by the node
  environment @4 :UInt32;         # handle that `openEnvironment` gave on this connection (node -> interpreter: 0)
  task @5 :UInt32;                # index into that environment's `tasks`
  slot @6 :UInt32;                # node -> interpreter: index into the slot table
  generation @7 :UInt32;          # node -> interpreter: low 32 bits of the word's generation
  callHi @8 :UInt64;
  callLo @9 :UInt64;
  rootHi @10 :UInt64;             # the run or, for plain calls, the client; the unit of fairness
  rootLo @11 :UInt64;
  parentHi @12 :UInt64;           # 0, 0 for a root
  parentLo @13 :UInt64;
  deadlineMs @14 :UInt64;         # time that remains for the call as a whole; 0: unlimited
  traceHi @15 :UInt64;            # W3C trace id; 0, 0: none
  traceLo @16 :UInt64;
  span @17 :UInt64;               # W3C parent span id
  size @18 :UInt64;               # bytes of the whole value; more than in `body` means Chunks follow
  body @19 :Data;                 # arguments, CBOR (see the values module of the SDK)

  # Before the arguments of a task whose results are kept there is another item, the key of the inputs: tag 0xBE16 and a byte
  # string with its length in one or two bytes (D9 BE 16 58 LL or D9 BE 16 59 LL LL), whose content is
  #   u8 1 (format), u8 flags (1: no lookup, the result replaces what is kept), the digest of the inputs (32 bytes),
  #   the digest of each input that counts (32 bytes each)
  # where the digest of an input is the SHA-256 of its canonical form, and that of the inputs the SHA-256 over the length of each
  # name (u64, big-endian), the name and the digest. The node takes the item off; without it a call is not looked up.
}

const replyFailed :UInt16 = 1;    # `body` is a failure, not a value
const replyText :UInt16 = 2;      # the failure is one UTF-8 sentence by the node (else the CBOR failure map of the SDK)
const replyCold :UInt16 = 4;      # the call waited for a replica to start
const replyHit :UInt16 = 16;      # nothing was executed: the value was kept
const replyUnstarted :UInt16 = 8; # interpreter -> node: refused before user code ran (free to run elsewhere)

struct Reply {
  # The one answer of a call. interpreter -> node, node -> client, node -> interpreter (of a child call).
  kind @0 :UInt16;
  flags @1 :UInt16;
  code @2 :UInt16;                # 0, or a value of core/errors.hpp
  attempt @3 :UInt16;             # executions that were started
  slot @4 :UInt32;                # interpreter -> node: as in the Call
  generation @5 :UInt32;
  callHi @6 :UInt64;
  callLo @7 :UInt64;
  size @8 :UInt64;                # bytes of the whole value; more than in `body` means Chunks follow
  runNs @9 :UInt64;               # time in user code
  queuedNs @10 :UInt64;           # time in queues of the node
  startNs @11 :UInt64;            # time spent waiting for a replica to start; 0 when warm
  forkNs @13 :UInt64;             # of a cold call: until the process of its replica was there, without importNs
  importNs @14 :UInt64;           # of a cold call: that its replica waited for an interpreter to start and import the code
  body @12 :Data;
}

const chunkLast :UInt16 = 1;
const chunkOfReply :UInt16 = 2;   # continues a Reply; otherwise a Call or an upload
const chunkOfStream :UInt16 = 4;  # interpreter -> node: a part of a reply that comes in parts, before the Reply; node -> interpreter:
                                  # a part of the call's input. `request` is the slot of the call and 1, `offset` counts the bytes
                                  # before it. Of a reply no more than defaults::reply_window_bytes may be on their way: the signal
                                  # `more` grants others. Of an input comes what was asked for, and that is no more either

struct Chunk {
  kind @0 :UInt16;
  flags @1 :UInt16;
  request @2 :UInt32;             # upload of a bundle: request number of its `putBundle`; else 0
  callHi @3 :UInt64;
  callLo @4 :UInt64;
  offset @5 :UInt64;              # of this part within the value; parts come in order, without gaps
  body @6 :Data;
}

enum What {
  unspecified @0;
  cancel @1;                      # client -> node, interpreter -> node (a child), node -> interpreter: stop this call
  parked @2;                      # interpreter -> node: this call waits for children, its slot is free
  resumed @3;                     # interpreter -> node: this call has taken a slot again
  progress @4;                    # node -> client: `value` calls of this run are done
  recalled @5;                    # node -> interpreter: drop the unstarted call in this slot (only a hint: the slot
                                  # table has decided already)
  more @6;                        # node -> interpreter: `value` bytes of the parts of this call's reply have been taken
                                  # interpreter -> node: there is room for `value` bytes more of this call's input
}

struct Signal {
  kind @0 :UInt16;
  flags @1 :UInt16;
  what @2 :UInt16;
  code @3 :UInt16;                # reason, a value of core/errors.hpp
  slot @4 :UInt32;
  generation @5 :UInt32;
  callHi @6 :UInt64;
  callLo @7 :UInt64;
  value @8 :UInt64;
  body @9 :Data;                  # reason in words, may be empty
}

const controlResponse :UInt16 = 1;
const controlMore :UInt16 = 2;    # further responses to this request follow

struct Control {
  # Everything rare. `body` is the JSON rendering (Cap'n Proto's JSON codec) of control.capnp's Request or Response.
  kind @0 :UInt16;
  flags @1 :UInt16;
  request @2 :UInt32;             # chosen by the asker, unique among its open requests
  body @3 :Data;
}

const streamOut :UInt16 = 1;
const streamErr :UInt16 = 2;
const streamSystem :UInt16 = 3;   # a line by the node or the worker about this call

struct Log {
  # Output of a call. interpreter -> node, node -> client (who asked with `logs` or `startRun`).
  kind @0 :UInt16;
  flags @1 :UInt16;               # streamOut, streamErr, streamSystem
  dropped @2 :UInt32;             # bytes dropped before this text because a limit was reached
  callHi @3 :UInt64;              # 0, 0: not attributable to a call
  callLo @4 :UInt64;
  unixNs @5 :UInt64;
  replica @6 :UInt64;
  body @7 :Data;                  # UTF-8 text; the reader replaces what is not
}

# The slot table of a replica: one memfd of u64 words, sealed against resizing, mapped by node and interpreter. It
# answers "did this call begin?" without the interpreter's help, also after its death. A word is generation << 8 | state.
#   node:        empty|done -> sent (generation + 1), sent -> recalled, started -> cancelled
#   interpreter: sent -> started (before user code), started|cancelled -> done (before the Reply is written)
# All by compare-and-swap; an interpreter whose swap fails drops the call silently. The node treats the words as
# hostile input: they select among legal histories, nothing more.
const slotEmpty :UInt8 = 0;
const slotSent :UInt8 = 1;
const slotStarted :UInt8 = 2;
const slotRecalled :UInt8 = 3;
const slotCancelled :UInt8 = 4;
const slotDone :UInt8 = 5;
