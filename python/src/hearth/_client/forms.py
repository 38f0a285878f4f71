"""Functions and methods with two forms: ``f(x)`` blocks, ``await f.aio(x)`` does not."""

from __future__ import annotations

from typing import Any, Callable

__all__ = ["Function", "Method"]


class Function:
    """A function with an awaitable form. Documentation is that of `blocking`."""

    def __init__(self, blocking: Callable[..., Any], awaitable: Callable[..., Any]) -> None:
        self._blocking = blocking
        self.aio = awaitable
        self.__doc__ = blocking.__doc__
        self.__name__ = blocking.__name__
        self.__qualname__ = blocking.__qualname__
        self.__module__ = blocking.__module__
        self.__wrapped__ = blocking

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._blocking(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<function {self.__module__}.{self.__name__}, with .aio>"


class _Bound:
    __slots__ = ("_blocking", "aio")

    def __init__(self, blocking: Callable[..., Any], awaitable: Callable[..., Any]) -> None:
        self._blocking = blocking
        self.aio = awaitable

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._blocking(*args, **kwargs)


class Method:
    """The same for a method: ``result = Method(_result, _result_aio)`` in the body of a class."""

    def __init__(self, blocking: Callable[..., Any], awaitable: Callable[..., Any]) -> None:
        self._blocking = blocking
        self._awaitable = awaitable
        self.__doc__ = blocking.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        return _Bound(self._blocking.__get__(instance), self._awaitable.__get__(instance))
