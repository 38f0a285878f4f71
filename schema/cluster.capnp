@0xe1a90c36d57b48f2;
# What is told of a cluster (control.capnp).

struct ClusterState {
  name @0 :Text;
  id @1 :Text;
  nodeId @2 :Text;                    # of the node that was asked
  holds @3 :Bool;                     # whether it may act for the cluster now
  whyNot @4 :Text;
  members @5 :List(MemberRow);
}

struct MemberRow {
  name @0 :Text;
  id @1 :Text;
  address @2 :Text;                   # of its link
  seat @3 :UInt64;                    # 0: the node is not there
  incarnation @4 :UInt64;             # starts of the node
  voter @5 :Bool;
  leader @6 :Bool;
  draining @7 :Bool;
  cpuMillis @8 :UInt32;               # what it has for replicas
  memoryBytes @9 :UInt64;
  gpus @10 :UInt32;
}

struct TokenRow {
  # A token for remote clients; nobody keeps its secret.
  name @0 :Text;
  scopes @1 :List(Text);
  expiresUnixMs @2 :UInt64;           # 0: never
}
