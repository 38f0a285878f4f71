"""Declares, checks, binds, bundles and unpacks once, with nothing but the interpreter that runs it.

`test_interpreters.py` runs it with every Python it finds; a failed assertion is a failure of that Python.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
import tempfile
from typing import Any, Optional

import hearth

env = hearth.TaskEnvironment("smoke", reusable=hearth.ReusePolicy(replicas=(1, 4), concurrency=2))
plain = env.clone_with("plain", reusable=None, depends_on=[env])


@env.task(retries=hearth.RetryStrategy(1, backoff=hearth.Backoff(1, 2, 8)), timeout=5)
async def twice(x: int, note: Optional[str] = None) -> int:
    return 2 * x


@plain.task
def power(base: int, *, exponent: int = 2) -> int:
    return base**exponent


def main() -> None:
    assert (power(3), asyncio.run(twice(4)), asyncio.run(power.aio(2))) == (9, 8, 4)
    assert twice.hints == {"x": int, "note": Optional[str], "return": int}
    assert power.bind((3,), {}) == {"base": 3, "exponent": 2}
    other = power.override(retries=0, resources=hearth.Resources(cpu="500m", memory="1Gi", gpu=hearth.GPU("T4", 1)))
    assert pickle.loads(pickle.dumps(other)).env.resources.memory_bytes == (1024**3, 1024**3)
    assert pickle.loads(pickle.dumps(power)) is power
    error = pickle.loads(pickle.dumps(hearth.errors.from_failure("queue_full", "system", "text")))
    assert isinstance(error, hearth.errors.SlowDownError) and str(error) == "text"
    refused(lambda: hearth.ReusePolicy(replicas=(5, 1)), ValueError)
    refused(lambda: env.task(lambda x: x), ValueError)
    refused(lambda: power.bind((), {}), TypeError)
    bundle()


def refused(act: Any, error: type) -> None:
    try:
        act()
    except error:
        return
    raise AssertionError(f"{act} is not refused")


def bundle() -> None:
    from hearth import _bundle

    made = _bundle.bundle_for(env)
    assert made.digest and _bundle.bundle_for(plain) is made
    name = os.path.relpath(os.path.abspath(__file__), made.root).replace(os.sep, "/")
    assert name in made.files, made
    definition = env.definition(bundle=made.digest)
    assert definition["tasks"][0]["module"] == "definitions_smoke", definition
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, made.digest)
        _bundle.unpack(made.data, target, made.digest)
        assert os.path.isfile(os.path.join(target, name))
        assert _bundle.search_paths(target)[0] == os.path.dirname(os.path.join(target, name))


if __name__ == "__main__":
    main()
    print("ok", ".".join(map(str, sys.version_info[:3])))
