@0xb3a90d6c51e7f248;
# What is told of the autoscaler's decisions (control.capnp).

struct Decision {
  # How many replicas to start or end, with all that it depended on (actors/autoscaler.hpp explains each).
  rule @0 :Text;
  start @1 :UInt32;
  end @2 :UInt32;
  predictedWaitNs @3 :UInt64;
  reproduced @4 :Bool;                # deciding again from the inputs gives the same
  min @5 :UInt32;
  max @6 :UInt32;
  concurrency @7 :UInt32;
  wanted @8 :Bool;
  places @9 :UInt32;
  ready @10 :UInt32;
  starting @11 :UInt32;
  lent @12 :UInt32;
  running @13 :UInt64;
  queued @14 :UInt64;
  saturatedNs @15 :UInt64;
  serviceNs @16 :UInt64;
  startUpNs @17 :UInt64;
  arrivalsPerSecond @18 :Float64;
  paused @19 :Bool;
  over @20 :UInt32;
  endAll @21 :Text;
  expectsCalls @22 :Bool;
  yields @23 :Bool;
  due @24 :UInt32;
  dueIdle @25 :UInt32;
  replacing @26 :UInt32;
  oldestStartNs @27 :UInt64;
  risingSlots @28 :Float64;
  metric @29 :Text;                   # concurrency | rate; empty: none, and the next two mean nothing
  target @30 :UInt32;                 # per replica
  observed @31 :Float64;              # open requests, or requests per second
}
