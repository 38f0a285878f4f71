"""Functions by value: what has no importable place is pickled with cloudpickle."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, Iterator, Union

from hearth._bundle import roots
from hearth.errors import BundleError

if TYPE_CHECKING:
    from hearth._hooks import Hook
    from hearth._task import Task
    from hearth.app._application import Served

__all__ = ["label", "pickled"]


def label(part: Union[Task[Any, Any], Hook, Served]) -> str:
    """How messages name it."""
    from hearth._hooks import Hook
    from hearth._task import Task

    kind = "task" if isinstance(part, Task) else "hook" if isinstance(part, Hook) else "application"
    return f"{kind} {part.name!r}"


def pickled(part: Union[Task[Any, Any], Hook, Served]) -> bytes:
    """The function of `part` as a pickle. Raises BundleError without cloudpickle, or if something in it cannot travel."""
    func = part.func
    named = getattr(func, "__qualname__", None)
    kind = f"function {named!r}" if named else f"a {type(func).__name__}"
    what = f"{label(part)} ({kind}) has no place that an interpreter could import"
    try:
        import cloudpickle
    except ImportError:
        raise BundleError(
            f"{what}, so it has to travel by value, and that needs cloudpickle, which is not installed here. Install it "
            f"(`pip install cloudpickle`), or define the function at the top level of a .py file under its own name."
        ) from None
    with _module_by_value(cloudpickle, getattr(func, "__module__", None) or ""):
        try:
            return bytes(cloudpickle.dumps(func))
        except Exception as error:  # pickling runs code of whatever the function refers to
            raise BundleError(
                f"{what}, and it cannot travel by value: {type(error).__name__}: {error}. Something it uses (a variable of "
                f"the session or of the function around it) cannot be pickled; make it inside the "
                f"{label(part).partition(' ')[0]} instead."
            ) from error


@contextlib.contextmanager
def _module_by_value(cloudpickle: Any, name: str) -> Iterator[None]:
    """Makes cloudpickle take along the rest of a module that was loaded under a name its file does not have."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if name == "__main__" or file is None or roots.is_installed(file) or roots.base_of(name, file) is not None:
        yield
        return
    cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        cloudpickle.unregister_pickle_by_value(module)
