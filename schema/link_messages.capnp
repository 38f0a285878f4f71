@0x8f5c1b7e24d3a960;
# What nodes say to each other about calls, replicas and runs (actors/link_messages.hpp explains each message). A frame of the
# channel `calls` is one Batch, as a Cap'n Proto stream message, and behind it, each beginning at a multiple of 8 bytes, the
# values that its messages carry, as they are. A value that is longer than 64 KiB goes beside, as a numbered
# transfer over the channel `bulk`; the message names the transfer and waits for it, while those behind it do not.
#
# A frame of `bulk` is one chunk: [u64 number of the transfer][u64 offset of the chunk in it][bytes]. Chunks of a transfer come
# in order, without gaps; those of different transfers interleave. Numbers grow, from 1. A frame of `calls` of 8 bytes is an echo
# to measure the link: [u64 2 * number], answered with [u64 2 * number + 1]. What does not fit ends the link.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("hearth::said");
using Rows = import "control.capnp";
using Apps = import "apps.capnp";
using Value = import "link_words.capnp".Value;
using Id = import "link_words.capnp".Id;
using Caller = import "link_words.capnp".Caller;
using Failure = import "link_words.capnp".Failure;
using Header = import "link_words.capnp".Header;
using Spec = import "link_words.capnp".Spec;
using Streams = import "link_streams.capnp";

struct Batch {
  messages @0 :List(Message);
}

struct Message {
  union {
    unspecified @0 :Void;
    openEnvironment @1 :OpenEnvironment;
    opened @2 :Opened;
    invoke @3 :Invoke;
    cancel @4 :Cancel;
    probe @5 :Probe;
    strays @6 :Strays;
    replies @7 :Replies;
    logged @8 :Logged;
    order @9 :Order;
    withdraw @10 :UInt64;             # a replica, here and below
    promote @11 :UInt64;
    forget @12 :Forget;
    dispatch @13 :Dispatch;
    recall @14 :Recall;
    cancelTicket @15 :CancelTicket;
    retire @16 :Retire;
    adopt @17 :Adopt;
    replicaEvent @18 :ReplicaEvent;
    adopted @19 :Adopted;
    freeCapacity @20 :FreeCapacity;
    ask @21 :Ask;
    answer @22 :Answer;
    large @23 :Value;                 # a frame of this kind with one message, for which a frame has no room
    recorded @24 :Recorded;
    sought @25 :Sought;
    found @26 :Found;
    acted @27 :Acted;
    parts @28 :Streams.Parts;
    more @29 :Streams.More;
    input @30 :Streams.Input;
  }
}

struct OpenEnvironment {
  request @0 :UInt64;
  spec @1 :Spec;
  deploy @2 :Bool;
  epoch @3 :UInt64;
}

struct Opened {
  request @0 :UInt64;
  isNew @1 :Bool;
  error @2 :Failure;
}

struct Call {
  header @0 :Header;
  arguments @1 :Value;
  version @2 :Text;
  caller @3 :Caller;
  output @4 :Caller;
  inRun @5 :Bool;
  replays @6 :Bool;                   # it, or a call above it, ran before
  streams @7 :Bool;                   # `output` takes the reply in parts,
  hasInput @8 :Bool;                  # and has more to say than the arguments
}

struct Invoke {
  key @0 :Text;
  epoch @1 :UInt64;
  calls @2 :List(Call);
}

struct Cancel {
  key @0 :Text;
  items @1 :List(Item);

  struct Item {
    caller @0 :Caller;
    id @1 :Id;
    code @2 :UInt16;
    reason @3 :Text;
  }
}

struct Probe {
  key @0 :Text;
  epoch @1 :UInt64;
  caller @2 :Caller;
  calls @3 :List(Id);
}

struct Strays {
  key @0 :Text;
  epoch @1 :UInt64;
  calls @2 :List(Id);
  reason @3 :Text;
}

struct Reply {
  id @0 :Id;
  code @1 :UInt16;
  isText @2 :Bool;
  cold @3 :Bool;
  attempt @4 :UInt16;
  runNs @5 :UInt64;
  queuedNs @6 :UInt64;
  startNs @7 :UInt64;
  forkNs @8 :UInt64;
  importNs @9 :UInt64;
  value @10 :Value;
  initNs @11 :UInt64;
}

struct Replies {
  number @0 :UInt64;
  items @1 :List(Reply);
}

struct LogText {
  call @0 :Id;
  root @1 :Id;
  replica @2 :UInt64;
  stream @3 :UInt16;
  dropped @4 :UInt32;
  unixNs @5 :UInt64;
  text @6 :Value;
}

struct Logged {
  number @0 :UInt64;
  items @1 :List(LogText);
}

struct Recorded {
  number @0 :UInt64;
  items @1 :List(Item);

  struct Item {
    root @0 :Id;
    reply @1 :Reply;                  # names the child
  }
}

struct Sought {
  number @0 :UInt64;
  root @1 :Id;
  calls @2 :List(Id);
  seeker @3 :Caller;
}

struct Found {
  number @0 :UInt64;
  items @1 :List(Item);

  struct Item {
    id @0 :Id;
    isThere @1 :Bool;
    reply @2 :Reply;                  # when it is
  }
}

struct Acted {
  number @0 :UInt64;
  items @1 :List(Item);

  struct Item {
    root @0 :Id;
    id @1 :Id;
    parent @2 :Id;
    depth @3 :UInt16;
    task @4 :Text;
    key @5 :Text;                     # of its environment, which the sender owns
    phase @6 :Phase;
    attempt @7 :UInt16;
    cold @8 :Bool;
    queuedNs @9 :UInt64;
    startNs @10 :UInt64;
    forkNs @11 :UInt64;
    importNs @12 :UInt64;
    runNs @13 :UInt64;
    replica @14 :UInt64;
    error @15 :Text;
    cache @16 :Text;
    producer @17 :Text;
  }
  enum Phase {
    queued @0;
    running @1;
    succeeded @2;
    failed @3;
    aborted @4;
    timedOut @5;
  }
}

struct Order {
  key @0 :Text;
  epoch @1 :UInt64;
  spec @2 :Spec;
  replica @3 :UInt64;
  concurrency @4 :UInt32;
  slots @5 :UInt32;
  fresh @6 :Bool;
  forNested @7 :Bool;
  rehearses @8 :Bool;
}

struct Forget {
  key @0 :Text;
  version @1 :Text;
}

struct Dispatch {
  replica @0 :UInt64;
  epoch @1 :UInt64;
  items @2 :List(Item);

  struct Item {
    ticket @0 :UInt64;
    attempt @1 :UInt16;
    cold @2 :Bool;
    queuedNs @3 :UInt64;
    header @4 :Header;
    arguments @5 :Value;
    inRun @6 :Bool;
    caller @7 :Caller;
    output @8 :Caller;
    replays @9 :Bool;
    streams @10 :Bool;
    hasInput @11 :Bool;
  }
}

struct Recall {
  replica @0 :UInt64;
  tickets @1 :List(UInt64);
}

struct CancelTicket {
  replica @0 :UInt64;
  ticket @1 :UInt64;
}

struct Retire {
  replica @0 :UInt64;
  atOnce @1 :Bool;
  reason @2 :Text;
}

struct Adopt {
  key @0 :Text;
  epoch @1 :UInt64;
}

struct Attachment {
  slots @0 :UInt32;
  canHoldAhead @1 :Bool;
  forked @2 :Bool;
  spawnReason @3 :Text;
  forkNs @4 :UInt64;
  importNs @5 :UInt64;
}

struct ReplicaEvent {
  key @0 :Text;
  epoch @1 :UInt64;
  items @2 :List(Item);

  struct Item {
    replica @0 :UInt64;
    union {
      unspecified @1 :Void;
      ready @2 :Ready;
      startFailed @3 :Failure;
      done @4 :Done;
      parked @5 :UInt64;              # a ticket, here and below
      resumed @6 :UInt64;
      recalled @7 :List(UInt64);
      lost @8 :Lost;
      waiting @9 :Text;
      overcommitted @10 :Text;
      memory @11 :UInt64;
    }
  }

  struct Ready {
    how @0 :Attachment;
    pid @1 :UInt32;
    startNs @2 :UInt64;
  }

  struct Done {
    ticket @0 :UInt64;
    code @1 :UInt16;
    unstarted @2 :Bool;
    runNs @3 :UInt64;
    failed @4 :Reply;                 # when the code is not 0
  }

  struct Lost {
    why @0 :Failure;
    begun @1 :List(UInt64);
    unbegun @2 :List(UInt64);
  }
}

struct Adopted {
  key @0 :Text;
  epoch @1 :UInt64;
  items @2 :List(Item);

  struct Item {
    replica @0 :UInt64;
    version @1 :Text;
    concurrency @2 :UInt32;
    how @3 :Attachment;
    pid @4 :UInt32;
    startNs @5 :UInt64;
  }
}

struct FreeCapacity {
  memoryBytes @0 :UInt64;
  cpuMillis @1 :UInt32;
  gpus @2 :UInt32;
  replicas @3 :UInt32;
  load @4 :UInt64;
}

struct Ask {
  request @0 :UInt64;
  what @1 :Text;
  words @2 :List(Text);
  limit @3 :UInt32;
  follow @4 :Bool;
  caller @5 :Caller;
  calls @6 :List(Id);
  children @7 :List(Recorded.Item);
  value @8 :Value;
}

struct Answer {
  request @0 :UInt64;
  error @1 :Failure;
  content :union {
    nothing @2 :Void;
    environments @3 :List(Rows.EnvironmentRow);
    replicas @4 :List(Rows.ReplicaRow);
    nodes @5 :List(Rows.NodeRow);
    events @6 :List(Rows.EventRow);
    runs @7 :List(Rows.RunRow);
    actions @8 :List(Rows.ActionRow);
    reply @9 :Reply;
    value @10 :Value;
    children @11 :List(Recorded.Item);
    apps @12 :List(Apps.AppPart);
  }
}
