"""``k``: the kernel that a scenario declares its objects in."""

from __future__ import annotations

import json
from typing import TypeVar

from ringfence._scenario._driver import Driver, checked_driver
from ringfence._scenario._handlers import tell_of_unused
from ringfence._scenario._kernel_deferred import KernelDeferred
from ringfence._scenario._kernel_fences import KernelFences
from ringfence._scenario._kernel_gpu import KernelGpu
from ringfence._scenario._kernel_locks import KernelLocks
from ringfence._scenario._kernel_memory import KernelMemory
from ringfence._scenario._kernel_sched import KernelSched
from ringfence._scenario._recorder import Recorder
from ringfence._scenario._where import mistake, unknown_name
from ringfence._scenario._wording import closest

__all__ = ["Kernel"]

D = TypeVar("D", bound=Driver)


class Kernel(KernelLocks, KernelDeferred, KernelMemory, KernelFences, KernelGpu, KernelSched):
    """``k``: declares the objects, handlers and threads of a scenario, under the kernel's names.

    A scenario's function and `Driver.setup` get one; there is no other way to have one.
    """

    def driver(self, driver: type[D] | D, name: str | None = None) -> D:
        """Sets up a driver model, as a part of another one or of the scenario.

        What its ``setup()`` declares belongs to the driver of this name; a part's belongs to the whole. A
        driver signals its own fences, and nobody else's.

        Args:
            driver: its class, or an instance of its own.
            name: what it is called; without, its class's name in lower case.

        Returns:
            The instance, set up.

        Raises:
            ScenarioError: it is no driver, or was set up in this scenario before.
        """
        checked_driver(driver)
        instance = driver() if isinstance(driver, type) else driver
        if any(instance is other for other in self._drivers):
            message = f"{instance!r} is set up twice; give another instance for another device"
            raise mistake(message)
        self._drivers.append(instance)
        instance.name = name or type(instance).__name__.lower()
        outer, whole = self._driver, self._setting_up
        self._driver, self._setting_up = outer or instance.name, instance
        instance.setup(self)
        self._driver, self._setting_up = outer, whole
        return instance

    def _json(self) -> str:
        """The scenario in its JSON form."""
        self._record_programs()
        self._check_functions()
        for driver in self._drivers:
            tell_of_unused(driver)
        scenario = {
            "ringfence_scenario": 1,
            "name": self.name,
            "objects": self._objects,
            "programs": self._programs,
            "threads": self._threads,
            "environment": self.environment._json(),
            "sites": [
                {
                    "file": self._readable(file),
                    "line": line,
                    "function": "" if function == "<module>" else function,
                }
                for file, line, function in self._order
            ],
        }
        return json.dumps(scenario, ensure_ascii=False, check_circular=False, separators=(",", ":"))


def _refuse(_: Kernel, name: str) -> object:
    if name.startswith("__"):
        raise AttributeError(name)
    if hasattr(Recorder, name):
        message = f"k.{name}: that is an operation, which runs in a thread or handler: t.{name}()"
        raise unknown_name(message)
    close = closest(name, [known for known in dir(Kernel) if not known.startswith("_")])
    message = f"k.{name}: the kernel has no such object"
    message += f"; did you mean k.{close}()?" if close else ""
    raise unknown_name(message)


# Not inside the class: type checkers would take every misspelt name for one that exists.
Kernel.__getattr__ = _refuse  # type: ignore[attr-defined]
