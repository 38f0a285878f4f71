"""Pickles of values for which there is no other form.

The program's own file is ``__main__`` where it was started and a module where interpreters import it; a class of it is the same in
both, so it is pickled under the name that every process of the program finds it by.
"""

from __future__ import annotations

import io
import pickle
from typing import Any, Type

from hearth import _bundle
from hearth._values.classes import ClassNotFound, class_named, name_of
from hearth.errors import BundleError

__all__ = ["dumps", "loads"]


def dumps(value: Any) -> bytes:
    """`value` as a pickle. Raises ValueError if it cannot travel."""
    try:
        import cloudpickle

        base, hint = cloudpickle.Pickler, ""
    except ImportError:
        base, hint = pickle.Pickler, "; with cloudpickle installed more can travel"
    made = io.BytesIO()
    try:
        _pickler(base)(made, protocol=pickle.DEFAULT_PROTOCOL).dump(value)
    except Exception as error:  # pickling runs code of the value's class
        cls = type(value)
        raise ValueError(
            f"a {cls.__module__}.{cls.__qualname__} cannot travel: {type(error).__name__}: {error}{hint}"
        ) from error
    return made.getvalue()


def loads(content: Any) -> Any:
    """The value of a pickle. Raises ClassNotFound when it needs what is not here; and what code of its classes raises."""
    try:
        return _Unpickler(io.BytesIO(content)).load()
    except (ImportError, AttributeError) as error:
        raise ClassNotFound(f"a pickled value needs what is not found here ({type(error).__name__}: {error})") from None


def _pickler(base: Type[Any]) -> Type[Any]:
    made = _picklers.get(base)
    if made is None:
        made = _picklers[base] = type("Pickler", (_ByName, base), {})
    return made


_picklers: "dict[Type[Any], Type[Any]]" = {}


class _ByName:
    """Of a Pickler: classes of the program's file are found by name. Python would write ``__main__``, which is another module
    in an interpreter; cloudpickle would make another class of the same kind there."""

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, type) and obj.__module__ == "__main__":
            name = name_of(obj)
            if name is not None:
                return class_named, (name,)
        inherited = getattr(super(), "reducer_override", None)
        return NotImplemented if inherited is None else inherited(obj)


class _Unpickler(pickle.Unpickler):
    """Finds classes that an interpreter has pickled as those of a module in the program's file."""

    def find_class(self, module: str, name: str) -> Any:
        if module == _main_name():
            return _bundle.find(module, name)
        return super().find_class(module, name)


def _main_name() -> Any:
    try:
        return _bundle.main_name()
    except BundleError:
        return None
