"""What `tools/netcluster` is made of: test nodes in network namespaces of their own, faults, load and reports."""
