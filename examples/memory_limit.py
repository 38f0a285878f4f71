"""A task that needs more memory than its environment allows, and a caller that gives it more.

The task takes 1 GiB where a replica may use 250 MiB: it ends in `OOMError`, in the caller, and the caller runs it once
more in a fresh interpreter with a larger limit. Nothing else on the node notices.

    hearth python examples/memory_limit.py
"""

from __future__ import annotations

import hearth
from hearth import errors

env = hearth.TaskEnvironment(
    name="memory-limit",
    resources=hearth.Resources(cpu=1, memory="250Mi"),
    reusable=hearth.ReusePolicy(replicas=1, idle_ttl=300),
)

MIB = 2**20


@env.task(retries=hearth.RetryStrategy(lost=0))
def allocate(mib: int) -> int:
    """Takes this much memory, touches all of it, and says how much it was."""
    taken = b"\1" * (mib * MIB)
    return len(taken) // MIB


def with_fallback(mib: int) -> int:
    """What `allocate` answers, with a larger limit where its own is too small."""
    try:
        return allocate.remote(mib)
    except errors.OOMError as error:
        print(f"too much for {env.resources.memory}: {error}")
        larger = allocate.override(reusable="off", resources=hearth.Resources(cpu=1, memory="2Gi"))
        return larger.remote(mib)


if __name__ == "__main__":
    print(with_fallback(100), "MiB")
    print(with_fallback(1024), "MiB")
