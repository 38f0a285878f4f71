"""The programs of Flyte's pages about reusable containers and ReusePolicy, block by block, through ``import flyte``.

Those of its page about apps are in test_flyte_apps.py, those of flytekit's page about caching in test_cache_flytekit.py. Where a
block names what it does not have (a model, a transform), the test gives it; where it only declares, the test says what is
declared, and uses it.
"""

from __future__ import annotations

from typing import Callable

import pytest
from conftest import Node
from executions import Executions
from flyte_program import replicas, said, with_gpus


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    """With two GPUs that are none: what asks for one gets it, and no device is touched."""
    return with_gpus(make_node, "0,1")


# -- Reusable containers ---------------------------------------------------------------------------------------------


def test_reusable_containers_basic_usage(node: Node) -> None:
    """Ten calls of a task, one after another, reuse the containers of a pool of two, of which the parent has one."""
    got = said(
        node,
        """
        env = flyte.TaskEnvironment(
            name="reusable-env",
            resources=flyte.Resources(memory="1Gi", cpu="500m"),
            reusable=flyte.ReusePolicy(
                replicas=2,        # Number of container instances
                idle_ttl=300       # 5 minutes idle timeout
            )
        )

        @env.task
        async def compute_task(x: int) -> int:
            return x * x

        @env.task
        async def main() -> list[int]:
            # These tasks will reuse containers from the pool
            results = []
            for i in range(10):
                result = await compute_task(i)
                results.append(result)
            return results
        """,
        """
        if __name__ == "__main__":
            run = flyte.run(main)
            run.wait()
            print(json.dumps([run.phase, list(run.outputs()[0]), run.name]))
        """,
    )
    assert got[:2] == ["succeeded", [x * x for x in range(10)]]
    actions = [row for row in node.rows("actions", got[2]) if row["task"].endswith("compute_task")]
    assert len(actions) == 10 and 1 <= len({row["replica"] for row in actions}) <= 2
    assert len(replicas(node, "reusable-env")) == 2  # as many as were asked for, and still there


def test_reusable_containers_configuration(node: Node) -> None:
    got = said(
        node,
        """
        reuse_policy = flyte.ReusePolicy(
            replicas=3,
            idle_ttl=600  # 10 minutes
        )
        """,
        "print(json.dumps([reuse_policy.min_replicas, reuse_policy.max_replicas, reuse_policy.idle_ttl.total_seconds()]))",
    )
    assert got == [3, 3, 600]


def test_machine_learning_inference(node: Node) -> None:
    """Twenty predictions load the model once per container, and there are two; a GPU is asked for, and counted."""
    executions = Executions(node.home)
    got = said(
        node,
        f"""
        class Model:
            def predict(self, data):
                return sum(data)

        def load_expensive_model():
            with open({str(executions.path)!r}, "a") as file:
                file.write("load ")
            return Model()
        """,
        """
        ml_env = flyte.TaskEnvironment(
            name="ml-inference",
            resources=flyte.Resources(memory="4Gi", cpu="2", gpu="1"),
            reusable=flyte.ReusePolicy(replicas=2, idle_ttl=1800)  # 30 minutes
        )

        # Model loaded once per container
        model = None

        @ml_env.task
        async def predict(data: list[float]) -> float:
            global model
            if model is None:
                model = load_expensive_model()  # Only happens once per container
            return model.predict(data)
        """,
        """
        if __name__ == "__main__":
            print(json.dumps(list(flyte.map(predict, [[float(n), 1.0] for n in range(20)]))))
        """,
    )
    assert got == [n + 1.0 for n in range(20)]
    assert len(replicas(node, "ml-inference")) == 2
    assert 1 <= len(executions.new()) <= 2


def test_batch_processing(node: Node) -> None:
    got = said(
        node,
        """
        def transform(item):
            return item["data"] * 2

        batch_env = flyte.TaskEnvironment(
            name="batch-processor",
            reusable=flyte.ReusePolicy(
                replicas=4,
                idle_ttl=300
            )
        )

        @batch_env.task
        async def process_item(item: dict) -> dict:
            return {"processed": item["data"], "result": transform(item)}

        @flyte.workflow
        async def batch_workflow(items: list[dict]) -> list[dict]:
            results = await flyte.map_task(process_item)(item=items)
            return results
        """,
        """
        if __name__ == "__main__":
            run = flyte.run(batch_workflow, items=[{"data": n} for n in range(12)])
            print(json.dumps([run.outputs()[0], run.name]))
        """,
    )
    assert got[0] == [{"processed": n, "result": 2 * n} for n in range(12)]
    assert sum(row["task"].endswith("process_item") for row in node.rows("actions", got[1])) == 12
    assert len(replicas(node, "batch-processor")) == 4


def test_task_design(node: Node) -> None:
    """A stateless task says the same wherever it runs; global state is what its container has seen."""
    got = said(
        node,
        """
        env = flyte.TaskEnvironment("design", reusable=flyte.ReusePolicy(replicas=1))

        def transform_data(data):
            return {key: value + 1 for key, value in data.items()}

        # Good: Stateless task
        @env.task
        async def process_data(data: dict) -> dict:
            result = transform_data(data)  # No side effects
            return result

        # Avoid: Tasks with global state
        cache = {}  # Global state

        @env.task
        async def stateful_task(data: dict) -> dict:
            cache[data["id"]] = data  # State leaks between executions
            return data

        @env.task
        async def leaked() -> int:
            return len(cache)
        """,
        """
        if __name__ == "__main__":
            same = [process_data.remote({"a": 1}) for _ in range(2)]
            for n in range(3):
                stateful_task.remote({"id": n})
            print(json.dumps([same, leaked.remote()]))
        """,
    )
    assert got == [[{"a": 2}, {"a": 2}], 3]


def test_resource_sizing(node: Node) -> None:
    """The page closes the bracket inside of a comment, so that its block is no Python; what it means is."""
    lines = [
        "env = flyte.TaskEnvironment(",
        '    name="optimized",',
        '    resources=flyte.Resources(memory="1Gi", cpu="500m"),',
        "    reusable=flyte.ReusePolicy(",
        "        replicas=3,      # Based on expected load",
        "        idle_ttl=600    # Reasonable cleanup interval    )",
        ")",
    ]
    with pytest.raises(SyntaxError, match="never closed"):
        compile("\n".join(lines), "page", "exec")
    lines[5] = lines[5].replace("    )", "\n    )")
    got = said(
        node, "\n".join(lines),
        "print(json.dumps([env.reusable.max_replicas, env.resources.memory_bytes[1], env.resources.cpu_millis[1]]))",
    )  # fmt: skip
    assert got == [3, 2**30, 500]


# -- ReusePolicy -----------------------------------------------------------------------------------------------------


def test_reuse_policy(node: Node) -> None:
    """(1, 3) replicas of two calls each are six calls at once, and no seventh."""
    got = said(
        node,
        """
        env = flyte.TaskEnvironment(
            name="fast_env",
            reusable=flyte.ReusePolicy(replicas=(1, 3), concurrency=2),
        )
        """,
        f"""
        FOLDER = {str(node.home)!r}

        @env.task
        async def together(n: int) -> int:
            mine = os.path.join(FOLDER, f"open-{{n}}")
            open(mine, "w").close()
            most = 0
            end = asyncio.get_running_loop().time() + 30
            while not os.path.exists(os.path.join(FOLDER, "enough")) and asyncio.get_running_loop().time() < end:
                most = max(most, sum(name.startswith("open-") for name in os.listdir(FOLDER)))
                if most >= 6:
                    open(os.path.join(FOLDER, "enough"), "w").close()
                await asyncio.sleep(0.01)
            os.remove(mine)
            return most

        if __name__ == "__main__":
            policy = env.reusable
            told = [policy.min_replicas, policy.max_replicas, policy.get_scaledown_ttl().total_seconds(), policy.concurrency]
            print(json.dumps([told, max(flyte.map(together, range(6)))]))
        """,
    )
    assert got == [[1, 3, 30, 2], 6]
    assert len(replicas(node, "fast_env")) == 3


def test_reuse_policy_takes_times_as_seconds_and_as_timedelta_and_has_a_least_idle_time(node: Node) -> None:
    got = said(
        node,
        """
        import datetime

        refused = ""
        try:
            flyte.ReusePolicy(idle_ttl=29)
        except ValueError as error:
            refused = str(error)
        default = flyte.ReusePolicy()
        policy = flyte.ReusePolicy(replicas=3, idle_ttl=datetime.timedelta(minutes=1), scaledown_ttl=45)
        print(json.dumps([
            [default.min_replicas, default.max_replicas, default.idle_ttl.total_seconds(), default.concurrency],
            policy.idle_ttl.total_seconds(), policy.get_scaledown_ttl().total_seconds(), refused,
        ]))
        """,
    )
    assert got[:3] == [[2, 2, 30, 1], 60, 45] and "30" in got[3]
