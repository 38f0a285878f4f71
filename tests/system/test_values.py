"""Values of many types through a node: what a task gets is what was given, and what it returns comes back."""

from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import Node

PROGRAM = """
import dataclasses, enum, os, sys, tempfile
from typing import Any, Dict, List, NamedTuple, Optional
import hearth

env = hearth.TaskEnvironment("values", reusable=hearth.ReusePolicy(replicas=2, idle_ttl=600))

class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"

class Point(NamedTuple):
    x: float
    y: float = 0.0

@dataclasses.dataclass
class Order:
    item: str
    colour: Colour
    places: List[Point]
    parent: Optional["Order"] = None

@env.task
def turned(point: Point) -> Point:
    assert type(point) is Point
    return Point(point.y, point.x)

@env.task
def other(colour: Colour) -> Colour:
    return Colour.BLUE if colour is Colour.RED else Colour.RED

@env.task
def reordered(order: Order) -> Order:
    assert type(order) is Order and type(order.places[0]) is Point and order.colour in Colour
    return Order(order.item.upper(), order.colour, order.places[::-1], order)

class Box:
    # Has no form of its own: it is pickled.

    def __init__(self, content: Any) -> None:
        self.content = content

@env.task
def boxed(box: Box) -> Box:
    assert type(box) is Box and type(box.content) is Box
    return Box([box])

@env.task
def upper(text: hearth.File) -> hearth.File:
    made = hearth.File(text.path + ".upper")
    with text.open_sync("r") as lines, open(made, "w") as out:
        out.write(lines.read().upper())
    return made

@env.task
def listed(folder: hearth.Dir) -> Dict[str, int]:
    return {name: os.path.getsize(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}

def records():
    assert turned.remote(Point(1.0, 2.0)) == Point(2.0, 1.0)
    assert other.remote(Colour.RED) is Colour.BLUE
    order = Order("pen", Colour.RED, [Point(1.0), Point(2.0)])
    again = reordered.remote(order)
    assert again == Order("PEN", Colour.RED, [Point(2.0), Point(1.0)], order) and type(again.parent) is Order
    assert [type(item) for item in hearth.map(reordered, [order, order])] == [Order, Order]

def objects():
    got = boxed.remote(Box(Box(1)))
    assert type(got) is Box and type(got.content[0]) is Box and got.content[0].content.content == 1
    assert "values" not in sys.modules  # the program's file is here once

def files():
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "words.txt")
    with open(path, "w") as out:
        out.write("a few words")
    made = upper.remote(hearth.File.from_local_sync(path))
    with made.open_sync("r") as lines:
        assert type(made) is hearth.File and lines.read() == "A FEW WORDS"
    assert listed.remote(hearth.Dir(folder)) == {"words.txt": 11, "words.txt.upper": 11}

def arrays():
    import numpy

    @env.task
    def doubled(values: numpy.ndarray) -> numpy.ndarray:
        values *= 2  # it is the task's own, and may be written to
        return values

    for given in (
        numpy.arange(6, dtype="int16").reshape(2, 3), numpy.asfortranarray(numpy.ones((300, 400))),
        numpy.arange(200_000, dtype="float32")[::2], numpy.zeros((0, 4)),
    ):
        before = given.copy()
        got = doubled.remote(given)
        assert got.dtype == given.dtype and got.shape == given.shape and (got == before * 2).all()
        assert (given == before).all()

def models():
    import pydantic

    class Model(pydantic.BaseModel):
        name: str
        sizes: List[int] = []

    @env.task
    def grown(model: Model) -> Model:
        return Model(name=model.name, sizes=[*model.sizes, len(model.sizes)])

    assert grown.remote(Model(name="m", sizes=[0])) == Model(name="m", sizes=[0, 1])

if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print("ok")
"""


def needs(*modules: str) -> None:
    done = subprocess.run([sys.executable, "-c", f"import {', '.join(modules)}"], stderr=subprocess.DEVNULL)
    if done.returncode:
        pytest.skip(f"needs {' and '.join(modules)}")


@pytest.mark.parametrize(
    ("what", "modules"),
    [("records", ()), ("objects", ()), ("files", ()), ("arrays", ("numpy", "cloudpickle")), ("models", ("pydantic", "cloudpickle"))],
)
def test_values_arrive_and_come_back_as_they_are(node: Node, what: str, modules: tuple) -> None:
    if modules:
        needs(*modules)
    node.write("values.py", PROGRAM)
    assert node.python("values.py", what).stdout == "ok\n"
