# Completion of the command `hearth` for bash.
eval "$(hearth completion bash)"
