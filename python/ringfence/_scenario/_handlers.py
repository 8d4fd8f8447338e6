"""Which methods of a driver become handlers by their name, and which of them nobody has asked for."""

from __future__ import annotations

import inspect
import warnings
from typing import TYPE_CHECKING, Any

from ringfence._scenario._driver import HANDLERS, Driver
from ringfence.errors import ScenarioWarning

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["method_of", "tell_of_unused"]

# What was told, for the warnings module: once for each place.
_TOLD: dict[Any, Any] = {}


def method_of(driver: Driver, name: str) -> Callable[..., Any] | None:
    """The method of this name that a driver's class defines, bound to the driver; None if there is none.

    In ``setup()`` the name may have come to stand for the object, as in ``self.irq = k.irq("irq")``: the
    class counts. What is given as a parameter, ``Gpu(run_job=f)``, replaces the method.
    """
    cls = type(driver)
    if not callable(getattr(cls, name, None)):
        return None
    driver._asked.add(name)
    method: Any = driver._given.get(name)
    if not callable(method):
        method = inspect.getattr_static(cls, name)
        bind = getattr(method, "__get__", None)
        method = method if bind is None else bind(driver, cls)
    return method  # type: ignore[no-any-return] # what it takes is the user's business


def tell_of_unused(driver: Driver) -> None:
    """Warns of methods with a handler's name that nothing has picked up, passed on or called.

    It is no error: a driver with a switch may use a method only where it is switched on.
    """
    for name, takers in HANDLERS.items():
        method = getattr(type(driver), name, None)
        if not callable(method) or name in driver._asked:
            continue
        code = getattr(method, "__code__", None)
        file, line = ("<unknown>", 0) if code is None else (code.co_filename, code.co_firstlineno)
        message = (
            f"the method {name}() of driver `{driver.name}` is never used: {takers} in "
            "its setup() would take it; otherwise, pass it on as a handler or give it another name"
        )
        warnings.warn_explicit(message, ScenarioWarning, file, line, registry=_TOLD)
