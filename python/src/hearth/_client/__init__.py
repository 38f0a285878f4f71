"""What a program uses to talk to its node: connection, calls, maps and runs."""
