"""The programs of Flyte's page about autoscaling apps, block by block, through ``import flyte``.

Each is as it is in the page, with an application where that says "..."; a stand-in is served where the page has vLLM.
"""

from __future__ import annotations

import json
from typing import Callable

import pytest
from conftest import Node, wait_until
from flyte_program import HEAD, replicas, said, with_gpus
from web import Web

APP = """
async def hello(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})
"""

# The name in the page, what it says of scaling, replicas at once after serving, and how many there may be.
PATTERNS = {
    "basic": ("autoscaling-app", "replicas=(0, 1), scaledown_after=300", 0, 1),
    "always-on": ("always-on-api", "replicas=(1, 1)", 1, 1),
    "scale-to-zero": ("scale-to-zero-app", "replicas=(0, 1), scaledown_after=600", 0, 1),
    "high-availability": ("ha-api", "replicas=(2, 5), scaledown_after=300", 2, 5),
    "burstable": ("bursty-app", "replicas=(1, 10), scaledown_after=180", 1, 10),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_scaling_patterns(node: Node, pattern: str) -> None:
    """The block as it is, with an application where it says "..."; an app is served, has its minimum, and answers."""
    name, scaling, least, most = PATTERNS[pattern]
    node.write(
        "patterns.py",
        HEAD + APP + f"app_env = flyte.app.AppEnvironment(\n    name={name!r},\n    scaling=flyte.app.Scaling({scaling}),\n    app=hello,\n)\n",
    )
    node.command("serve", "--flyte", "patterns.py", "--wait")
    (row,) = node.rows("app", name)
    assert len(replicas(node, name)) == least
    assert (row["minReplicas"], row["maxReplicas"]) == (least, most)
    assert Web(node, name).ask("/").body == b"hello"
    wait_until(lambda: len(replicas(node, name)) == max(1, least), f"{name} has a replica")


def test_the_parameters_of_scaling(node: Node) -> None:
    got = said(
        node,
        """
        min_replicas, max_replicas, idle_ttl_seconds = 0, 4, 300
        words = dict(
            scaling=flyte.app.Scaling(
                replicas=(min_replicas, max_replicas),
                scaledown_after=idle_ttl_seconds,
            )
        )
        scaling = words["scaling"]
        print(json.dumps([scaling.min_replicas, scaling.max_replicas, scaling.scaledown_after.total_seconds()]))
        """,
    )
    assert got == [0, 4, 300]


VLLM = """
from flyteplugins.vllm import VLLMAppEnvironment
import flyte

vllm_app = VLLMAppEnvironment(
    name="llm-serving-app",
    model_hf_path="Qwen/Qwen3-0.6B",
    model_id="qwen3-0.6b",
    resources=flyte.Resources(cpu="4", memory="16Gi", gpu="L40s:1"),
    scaling=flyte.app.Scaling(
        replicas=(0, 1),  # Scale to zero when idle
        scaledown_after=600,  # 10 minutes idle before scaling down
    ),
    requires_auth=False,
)
"""

# Stands for vLLM, which needs a GPU: the same words on its command line, the same two paths.
STAND_IN = """#!/usr/bin/python3
import http.server, json, sys

words = sys.argv[1:]
port = int(words[words.index("--port") + 1])
model = words[words.index("--served-model-name") + 1]

class Models(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps({"data": [{"id": model, "root": words[1]}]}).encode() if self.path == "/v1/models" else b""
        self.send_response(200 if self.path in ("/v1/models", "/health") else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("127.0.0.1", port), Models).serve_forever()
"""


def test_a_model_served_by_vllm_scales_from_zero(make_node: Callable[..., Node]) -> None:
    """The block as it is: no replica until somebody asks, then one, which has the GPU."""
    node = with_gpus(make_node, "0")
    program = node.write("bin/vllm", STAND_IN)
    program.chmod(0o755)
    node.environment["PATH"] = f"{program.parent}:{node.environment['PATH']}"
    node.write("model.py", VLLM)
    node.command("serve", "--flyte", "model.py", "--wait")
    assert replicas(node, "llm-serving-app") == []
    answer = Web(node, "llm-serving-app").ask("/v1/models")
    assert json.loads(answer.body) == {"data": [{"id": "qwen3-0.6b", "root": "Qwen/Qwen3-0.6B"}]}
    assert len(replicas(node, "llm-serving-app")) == 1
