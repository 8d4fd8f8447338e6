"""Declaring locks and what is waited for."""

from __future__ import annotations

from typing import Literal

from ringfence._scenario._checks import MAX, checked_number
from ringfence._scenario._kernel_base import KernelBase
from ringfence._scenario._objects import (
    Cell,
    Completion,
    LocalLock,
    Mutex,
    RawSpinlock,
    Rwlock,
    Rwsem,
    Spinlock,
    WaitQueue,
    WwClass,
    WwMutex,
)
from ringfence._scenario._where import mistake

__all__ = ["KernelLocks"]


class KernelLocks(KernelBase):
    """The part of a `Kernel` that declares locks and what is waited for.

    Every lock has a lockdep class. Locks of one class obey the same rules, and none may be taken inside
    another without a subclass. A lock has the class that it is given as ``class_``. Without, locks of one
    kind and name share a class, as in the kernel those do that one ``mutex_init()`` has initialised: the
    mutexes ``gpu->lock`` of two devices, but not ``k.mutex(f"lock{i}")``.
    """

    def mutex(self, name: str, *, class_: str | None = None) -> Mutex:
        """``DEFINE_MUTEX()`` (``include/linux/mutex.h``).

        Args:
            name: its name in reports.
            class_: its lockdep class.
        """
        return self._declare_lock(Mutex, name, class_)

    def spinlock(self, name: str, *, class_: str | None = None) -> Spinlock:
        """``DEFINE_SPINLOCK()`` (``include/linux/spinlock_types.h``).

        Args:
            name: its name in reports.
            class_: its lockdep class.
        """
        return self._declare_lock(Spinlock, name, class_)

    def raw_spinlock(self, name: str, *, class_: str | None = None) -> RawSpinlock:
        """``DEFINE_RAW_SPINLOCK()``: spins on every kernel, also with ``PREEMPT_RT``.

        Args:
            name: its name in reports.
            class_: its lockdep class.
        """
        return self._declare_lock(RawSpinlock, name, class_)

    def rwlock(self, name: str, *, class_: str | None = None) -> Rwlock:
        """``DEFINE_RWLOCK()`` (``include/linux/rwlock_types.h``).

        Args:
            name: its name in reports.
            class_: its lockdep class.
        """
        return self._declare_lock(Rwlock, name, class_)

    def rwsem(self, name: str, *, class_: str | None = None) -> Rwsem:
        """``DECLARE_RWSEM()`` (``include/linux/rwsem.h``).

        Args:
            name: its name in reports.
            class_: its lockdep class.
        """
        return self._declare_lock(Rwsem, name, class_)

    def local_lock(self, name: str, *, class_: str | None = None) -> LocalLock:
        """``local_lock_init()`` (``include/linux/local_lock.h``).

        Args:
            name: its name in reports.
            class_: its lockdep class.
        """
        return self._declare_lock(LocalLock, name, class_)

    def ww_class(self, name: str, *, algorithm: Literal["wound-wait", "wait-die"] = "wound-wait") -> WwClass:
        """``DEFINE_WW_CLASS()`` or ``DEFINE_WD_CLASS()`` (``include/linux/ww_mutex.h``).

        Args:
            name: its name in reports.
            algorithm: who backs off: ``wound-wait`` as for modeset locks, ``wait-die`` as for dma_resv.

        Raises:
            ScenarioError: there is no such algorithm.
        """
        if algorithm not in ("wound-wait", "wait-die"):
            message = f"algorithm={algorithm!r}: expected 'wound-wait' or 'wait-die'"
            raise mistake(message)
        return self._declare(WwClass, name, algorithm=algorithm)

    def ww_mutex(self, name: str, class_: WwClass) -> WwMutex:
        """``ww_mutex_init()``.

        Args:
            name: its name in reports.
            class_: its ww class.

        Raises:
            ScenarioError: that is no ww class of this scenario.
        """
        return self._declare(
            WwMutex, name, **{"class": self._reference("k.ww_mutex(class_=…)", class_, WwClass)}
        )

    def completion(self, name: str) -> Completion:
        """``init_completion()`` (``include/linux/completion.h``)."""
        return self._declare(Completion, name)

    def wait_queue(self, name: str) -> WaitQueue:
        """``init_waitqueue_head()`` (``include/linux/wait.h``)."""
        return self._declare(WaitQueue, name)

    def cell(self, name: str, init: int = 0) -> Cell:
        """A shared variable, for ``READ_ONCE()``, ``WRITE_ONCE()`` and atomic operations.

        Args:
            name: its name in reports.
            init: its value at the start.

        Raises:
            ScenarioError: the value is no number of 64 bits.
        """
        return self._declare(Cell, name, init=checked_number("k.cell(init=…)", init, -MAX - 1, MAX))
