"""Output of calls: whose it is, how much of it is kept, and that it comes before the answer."""

from __future__ import annotations

from typing import Any, Callable, List

from scripted_node import Zygote
from worker_fixtures import make, python

from hearth import _frames

Make = Callable[..., Zygote]

TALK = """
import asyncio, logging, subprocess, sys, threading, time

print("imported")

@env.task
async def count(name, steps):
    for step in range(steps):
        print(name, step)
        await asyncio.sleep(0)

@env.task
def streams():
    print("out")
    print("err", file=sys.stderr)
    sys.stdout.buffer.write(b"bytes\\n")
    print("no newline", end="")

@env.task
def threads():
    def work(n):
        print("thread", n)
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(3)))
    thread = threading.Thread(target=work, args=(3,))
    thread.start()
    thread.join()

@env.task
def flood(size):
    line = "x" * 999
    for _ in range(size // 1000):
        print(line)

@env.task
def slow():
    print("first")
    time.sleep(3600)

@env.task
def raw():
    import os
    os.write(1, b"raw descriptor\\n")
    subprocess.run(["/bin/echo", "child process"])

@env.task
def log():
    logger = logging.getLogger("mine")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(run)s %(call)s %(task)s %(message)s"))
    logger.addHandler(handler)
    logger.warning("attention")
"""
SYNC = ("streams", "threads", "flood", "slow", "raw", "log")
STREAMS, THREADS, FLOOD, SLOW, RAW, LOG = range(len(SYNC))


def texts(logs: List[Any], stream: int) -> str:
    return b"".join(bytes(log.body) for log in logs if log.flags == stream).decode()


def test_output_of_concurrent_calls_is_told_apart(make: Make) -> None:
    replica = make(TALK, "async count").start(concurrency=5)
    keys = {name: replica.submit(0, {"name": name, "steps": 20}) for name in "abcde"}
    for key in keys.values():
        replica.reply(key)
    for name, key in keys.items():
        assert replica.logs_of(key) == "".join(f"{name} {step}\n" for step in range(20))


def test_output_comes_before_the_answer_and_keeps_its_stream(make: Make) -> None:
    replica = make(TALK, *SYNC).start()
    key = replica.submit(STREAMS)
    replica.reply(key)
    assert texts(replica.logs, _frames.STREAM_OUT) == "out\nbytes\nno newline"
    assert texts(replica.logs, _frames.STREAM_ERR) == "err\n"
    assert all(log.unix_ns > 0 and log.replica == 1 for log in replica.logs)


def test_output_of_threads_belongs_to_the_call_that_started_them(make: Make) -> None:
    replica = make(TALK, *SYNC).start()
    key = replica.submit(THREADS)
    replica.reply(key)
    assert sorted(replica.logs_of(key).split("\n")) == ["", "thread 0", "thread 1", "thread 2", "thread 3"]


def test_output_beyond_the_limit_is_dropped_and_counted(make: Make) -> None:
    replica = make(TALK, *SYNC, outputBytesMax="100000").start()
    key = replica.submit(FLOOD, {"size": 3_000_000})
    replica.reply(key)
    assert len(replica.logs_of(key)) == 100_000
    assert sum(log.dropped for log in replica.logs) == 2_900_000
    other = replica.submit(STREAMS)  # each call has its own allowance
    replica.reply(other)
    assert "out" in replica.logs_of(other)


def test_a_line_is_sent_while_its_call_goes_on(make: Make) -> None:
    replica = make(TALK, *SYNC).start()
    key = replica.submit(SLOW)
    replica.serve(lambda: replica.logs_of(key) == "first\n")


def test_raw_descriptors_and_output_outside_of_calls_go_to_the_interpreters_own_streams(make: Make) -> None:
    zygote = make(TALK, *SYNC)
    replica = zygote.start()
    replica.call(RAW)
    assert zygote.stdout().splitlines() == ["imported"]
    assert replica.printed().splitlines() == ["raw descriptor", "child process"]
    assert not replica.logs


def test_log_records_name_run_call_and_task(make: Make) -> None:
    replica = make(TALK, *SYNC).start()
    key = replica.submit(LOG, root_hi=1, root_lo=1 << 63 | 31)
    replica.reply(key)
    assert replica.logs_of(key) == f"rz00000000000 {key[0]:016x}{key[1]:016x} demo.log attention\n"


def test_a_handler_made_at_import_writes_to_the_call_too(make: Make) -> None:
    code = """
import logging
logging.basicConfig(format="%(message)s")

@env.task
def warn():
    logging.warning("late")
"""
    replica = make(code, "warn").start()
    key = replica.submit(0)
    replica.reply(key)
    assert replica.logs_of(key) == "late\n"
