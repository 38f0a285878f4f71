"""The Celery side of the benchmark: the same functions as tasks of an application."""

from __future__ import annotations

import os

from celery import Celery

broker = os.environ["HEARTH_BENCH_BROKER"]
app = Celery("bench", broker=broker, backend=broker)
app.conf.update(
    task_serializer="pickle", result_serializer="pickle", accept_content=["pickle"], worker_prefetch_multiplier=64
)


@app.task
def square(x):
    return x * x


@app.task
def length(data):
    return len(data)
