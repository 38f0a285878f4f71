@0x855d031fee7c7d3a;
# What nodes say to each other on the control stream of their link, each a Cap'n Proto message of its own: the consensus of
# the control log, commands on their way into it, heartbeats. The sender is known by its certificate. Nothing here relies on
# order or delivery: what is lost is repeated, what comes twice does no harm.
#
# An entry of the log carries an Entry: a command and who waits for its outcome.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("hearth::log");

using Log = import "control_log.capnp";

struct Entry {
  # The data of an entry of the log.
  origin @0 :Log.Id;              # the node whose submission it is; 0, 0: nobody waits
  number @1 :UInt64;              # of the submission
  command @2 :Log.Command;
}

struct Outcome {
  # Of a command.
  code @0 :UInt16;                # 0, or a value of core/errors.hpp
  message @1 :Text;               # of a refusal
  index @2 :UInt64;
  owner @3 :UInt64;               # seat
  epoch @4 :UInt64;
}

struct ControlMessage {
  format @0 :UInt32;              # formatNumber of control_log.capnp
  union {
    unknown @1 :Void;             # of a newer Hearth; ignored
    raft @2 :RaftMessage;
    submit :group {               # to the leader: into the log with it
      number @3 :UInt64;          # chosen by the sender; the same again when it is repeated
      command @4 :Log.Command;
    }
    turnedDown :group {           # from the leader: it was not written
      number @5 :UInt64;
      retry @6 :Bool;             # no leader here, or not now; else `result` says why
      result @7 :Outcome;
    }
    askIndex @8 :UInt64;          # to the leader: number of a read that begins
    tellIndex :group {            # from the leader: a state this far may answer it
      number @9 :UInt64;
      index @10 :UInt64;
    }
    heartbeat @11 :NodeHeartbeat;
  }
}

struct NodeHeartbeat {
  # To the leader, twice a second.
  seat @0 :UInt64;
  number @1 :UInt64;              # counted by the sender
  applied @2 :UInt64;             # index that its state has
  loopLagMs @3 :UInt64;           # how late its work loop is
  renewSeen @4 :UInt64;           # highest number of its own that it found in the log
  reach @5 :List(Log.Id);         # nodes to which its link is up
}

# -- consensus, as in cluster/raft_types.hpp ----

enum EntryKind {
  nothing @0;
  command @1;
  seal @2;
}

struct LogEntry {
  index @0 :UInt64;
  term @1 :UInt64;
  kind @2 :EntryKind;
  data @3 :Data;                  # an Entry; empty for `nothing`
  voters @4 :List(Log.Id);        # of a seal
}

struct Mark {
  # The state after an entry, and who decides what follows.
  index @0 :UInt64;
  term @1 :UInt64;
  generation @2 :UInt32;
  voters @3 :List(Log.Id);
}

struct RaftMessage {
  generation @0 :UInt32;
  term @1 :UInt64;
  union {
    voteRequest :group {
      lastIndex @2 :UInt64;
      lastTerm @3 :UInt64;
      pre @4 :Bool;               # only asks
      forced @5 :Bool;            # the leader wants it
    }
    voteReply :group {
      pre @6 :Bool;
      granted @7 :Bool;
    }
    append :group {
      prevIndex @8 :UInt64;
      prevTerm @9 :UInt64;
      commit @10 :UInt64;
      round @11 :UInt64;          # of reads
      entries @12 :List(LogEntry);
    }
    appendReply :group {
      accepted @13 :Bool;
      match @14 :UInt64;
      rejected @15 :UInt64;
      hint @16 :UInt64;
      round @17 :UInt64;
    }
    snapshotChunk :group {
      mark @18 :Mark;
      offset @19 :UInt64;
      data @20 :Data;
      last @21 :Bool;
      digest @22 :Text;           # of the whole content
    }
    snapshotReply :group {
      index @23 :UInt64;
      ofGeneration @24 :UInt32;
      offset @25 :UInt64;         # wanted next
      done @26 :Bool;
    }
    generationNotice :group {
      mark @27 :Mark;
      origin @28 :Bool;
    }
    behind :group {
      needsSnapshot @29 :Bool;
    }
    timeoutNow @30 :Void;
  }
}
