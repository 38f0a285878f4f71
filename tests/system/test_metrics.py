"""What a node tells of itself over HTTP: metrics that add up to what was asked, and listings that are those of `hearth get`."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import threading
from typing import Any, Callable, Dict, FrozenSet, List, NamedTuple, Tuple

import pytest
from conftest import Node, wait_until
from test_apps import APP
from web import Answer, Web, raw, socket_of

KEY = {"project": "default", "domain": "development", "app": "web"}
TYPES = {"counter", "gauge", "histogram", "summary"}
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"), "summary": ("", "_sum", "_count")}
NAME = re.compile(r"[a-z][a-z0-9_]*")
SAMPLE = re.compile(r"([a-z0-9_]+)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\["\\n])*)"(?:,|$)')
# Whose values are few: none of them is an id.
LABELS = {"project", "domain", "app", "environment", "status", "outcome", "state", "reason", "event", "part", "version"}
LABELS |= {"le", "quantile"}

Labels = FrozenSet[Tuple[str, str]]


class Metrics(NamedTuple):
    types: Dict[str, str]
    samples: Dict[Tuple[str, Labels], float]

    def value(self, name: str, **labels: str) -> float:
        return self.samples[name, frozenset(labels.items())]

    def with_labels(self, name: str, **labels: str) -> Dict[Labels, float]:
        """All samples of this name that have these labels, and perhaps others."""
        wanted = frozenset(labels.items())
        return {has: value for (called, has), value in self.samples.items() if called == name and wanted <= has}


def labels_of(text: str) -> Labels:
    found = LABEL.findall(text)
    assert "".join(match.group(0) for match in LABEL.finditer(text)) == text, f"labels {text!r}"
    assert len({name for name, _ in found}) == len(found) and {name for name, _ in found} <= LABELS, text
    return frozenset(found)


def parsed(text: str) -> Metrics:
    """`text` by every rule of the format 0.0.4, and by those that we have for names."""
    assert text.endswith("\n")
    types: Dict[str, str] = {}
    samples: Dict[Tuple[str, Labels], float] = {}
    helped = now = ""
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped, explanation = line[len("# HELP ") :].split(" ", 1)
            assert NAME.fullmatch(helped) and helped.startswith("hearth_") and explanation and helped not in types
        elif line.startswith("# TYPE "):
            now, kind = line[len("# TYPE ") :].split(" ")
            assert now == helped and kind in TYPES
            assert (kind == "counter") == now.endswith("_total"), now
            types[now] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match and now, line
            name, labels = match[1], labels_of(match[2] or "")
            assert name in {now + suffix for suffix in SUFFIXES.get(types[now], ("",))}, f"{name} below {now}"
            assert (name, labels) not in samples, f"{line} is there twice"
            samples[name, labels] = float(match[3])
    return Metrics(types, samples)


def scrape(node: Node) -> Metrics:
    answer = get(node, "/metrics")
    assert answer.status == 200 and answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return parsed(answer.body.decode())


def get(node: Node, path: str, method: str = "GET", **headers: str) -> Answer:
    web = Web(node, "")
    answer = web.ask(path, method, **headers)
    web.close()
    return answer


def listing(node: Node, path: str) -> List[Dict[str, Any]]:
    answer = get(node, f"/api/v1/{path}")
    assert answer.status == 200 and answer.headers["content-type"] == "application/json", answer
    return json.loads(answer.body)


def serve(node: Node) -> None:
    node.python("shop.py")


@pytest.fixture
def node(make_node: Callable[..., Node]) -> Node:
    node = make_node()
    node.start()
    node.write("shop.py", APP)
    serve(node)
    return node


def test_metrics_of_an_app_are_exactly_what_was_asked(node: Node) -> None:
    web = Web(node, "web")
    for _ in range(7):
        assert web.ask("/").status == 200
    assert [web.ask("/fail").status for _ in range(2)] == [500, 500]
    assert Web(node, "nobody").ask("/").status == 404
    metrics = scrape(node)
    ended = {"2xx": 7, "3xx": 0, "4xx": 0, "5xx": 2, "gone": 0, "broken": 0}
    assert {status: metrics.value("hearth_app_requests_total", **KEY, status=status) for status in ended} == ended
    assert metrics.value("hearth_app_request_duration_seconds_count", **KEY) == 9
    assert metrics.value("hearth_app_request_duration_seconds_bucket", **KEY, le="+Inf") == 9
    assert metrics.value("hearth_app_requests_in_flight", **KEY) == 0
    assert metrics.value("hearth_app_replicas", **KEY, state="ready") == 1
    assert metrics.value("hearth_http_requests_total", status="4xx") == 1
    for part in ("wait", "fork", "import", "init"):
        assert metrics.value("hearth_app_cold_start_seconds_count", **KEY, part=part) == 1
    assert metrics.value("hearth_app_cold_start_seconds_sum", **KEY, part="import") > 0
    pool = {"project": "default", "domain": "development", "environment": "web"}
    assert metrics.value("hearth_environment_calls_total", **pool, outcome="done") == 7
    assert metrics.value("hearth_environment_calls_total", **pool, outcome="failed") == 2
    assert metrics.value("hearth_environment_starts_total", **pool) == 1
    assert metrics.value("hearth_environment_events_total", **pool, event="ready") == 1
    assert sum(metrics.with_labels("hearth_environment_scaling_events_total", **pool).values()) >= 1


def test_buckets_of_a_histogram_never_fall(node: Node) -> None:
    web = Web(node, "web")
    for path in ("/", "/slow", "/"):
        web.ask(path)
    found = scrape(node).with_labels("hearth_app_request_duration_seconds_bucket", **KEY)
    buckets = sorted((float(dict(labels)["le"]), count) for labels, count in found.items())
    counts = [count for _, count in buckets]
    assert counts == sorted(counts) and counts[-1] == 3 and len(counts) > 10


def test_a_request_that_goes_on_is_in_flight_and_one_whose_client_goes_is_gone(node: Node) -> None:
    assert Web(node, "web").ask("/").status == 200
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(socket_of(node)))
        client.sendall(b"GET /apps/default/development/web/count?1000 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200")
        assert scrape(node).value("hearth_app_requests_in_flight", **KEY) == 1
    wait_until(lambda: scrape(node).value("hearth_app_requests_total", **KEY, status="gone") == 1, "the client to be missed")
    assert scrape(node).value("hearth_app_requests_in_flight", **KEY) == 0


def test_a_response_that_breaks_off_counts_as_broken(node: Node) -> None:
    raw(node, b"GET /apps/default/development/web/breaks HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert scrape(node).value("hearth_app_requests_total", **KEY, status="broken") == 1


def test_every_part_of_a_node_is_told_of(node: Node) -> None:
    metrics = scrape(node)
    for part in ("node", "runs", "environments", "apps", "journal", "cache"):
        assert metrics.value("hearth_metrics_part_up", part=part) == 1, part
    status = node.status()
    assert metrics.value("hearth_build_info", version=status["version"]) == 1
    assert metrics.value("hearth_node_memory_capacity_bytes") == status["memoryCapacity"]
    assert metrics.value("hearth_http_connections") == 1
    assert metrics.value("hearth_cache_entries") == 0


def test_what_a_scrape_counts_only_rises(node: Node) -> None:
    before = scrape(node)
    Web(node, "web").ask("/")
    after = scrape(node)
    for (name, labels), value in before.samples.items():
        if before.types.get(name) == "counter":
            assert after.samples[name, labels] >= value, (name, labels)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is part of the package prometheus, which is large")
def test_promtool_finds_nothing_to_complain_about(node: Node) -> None:
    Web(node, "web").ask("/")
    text = get(node, "/metrics").body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (done.returncode, done.stdout) == (0, b"")


def differing(some: List[Dict[str, Any]], others: List[Dict[str, Any]]) -> List[Any]:
    """The fields that are not the same, row by row."""
    assert len(some) == len(others), (some, others)
    pairs = zip(settled(some), settled(others))
    return [(name, one.get(name), other.get(name)) for one, other in pairs for name in {*one, *other} if one.get(name) != other.get(name)]


def settled(rows: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """Without what is another number a moment later."""
    moving = {"ageMs", "upMs", "residentBytes", "sessions", "memoryBytes", "requestsPerSecond"}
    return [{name: value for name, value in row.items() if name not in moving} for row in rows]


def test_listings_are_those_of_the_command(node: Node) -> None:
    node.write("work.py", '''
        import hearth

        env = hearth.TaskEnvironment("work", reusable=hearth.ReusePolicy(replicas=1))

        @env.task
        def double(x: int) -> int:
            return 2 * x
    ''')
    assert Web(node, "web").ask("/").status == 200
    node.command("run", "work.py", "double", "--x", "21")
    for what in ("environments", "replicas", "runs", "nodes", "events"):
        rows = listing(node, what)
        assert rows and differing(rows, node.rows(what)) == [], what
    assert differing(listing(node, "events/web?limit=2"), node.rows("events", "web", "--limit", "2")) == []


def test_an_app_is_listed_with_its_requests(node: Node) -> None:
    web = Web(node, "web")
    for path in ("/", "/", "/fail"):
        web.ask(path)
    assert [row["name"] for row in listing(node, "apps")] == ["old", "web"]
    assert [row["name"] for row in listing(node, "apps?limit=1")] == ["old"]
    (row,) = listing(node, "apps/web")
    assert listing(node, "apps/default/development/web")[0]["version"] == row["version"]
    assert (row["kind"], row["state"], row["replicas"], row["maxReplicas"]) == ("asgi", "warm", 1, 2)
    assert (row["requests"]["success"], row["requests"]["failed"], row["inFlight"]) == (2, 1, 0)
    assert 0 < row["p50Us"] <= row["p95Us"] <= row["p99Us"] and row["requestsPerSecond"] > 0
    assert row["coldRequests"] == 1 and row["coldImportUs"] > 0 and row["coldInitUs"] > 0 and row["starts"] == 1


def test_an_app_that_nobody_has_asked_is_listed_as_idle(node: Node) -> None:
    wait_until(lambda: listing(node, "apps/old")[0]["state"] != "importing", "the end of the import")
    (row,) = listing(node, "apps/old")
    assert (row["state"], row["replicas"], row["kind"], sum(row["requests"].values())) == ("idle", 0, "wsgi", 0)


def test_what_is_not_there_is_said_in_json(node: Node) -> None:
    for path, status in (("/api/v1/nothing", 404), ("/api", 404), ("/api/v1/apps/nobody", 404), ("/api/v1/apps?limit=x", 400)):
        answer = get(node, path)
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["status"]) == (status, status) and error["message"].endswith("."), path
    refused = get(node, "/api/v1/apps", "POST")
    assert refused.status == 405 and refused.headers["allow"] == "GET, HEAD"
    assert get(node, "/metrics", "DELETE").status == 405


def test_head_tells_the_size_and_nothing_else(node: Node) -> None:
    answer = get(node, "/api/v1/apps", "HEAD")
    assert answer.status == 200 and answer.body == b"" and int(answer.headers["content-length"]) > 100


def test_the_paths_belong_to_the_node_unless_the_host_names_an_app(node: Node) -> None:
    assert get(node, "/metrics", Host="somewhere").body.startswith(b"# HELP hearth_")
    assert get(node, "/metrics", Host="localhost").body.startswith(b"# HELP hearth_")
    assert get(node, "/metrics", Host="web.example.org").body == b"GET 0"
    assert Web(node, "web").ask("/metrics").body == b"GET 0"


def test_requests_go_on_while_others_scrape(node: Node) -> None:
    stop, statuses = threading.Event(), []

    def ask() -> None:
        web = Web(node, "web")
        while not stop.is_set():
            statuses.append(web.ask("/").status)

    asker = threading.Thread(target=ask)
    asker.start()
    try:
        for _ in range(50):
            scrape(node)
            listing(node, "events")
    finally:
        stop.set()
        asker.join()
    assert statuses and set(statuses) == {200}
    assert scrape(node).value("hearth_app_requests_total", **KEY, status="2xx") == len(statuses)


def test_scraping_is_no_client_that_keeps_a_node(make_node: Callable[..., Node]) -> None:
    node = make_node(HEARTH_IDLE_EXIT="2s")
    node.start()
    pid = node.pid

    def is_gone() -> bool:
        try:
            get(node, "/metrics")
            return False
        except OSError:
            return True

    wait_until(is_gone, f"node {pid} to end for want of work")
