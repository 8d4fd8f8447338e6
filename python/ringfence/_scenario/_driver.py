"""Driver models: classes that scenarios are put together from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from ringfence._scenario._where import mistake
from ringfence._scenario._wording import closest, described

if TYPE_CHECKING:
    from ringfence._scenario._kernel import Kernel

__all__ = ["HANDLERS", "Driver", "checked_driver"]

_SCHED = "k.drm_sched()"
HANDLERS = {
    "run_job": _SCHED,
    "prepare_job": _SCHED,
    "timedout_job": _SCHED,
    "free_job": _SCHED,
    "cancel_job": _SCHED,
    "update_job_credits": _SCHED,
    "irq": "k.irq()",
    "count_objects": "k.shrinker()",
    "scan_objects": "k.shrinker()",
    "invalidate": "k.mmu_notifier() or k.mmu_interval_notifier()",
}
"""The methods that become handlers by their name, and what takes them."""


class Driver:
    """A driver model: derive from it, declare its objects in `setup`, write its handlers as methods.

    Class attributes are its parameters: ``class Gpu(rf.Driver): slots = 4`` can be made as ``Gpu(slots=1)``.
    A class with an ``__init__`` of its own takes what that takes.

    A handler can be passed on, ``k.work("w", self.work_fn)``. Methods with these names need not be: an object
    that is declared in `setup`, and was not given that handler until the scenario is complete, takes it.

    ========================================  =============================================
    declared in `setup`                       takes, if the class defines it
    ========================================  =============================================
    ``k.drm_sched(…)``                        ``run_job(self, t, job)``,
                                              ``prepare_job(self, t, job, entity)``,
                                              ``timedout_job(self, t, job)``,
                                              ``free_job(self, t, job)``,
                                              ``cancel_job(self, t, job)``,
                                              ``update_job_credits(self, t, job)``
    ``k.irq(…)`` without handler and thread   ``irq(self, t)``
    ``k.shrinker(…)``                         ``count_objects(self, t)``,
                                              ``scan_objects(self, t, nr_to_scan)``
    ``k.mmu_notifier(…)`` without release     ``invalidate(self, t, blockable)``
    ``k.mmu_interval_notifier(…)``            ``invalidate(self, t, blockable, seq)``
    ========================================  =============================================

    Nothing else takes a method by its name, and what another driver or the scenario declares takes none. If
    such a method is neither taken nor passed on or called, `ScenarioWarning` says so.

    Attributes:
        name: what it is called in its scenario; known in `setup`.
    """

    name: str = ""
    # Handlers by name that somebody has looked at.
    _asked: set[str]
    # The parameters that it was made with.
    _given: dict[str, object]

    def __new__(cls, *_: object, **__: object) -> Self:
        """A class with an ``__init__`` of its own need not call this one's."""
        self = super().__new__(cls)
        self._asked = set()
        self._given = {}
        return self

    def __init__(self, **parameters: object) -> None:
        for name, value in parameters.items():
            if name.startswith("_") or name == "setup" or not hasattr(type(self), name):
                known = [known for known in dir(type(self)) if not known.startswith("_")]
                close = closest(name, known)
                message = f"{type(self).__name__} has no parameter {name!r}: parameters are class attributes"
                raise mistake(message + (f"; did you mean {close!r}?" if close else ""))
            setattr(self, name, value)
            self._given[name] = value

    def setup(self, k: Kernel) -> None:
        """Declares the driver's objects. Called once for each scenario that it is in.

        Args:
            k: where they are declared.
        """

    def __repr__(self) -> str:
        return f"<driver {self.name or type(self).__name__}>"


def _look_up(self: Driver, name: str) -> object:
    """Looks an attribute up, and remembers it if it is a handler: whoever passes it on or calls it asks."""
    if name in HANDLERS:
        self._asked.add(name)
    return object.__getattribute__(self, name)


# Not inside the class: type checkers would take every misspelt name for one that exists.
Driver.__getattribute__ = _look_up  # type: ignore[method-assign, assignment]


def checked_driver(driver: object) -> None:
    """Refuses what is no driver, neither a class nor an instance.

    Raises:
        ScenarioError: it is none.
    """
    cls = driver if isinstance(driver, type) else type(driver)
    if not issubclass(cls, Driver):
        message = f"a driver is a class derived from rf.Driver or an instance, not {described(driver)}"
        raise mistake(message)
