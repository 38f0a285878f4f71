"""Work that is done once: a cached task, and what is computed again when something of it changes.

    hearth run examples/cached.py main --n 20
    hearth run examples/cached.py main --n 20                    # answered from the cache, all of it
    hearth run --overwrite-cache examples/cached.py main --n 20  # executed again

Change `EXPONENT`, and the results of both tasks are computed again, because `weigh` uses it and `main` uses `weigh`.
"""

from __future__ import annotations

import time

import hearth

env = hearth.TaskEnvironment("cached", reusable=hearth.ReusePolicy(replicas=(1, 2)), cache="auto")
driver = env.clone_with("cached-driver", reusable=None, depends_on=[env])

EXPONENT = 3


def power(x: int) -> int:
    """What `weigh` uses; a change here counts, a change of this text does not."""
    return x**EXPONENT


@env.task(cache=hearth.Cache("auto", ignored_inputs="slowness", ttl=24 * 3600))
def weigh(x: int, slowness: float = 0.05) -> int:
    """Takes its time. How long it takes does not distinguish calls."""
    time.sleep(slowness)
    return power(x)


@driver.task
def main(n: int = 20) -> int:
    """The sum of n weights."""
    return sum(hearth.map(weigh, range(n), [0.05] * n))


if __name__ == "__main__":
    for attempt in ("first", "second"):
        began = time.perf_counter()
        handle = weigh.spawn(7)
        print(f"{attempt}: {handle.result()} in {(time.perf_counter() - began) * 1000:.1f} ms {handle.cache_status}")
