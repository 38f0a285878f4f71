"""A program of flytekit, as its documentation has it: the second call does not execute.

    python -m hearth.compat examples/flytekit_square.py
    hearth run --flyte examples/flytekit_square.py square --n 4
"""

from flytekit import task


@task(cache=True, cache_version="1.0")
def square(n: int) -> int:
    """
    Parameters:
        n (int): name of the parameter for the task will be derived from the name of the input variable.
                 The type will be automatically deduced to Types.Integer

    Return:
        int: The label for the output will be automatically assigned, and the type will be deduced from the annotation
    """
    print(f"square({n}) executes")
    return n * n


if __name__ == "__main__":
    print(square(n=2), square(n=2))
