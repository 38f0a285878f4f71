@0xd3b19c5e7f402a86;
# What `hearth check` asks nodes: the JSON rendering of Inspection is the name of a Get of `checks` (control.capnp), and goes
# to every node of a cluster; the answer of each is the `findings` of its NodeRow.

struct Inspection {
  environments @0 :List(InspectedEnvironment);
}

struct InspectedEnvironment {
  name @0 :Text;
  python @1 :Text;                    # absolute path of the interpreter; empty: the node's own choice
  isolation @2 :Text;                 # as in Environment, and the next one
  mounts @3 :List(Text);
  modules @4 :List(Text);             # that its code imports, and that are not part of it
  paths @5 :List(Text);               # absolute ones that its code names
  packages @6 :Bool;                  # what is installed is asked for, too
}

struct Sighting {
  # What an interpreter says that was started as one of the environment is, as JSON on its standard output.
  python @0 :Text;                    # "3.11.2"
  modules @1 :List(SeenModule);       # those that are there
  paths @2 :List(Text);               # likewise
  packages @3 :List(SeenModule);      # all that is installed, with versions, if that was asked for
}

struct SeenModule {
  name @0 :Text;
  version @1 :Text;                   # of its package; empty: not known
}
