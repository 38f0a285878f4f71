@0xb7a3c05d3f1e9482;
# Between two nodes. A node listens at one TCP port. Who connects sends one byte, the kind of the connection, and then speaks
# TLS 1.3:
#
#   0x01 control   heartbeats and the control log
#   0x02 calls     calls, results and credit
#   0x03 bulk      chunks of large values
#   0x04 client    a client of another machine
#   0x05 join      a machine that wants to become a node
#
# control, calls and bulk: both sides show certificates of the cluster's authority. The lower uuid of a pair dials, and checks
# that the other one's certificate is that of the node it dialed; the other one checks that the certificate is a member's. Then
# each sends a LinkHello as its first frame. The second frame is what it thinks of the other's: empty when they agree, else a
# LinkRefusal, and the connection ends. Only when both agree on every channel do frames follow.
#
# client, join: only the node shows a certificate, and sends its authority's along. The first frame is the token. Of a client,
# the frames of frame.capnp follow. To a machine that wants to join the node sends a JoinAnswer, empty when the token is good,
# reads a JoinRequest, sends another JoinAnswer, and closes.
#
# A frame: its length in bytes as a little-endian 32-bit number, 32 zero bits, the bytes, and zeros up to a multiple of 8. At
# most 4 MiB on control, 1 MiB and 8 KiB on calls, 257 KiB on bulk, 16 KiB for a JoinRequest, 1 KiB for a token. Anything else ends the
# connection.

struct LinkHello {
  version @0 :UInt32;                 # the newest protocol that the sender speaks,
  versionMin @1 :UInt32;              # and the oldest; the newest that both speak counts
  clusterHi @2 :UInt64;               # uuids, the first half big-endian in Hi
  clusterLo @3 :UInt64;
  nodeHi @4 :UInt64;                  # the sender; the same as in its certificate
  nodeLo @5 :UInt64;
  incarnation @6 :UInt64;             # counted on the node's disk, one more at each start
  process @7 :UInt64;                 # random: two processes with one incarnation are a copied disk, and the later is refused
}

struct LinkRefusal {
  sentence @0 :Text;                  # continues one about the node that is refused
  isOldCopy @1 :Bool;                 # a later or another process has said hello for that node: it ends
}

struct JoinRequest {
  request @0 :Text;                   # PKCS #10, PEM; its CN is the node's uuid
  name @1 :Text;
  listen @2 :Text;                    # "host:port" at which its peers will reach it
}

struct JoinAnswer {
  refusal @0 :Text;                   # one sentence; empty: welcome
  certificate @1 :Text;               # PEM
  cluster @2 :Text;                   # cluster.toml for the new node
}
