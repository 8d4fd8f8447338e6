"""Driver models: classes that scenarios are put together from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence._scenario._where import mistake
from ringfence._scenario._wording import closest, described

if TYPE_CHECKING:
    from ringfence._scenario._kernel import Kernel

__all__ = ["Driver", "checked_driver"]


class Driver:
    """A driver model: derive from it, declare its objects in `setup`, write its handlers as methods.

    Class attributes are its parameters: ``class Gpu(rf.Driver): slots = 4`` can be made as ``Gpu(slots=1)``.
    A class with an ``__init__`` of its own takes what that takes.

    Attributes:
        name: what it is called in its scenario; known in `setup`.
    """

    name: str = ""

    def __init__(self, **parameters: object) -> None:
        for name, value in parameters.items():
            if name.startswith("_") or name == "setup" or not hasattr(type(self), name):
                known = [known for known in dir(type(self)) if not known.startswith("_")]
                close = closest(name, known)
                message = f"{type(self).__name__} has no parameter {name!r}: parameters are class attributes"
                raise mistake(message + (f"; did you mean {close!r}?" if close else ""))
            setattr(self, name, value)

    def setup(self, k: Kernel) -> None:
        """Declares the driver's objects. Called once for each scenario that it is in.

        Args:
            k: where they are declared.
        """

    def __repr__(self) -> str:
        return f"<driver {self.name or type(self).__name__}>"


def checked_driver(driver: object) -> None:
    """Refuses what is no driver, neither a class nor an instance.

    Raises:
        ScenarioError: it is none.
    """
    cls = driver if isinstance(driver, type) else type(driver)
    if not issubclass(cls, Driver):
        message = f"a driver is a class derived from rf.Driver or an instance, not {described(driver)}"
        raise mistake(message)
