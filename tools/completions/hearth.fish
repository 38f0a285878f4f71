# Completion of the command `hearth` for fish.
hearth completion fish | source
