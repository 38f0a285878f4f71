@0xc8f4623e0ab75d19;
# The words of which what nodes say to each other is made (link_messages.capnp).
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("hearth::said");
using Environment = import "environment.capnp".Environment;

struct Value {
  size @0 :UInt64;                    # bytes; 0: nothing else counts
  at @1 :UInt32;                      # where it begins, in words from the end of the Batch
  transfer @2 :UInt64;                # not 0: it is this transfer instead
}

struct Id {
  hi @0 :UInt64;
  lo @1 :UInt64;
}

struct Caller {
  node @0 :Id;
  number @1 :UInt64;                  # 0: nobody
}

struct Failure {
  code @0 :UInt16;                    # core/errors.hpp; 0: none
  message @1 :Text;
}

struct Header {
  id @0 :Id;
  root @1 :Id;
  parent @2 :Id;
  depth @3 :UInt16;
  task @4 :UInt32;
  deadlineMs @5 :UInt64;
  traceHi @6 :UInt64;
  traceLo @7 :UInt64;
  span @8 :UInt64;
  cache @9 :UInt16;  # flags of a call
}

struct Spec {
  environment @0 :Environment;
  version @1 :Text;
}
