"""Handwritten digits on warm interpreters.

The 1,797 images that ship with scikit-learn (Debian: python3-sklearn) are split in two: each warm interpreter trains a
classifier on the first 1,000 once, then reads the others one by one.

    hearth run examples/digits.py main --n 500
    hearth python examples/digits.py            # the same with a report of times
"""

from __future__ import annotations

import functools
import time

import hearth

env = hearth.TaskEnvironment(
    name="digits",
    resources=hearth.Resources(cpu=1, memory="500Mi"),
    reusable=hearth.ReusePolicy(replicas=3, idle_ttl=300),
    preload=("sklearn.svm", "sklearn.datasets"),
    description="reads handwritten digits",
)

# A parent that waits for children need not be warm itself.
driver = env.clone_with(name="digits-driver", reusable=None, preload=(), depends_on=[env])

TRAINED_ON = 1000


@functools.lru_cache(maxsize=None)
def images():
    """The images as rows of 64 grey values, and the digit each one shows."""
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)


@functools.lru_cache(maxsize=None)
def model():
    """The classifier; trained once per interpreter, on its first call."""
    from sklearn.svm import SVC

    pixels, truth = images()
    return SVC(gamma=0.001).fit(pixels[:TRAINED_ON], truth[:TRAINED_ON])


@env.task
def classify(pixels: list[float]) -> int:
    """The digit that an image shows."""
    return int(model().predict([pixels])[0])


@driver.task
def main(n: int = 100) -> float:
    """Reads the first n images that the model has not seen; returns the share it got right."""
    pixels, truth = images()
    unseen = [list(map(float, row)) for row in pixels[TRAINED_ON : TRAINED_ON + n]]
    read = list(hearth.map(classify, unseen))
    return sum(int(a) == int(b) for a, b in zip(read, truth[TRAINED_ON:])) / len(unseen)


def report() -> int:
    """Runs everything once and prints what it took; 0 when the answers are right."""
    pixels, truth = images()
    unseen = [list(map(float, row)) for row in pixels[TRAINED_ON:]]
    expected = [int(digit) for digit in truth[TRAINED_ON:]]

    started = time.perf_counter()
    first = classify.remote(unseen[0])
    cold_ms = (time.perf_counter() - started) * 1e3

    warm = []
    for row in unseen[1:201]:
        started = time.perf_counter()
        classify.remote(row)
        warm.append((time.perf_counter() - started) * 1e3)
    warm.sort()

    started = time.perf_counter()
    read = list(hearth.map(classify, unseen))
    took = time.perf_counter() - started

    local = [int(digit) for digit in model().predict(pixels[TRAINED_ON:])]
    right = sum(a == b for a, b in zip(read, expected)) / len(expected)
    print(f"first image      shows a {first}; {cold_ms:.0f} ms with everything cold: interpreter, imports, training")
    print(f"one warm call    {warm[len(warm) // 2]:.2f} ms (median of {len(warm)}), {warm[len(warm) * 95 // 100]:.2f} ms (95 %)")
    print(f"all {len(unseen)} images   {took:.2f} s, {len(unseen) / took:.0f} calls per second on 2 warm interpreters")
    print(f"answers          {right:.1%} of the digits read right, {sum(a == b for a, b in zip(read, local))} of "
          f"{len(local)} as in this process")
    return 0 if read == local and right > 0.9 else 1


if __name__ == "__main__":
    raise SystemExit(report())
