"""``t``: records what a thread or handler does."""

from __future__ import annotations

from ringfence._scenario._calls.containers import Containers
from ringfence._scenario._calls.context import Context
from ringfence._scenario._calls.deferred import Deferred
from ringfence._scenario._calls.fences import Fences
from ringfence._scenario._calls.gpu import Device
from ringfence._scenario._calls.memory import Memory
from ringfence._scenario._calls.reservations import Reservations
from ringfence._scenario._calls.sched import Sched
from ringfence._scenario._calls.sleeping_locks import SleepingLocks
from ringfence._scenario._calls.spinlocks import Spinlocks
from ringfence._scenario._calls.waiting import Waiting
from ringfence._scenario._where import unknown_name
from ringfence._scenario._wording import closest

__all__ = ["Recorder"]


class Recorder(
    SleepingLocks,
    Spinlocks,
    Context,
    Waiting,
    Deferred,
    Memory,
    Fences,
    Reservations,
    Containers,
    Device,
    Sched,
):
    """``t``: every call records an operation of the program; nothing runs yet.

    Calls have the kernel's names. What they return is only known when the scenario runs: decide on it with
    `if_` and `while_`, not with ``if`` and ``while``. A call that takes or opens something can stand in a
    ``with``, whose end gives it back; without, it is given back explicitly, or not at all, which a run finds.

    Attributes:
        name: the program's name.
    """

    def __repr__(self) -> str:
        return f"<recorder of {self.name}>"


def _refuse(_: Recorder, name: str) -> object:
    if name.startswith("_"):
        raise AttributeError(name)
    known = [known for known in dir(Recorder) if not known.startswith("_")]
    close = closest(name, known)
    message = f"t.{name}: there is no such call"
    if close is not None:
        message += f"; did you mean t.{close}()?"
    elif name in {"mutex", "work", "thread", "dma_resv", "timer"}:
        message += f"; objects are declared by the kernel: k.{name}()"
    raise unknown_name(message)


# Not inside the class: type checkers would take every misspelt name for one that exists.
Recorder.__getattr__ = _refuse  # type: ignore[attr-defined]
