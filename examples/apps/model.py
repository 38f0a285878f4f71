"""A model that is loaded when somebody asks, once per replica, and kept for ten minutes without requests.

    hearth serve examples/apps/model.py
    curl --unix-socket $SOCKET http://model/images/1234 > image.json      # 64 grey values of a handwritten digit
    curl --unix-socket $SOCKET http://model/read -d @image.json -H "Content-Type: application/json"

Loading is what is expensive about models, so the time without requests is long; a model that may never make anybody wait has
`replicas=(1, 1)`. Here a classifier that scikit-learn (Debian: python3-sklearn) trains in a moment stands for weights of gigabytes.
`hearth serve` says where $SOCKET is.
"""

from __future__ import annotations

import os
from typing import Any

import fastapi

import hearth
import hearth.app

TRAINED_ON = 1000  # of 1,797 images; the model has not seen the others

api = fastapi.FastAPI()
images: Any = None
model: Any = None

env = hearth.app.FastAPIAppEnvironment(
    "model",
    app=api,
    resources=hearth.Resources(cpu=1, memory="500Mi"),
    preload=("sklearn.datasets", "sklearn.svm"),  # imported before the replica is forked
    scaling=hearth.app.Scaling(
        replicas=(0, 1),
        scaledown_after=float(os.environ.get("SCALEDOWN_AFTER", "600")),
    ),
)


@env.on_startup
def load() -> None:
    """Before the first request, which waits for it."""
    global images, model
    from sklearn.datasets import load_digits
    from sklearn.svm import SVC

    images, truth = load_digits(return_X_y=True)
    model = SVC(gamma=0.001).fit(images[:TRAINED_ON], truth[:TRAINED_ON])
    print("the model is loaded", flush=True)


@api.get("/images/{number}")
async def image(number: int) -> list[float]:
    """An image to try it with."""
    if not 0 <= number < len(images):
        raise fastapi.HTTPException(404, f"There are images 0 to {len(images) - 1}.")
    return [float(value) for value in images[number]]


@api.post("/read")
async def read(pixels: list[float]) -> dict[str, int]:
    """The digit that an image shows."""
    if len(pixels) != 64:
        raise fastapi.HTTPException(422, f"An image has 8 times 8 grey values, not {len(pixels)}.")
    return {"digit": int(model.predict([pixels])[0]), "pid": os.getpid()}


if __name__ == "__main__":
    print(hearth.serve(env).endpoint)
