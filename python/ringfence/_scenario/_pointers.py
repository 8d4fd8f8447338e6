"""References to kernel objects: declared by the scenario, or made while it runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Self

from ringfence._scenario._values import Argument, Int, Value
from ringfence._scenario._where import mistake

if TYPE_CHECKING:
    from ringfence._scenario._kernel import Kernel
    from ringfence._scenario._recorder import Recorder

__all__ = ["Declared", "Memory", "Pointer", "SyncFile"]


class Declared(NamedTuple):
    """What makes a reference one to a declared object.

    Attributes:
        kernel: the scenario that declared it.
        name: its name in reports.
        site: number of the place where it was declared.
        driver: name of the driver that it belongs to.
    """

    kernel: Kernel
    name: str
    site: int
    driver: str | None


class Pointer(Value):
    """A reference to a kernel object; one that is only known when the scenario runs can be NULL.

    Two declared objects compare as Python objects do, at once. Otherwise ``==`` and ``!=`` are symbolic.
    """

    __slots__ = ()

    @classmethod
    def _declare(cls, declared: Declared, argument: Argument) -> Self:
        self = cls.__new__(cls)
        self._declared = declared
        self._argument = argument
        self._ending = None
        self._is_variable = False
        return self

    def _use(self, recorder: Recorder) -> Argument:
        declared = self._declared
        if declared is None:
            return super()._use(recorder)
        if declared.kernel is not recorder._kernel:
            message = (
                f"{self!r} belongs to scenario `{declared.kernel.name}`; this is "
                f"`{recorder._kernel.name}`. Declare it with this scenario's `k`, or in a driver's setup()"
            )
            raise mistake(message)
        return self._argument

    @property
    def name(self) -> str:
        """Name of a declared object, as reports show it.

        Raises:
            ScenarioError: which object it is is only known when the scenario runs.
        """
        if self._declared is None:
            message = f"{self!r} is only known when the scenario runs: it has no name"
            raise mistake(message)
        return self._declared.name

    @property
    def is_null(self) -> Int:
        """Whether it is NULL."""
        return self._pure("not", (self,))

    @property
    def failed(self) -> Int:
        """Whether it is NULL, as from an allocation that failed."""
        return self._pure("not", (self,))

    def _pure(self, op: str, arguments: tuple[Value | None, ...]) -> Int:
        for value in arguments:
            if value is not None and value._declared is None:
                return value._owner._pure(op, arguments)
        message = f"{self!r} is a declared object and never NULL"
        raise mistake(message)

    def _compare(self, op: str, other: object) -> Int | bool:
        if other is None or isinstance(other, Value):
            pair = (self, other)
            if not all(value is None or value._declared is not None for value in pair):
                return self._pure(op, pair)
        return (self is other) == (op == "eq")

    def __eq__(self, other: object) -> Int:  # type: ignore[override]
        return self._compare("eq", other)  # type: ignore[return-value]

    def __ne__(self, other: object) -> Int:  # type: ignore[override]
        return self._compare("ne", other)  # type: ignore[return-value]

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        return self._declared is not None or super().__bool__()

    def __repr__(self) -> str:
        if self._declared is None:
            return super().__repr__()
        return f"<{type(self).__name__} `{self._declared.name}`>"


class Memory(Pointer):
    """What ``kmalloc()`` returned; NULL if it failed."""

    __slots__ = ()
    KIND = "memory"


class SyncFile(Pointer):
    """A ``struct sync_file`` (``drivers/dma-buf/sync_file.c``)."""

    __slots__ = ()
    KIND = "sync_file"
