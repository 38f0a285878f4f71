@0xa3d58e1f6b90c274;
# Messages of link_messages.capnp about calls whose reply and input come in parts, between a caller and a replica of two nodes.
using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("hearth::said");
using Value = import "link_words.capnp".Value;
using Id = import "link_words.capnp".Id;
using Caller = import "link_words.capnp".Caller;

struct Parts {
  number @0 :UInt64;
  items @1 :List(Item);
  replica @2 :Caller;

  struct Item {
    id @0 :Id;
    attempt @1 :UInt16;
    data @2 :Value;                   # inline: another would be overtaken
  }
}

struct More {
  number @0 :UInt64;
  id @1 :Id;
  size @2 :UInt64;
  sender @3 :Caller;
}

struct Input {
  number @0 :UInt64;
  id @1 :Id;
  data @2 :Value;                     # likewise
  isLast @3 :Bool;
}
