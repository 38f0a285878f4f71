"""The parameters of a task: what a call must name, their annotations, and how both read."""

from __future__ import annotations

import inspect
import sys
import types
import typing
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from hearth._checks import closest
from hearth.errors import RestrictedTypeError

__all__ = ["Interface"]

_EMPTY = inspect.Parameter.empty
_REFUSED = {
    inspect.Parameter.VAR_POSITIONAL: "takes any number of arguments (*{0}); give each input a name, or take a list",
    inspect.Parameter.VAR_KEYWORD: "takes any keyword (**{0}); give each input a name, or take a dict",
    inspect.Parameter.POSITIONAL_ONLY: "has the positional-only parameter {0!r}; inputs travel by name, so drop the '/'",
}


class Interface:
    """Parameters and result of the function of task `task`.

    Raises TypeError if a parameter cannot travel by name.
    """

    def __init__(self, task: str, func: Callable[..., Any]) -> None:
        self.task = task
        self.signature = inspect.signature(func)
        self.names: Tuple[str, ...] = tuple(self.signature.parameters)
        self.defaults: Dict[str, Any] = {}
        positional: List[str] = []
        for name, parameter in self.signature.parameters.items():
            if parameter.kind in _REFUSED:
                raise TypeError(f"task {task!r} {_REFUSED[parameter.kind].format(name)}")
            if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
                positional.append(name)
            if parameter.default is not _EMPTY:
                self.defaults[name] = parameter.default
        self.positional: Tuple[str, ...] = tuple(positional)  # those that need no name
        self._func = func
        self._hints: Optional[Mapping[str, Any]] = None

    def bind(self, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Dict[str, Any]:
        """Every parameter with its value, defaults included, in the order of the signature.

        Raises TypeError naming task and parameter for a missing, unknown, repeated or surplus argument.
        """
        positional = self.positional
        if not kwargs and len(args) == len(positional) == len(self.names):
            return dict(zip(positional, args))
        if len(args) > len(positional):
            raise TypeError(
                f"task {self.task!r} takes {len(positional)} positional arguments, {len(args)} were given; "
                f"its signature is {self.text}"
            )
        given = dict(zip(positional, args))
        for name in kwargs:
            if name in given:
                raise TypeError(f"task {self.task!r} got two values for the argument {name!r}")
            if name not in self.signature.parameters:
                raise TypeError(self._unknown(name))
        given.update(kwargs)
        if len(given) < len(self.names):
            missing = [name for name in self.names if name not in given and name not in self.defaults]
            if missing:
                what = "the argument " if len(missing) == 1 else "the arguments "
                names = ", ".join(map(repr, missing))
                raise TypeError(f"task {self.task!r} misses {what}{names}; its signature is {self.text}")
        defaults = self.defaults
        return {name: given[name] if name in given else defaults[name] for name in self.names}

    @property
    def hints(self) -> Mapping[str, Any]:
        """The annotation of each parameter and of the result ("return"), resolved; `Any` where there is none.

        ``Annotated`` is kept. A parameter whose default is None may be None. Raises RestrictedTypeError naming the
        parameter whose annotation cannot be resolved.
        """
        if self._hints is None:
            found = self._resolved()
            hints: Dict[str, Any] = {}
            for name in self.names:
                hint = found.get(name, Any)
                if self.defaults.get(name, _EMPTY) is None and hint is not Any:
                    hint = Optional[hint]
                hints[name] = hint
            hints["return"] = found.get("return", Any)
            self._hints = types.MappingProxyType(hints)
        return self._hints

    @property
    def text(self) -> str:
        """The signature as a person reads it: ``(n: int, scale: float = 1.0) -> float``."""
        parts = []
        for name, parameter in self.signature.parameters.items():
            part = name
            if parameter.annotation is not _EMPTY:
                part += f": {_annotation(parameter.annotation)}"
            if parameter.default is not _EMPTY:
                equals = " = " if parameter.annotation is not _EMPTY else "="
                part += equals + _default(parameter.default)
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in parts:
                parts.append("*")
            parts.append(part)
        result = self.signature.return_annotation
        arrow = "" if result is _EMPTY else f" -> {_annotation(result)}"
        return f"({', '.join(parts)}){arrow}"

    def __getstate__(self) -> Dict[str, Any]:
        # Resolved hints name classes; they are found again where the function is.
        return {"task": self.task, "func": self._func}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__init__(state["task"], state["func"])  # type: ignore[misc]

    def _unknown(self, name: str) -> str:
        near = closest(name, self.names)
        hint = f" (did you mean {near!r}?)" if near else ""
        return f"task {self.task!r} has no parameter {name!r}{hint}; its signature is {self.text}"

    def _resolved(self) -> Mapping[str, Any]:
        local = _enclosed(self._func)
        try:
            return typing.get_type_hints(self._func, localns=local, include_extras=True)
        except Exception:  # an annotation is an expression of the user's: anything can come out of it
            self._raise_for_the_first_unresolved(local)
            raise

    def _raise_for_the_first_unresolved(self, local: Optional[Dict[str, Any]]) -> None:
        scope = getattr(inspect.unwrap(self._func), "__globals__", {})
        for name, annotation in self._func.__annotations__.items():
            alone = types.SimpleNamespace(__annotations__={name: annotation})
            try:
                typing.get_type_hints(alone, globalns=scope, localns=local, include_extras=True)
            except Exception as error:
                what = "the result" if name == "return" else f"parameter {name!r}"
                raise RestrictedTypeError(
                    f"task {self.task!r}: the annotation {_annotation(annotation)} of {what} cannot be resolved "
                    f"({type(error).__name__}: {error}). Import or define its names at the top level of the module"
                    f"{_union_hint(annotation)}."
                ) from error


def _enclosed(func: Callable[..., Any]) -> Optional[Dict[str, Any]]:
    """Variables of the functions around `func` that it uses; annotations of closures may name them."""
    code = getattr(func, "__code__", None)
    cells = getattr(func, "__closure__", None)
    if code is None or not cells:
        return None
    found = {}
    for name, cell in zip(code.co_freevars, cells):
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    return found


def _annotation(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default(value: Any) -> str:
    text = repr(value)
    # An address would make two signatures of the same function differ.
    return "..." if len(text) > 200 or " at 0x" in text else text


def _union_hint(annotation: Any) -> str:
    if sys.version_info < (3, 10) and isinstance(annotation, str) and "|" in annotation:
        return ", and before Python 3.10 write Optional[X] or Union[X, Y] for X | Y"
    return ""
