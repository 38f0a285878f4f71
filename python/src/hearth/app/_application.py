"""What an app serves: an object that speaks ASGI or WSGI, and where an interpreter finds it."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, Callable, Optional

from hearth import _declaration as checked
from hearth._hooks import Hook

if TYPE_CHECKING:
    from hearth._bundle.origin import Origin
    from hearth.app._environment import AppEnvironment

__all__ = ["AppHook", "Served", "protocol_of", "server_function"]

_ASGI, _WSGI, _ASGI_2 = 3, 2, 1  # positional arguments of a call


class AppHook(Hook):
    """A function that each replica of an app runs once."""

    WORDS = ("on_startup", "on_shutdown")


class Served:
    """The application, or the function of ``@env.server``: named and found like a task, so that it travels like one."""

    def __init__(self, env: AppEnvironment, served: Any) -> None:
        self.name: str = f"{env.name}.app"
        self.func = served
        self._env = env

    def origin(self) -> Origin:
        """Where it is: a variable of the module that declares the app, ``<environment>.app`` there, or a function of another
        module; else it goes by value. Raises BundleError."""
        from hearth._bundle.origin import Origin, origin_of_variable, module_of, value_path

        module = self._env.declared_in[0]
        for value, suffix in ((self.func, ""), (self._env, ".app" if self.func is self._env.app else "")):
            variable = _variable_with(module, value)
            if variable is not None and (suffix or value is self.func):
                found = origin_of_variable(module, variable + suffix)
                if found is not None:
                    return found
        if inspect.isfunction(self.func):
            name, how = module_of(self.func)
            if how != "value":
                file = getattr(sys.modules.get(self.func.__module__), "__file__", None) or ""
                return Origin(name, self.func.__qualname__, "", how, file)
        return Origin("", getattr(self.func, "__qualname__", type(self.func).__name__), value_path(self.name), "value", "")


def _variable_with(module: str, value: Any) -> Optional[str]:
    """The name of the variable of `module` that holds `value`."""
    variables = vars(sys.modules[module]) if module in sys.modules else {}
    return next((name for name, held in list(variables.items()) if held is value), None)


def protocol_of(app: Any, env: str) -> str:
    """ "asgi" or "wsgi". Raises TypeError for what speaks neither."""
    what = f"app {env!r}: app={_shown(app)}"
    if inspect.isclass(app):
        raise TypeError(
            f"{what} is a class; give an object made of it. An application in the old form of ASGI, called first with the "
            f"scope alone, has to be wrapped (asgiref.compatibility.guarantee_single_callable)."
        )
    if not callable(app):
        raise TypeError(f"{what} cannot be called; give an ASGI application (FastAPI, Starlette) or a WSGI one (Flask, Django)")
    is_async = inspect.iscoroutinefunction(app) or inspect.iscoroutinefunction(getattr(type(app), "__call__", None))
    fitting = [count for count in (_ASGI, _WSGI, _ASGI_2) if _takes(app, count)]
    if is_async:
        if _ASGI in fitting:
            return "asgi"
        raise TypeError(f"{what} is async and does not take the three arguments of ASGI: scope, receive, send")
    if fitting == [_ASGI]:
        return "asgi"  # a plain function that returns the awaitable
    if fitting == [_WSGI]:
        return "wsgi"
    if fitting == [_ASGI_2]:
        raise TypeError(
            f"{what} takes one argument, as in the old form of ASGI (2), which is not supported; wrap it with "
            f"asgiref.compatibility.guarantee_single_callable"
        )
    raise TypeError(
        f"{what} takes neither exactly the three arguments of ASGI (scope, receive, send) nor the two of WSGI (environ, "
        f"start_response); put a function around it that does"
    )


def _takes(app: Callable[..., Any], count: int) -> bool:
    try:
        inspect.signature(app).bind(*range(count))
    except (TypeError, ValueError):  # ValueError: no signature is to be had
        return False
    return True


def _shown(app: Any) -> str:
    text = repr(app)
    return text if len(text) <= 80 else f"{text[:77]}..."


def server_function(func: Any, env: str) -> Callable[..., Any]:
    """`func` if it can be what ``@env.server`` decorates. Raises TypeError."""
    decorator = f"@{env}.server"
    checked.task_function(func, env, decorator)
    checked.without_arguments(func, decorator)
    return func  # type: ignore[no-any-return]
