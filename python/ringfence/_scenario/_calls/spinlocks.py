"""Spinning locks: ``include/linux/spinlock.h``, ``rwlock.h``, ``local_lock.h``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence._scenario._flow import Flow
from ringfence._scenario._objects import LocalLock, RawSpinlock, Rwlock, Spinlock
from ringfence._scenario._results import SavedState, TryLock
from ringfence._scenario._where import mistake
from ringfence._scenario._wording import described

if TYPE_CHECKING:
    from ringfence._scenario._section import Lock
    from ringfence._scenario._values import Cookie, Int

__all__ = ["Spinlocks"]

AnySpinlock = Spinlock | RawSpinlock


def _raw(lock: object) -> RawSpinlock:
    """The lock, which must be a raw one.

    Raises:
        ScenarioError: it is not.
    """
    if not isinstance(lock, RawSpinlock):
        message = f"a raw_spin_…() call takes a raw_spinlock (k.raw_spinlock()), not {described(lock)}"
        raise mistake(message)
    return lock


class Spinlocks(Flow):
    """Calls on ``spinlock_t``, ``raw_spinlock_t``, ``rwlock_t`` and ``local_lock_t``.

    A call that takes a lock can stand in a ``with``, whose end gives it back.
    """

    # ---- spinlock_t ----------------------------------------------------------------------------------------

    def spin_lock(self, lock: AnySpinlock) -> Lock:
        """``spin_lock()``; also ``raw_spin_lock()``, for a raw one."""
        return self._lock("spin_unlock", "spin_lock", lock)

    def spin_unlock(self, lock: AnySpinlock) -> None:
        """``spin_unlock()``."""
        self._do("spin_unlock", lock)

    def spin_lock_bh(self, lock: AnySpinlock) -> Lock:
        """``spin_lock_bh()``: with bottom halves off."""
        return self._lock("spin_unlock_bh", "spin_lock_bh", lock)

    def spin_unlock_bh(self, lock: AnySpinlock) -> None:
        """``spin_unlock_bh()``."""
        self._do("spin_unlock_bh", lock)

    def spin_lock_irq(self, lock: AnySpinlock) -> Lock:
        """``spin_lock_irq()``: with interrupts off."""
        return self._lock("spin_unlock_irq", "spin_lock_irq", lock)

    def spin_unlock_irq(self, lock: AnySpinlock) -> None:
        """``spin_unlock_irq()``: switches interrupts on, whatever they were before."""
        self._do("spin_unlock_irq", lock)

    def spin_lock_irqsave(self, lock: AnySpinlock) -> SavedState:
        """``spin_lock_irqsave()``: with interrupts off; returns ``flags``."""
        return self._section(SavedState, ("spin_unlock_irqrestore", "always"), "spin_lock_irqsave", lock)

    def spin_unlock_irqrestore(self, lock: AnySpinlock, flags: Cookie) -> None:
        """``spin_unlock_irqrestore()``."""
        self._do("spin_unlock_irqrestore", lock, flags)

    def spin_trylock(self, lock: AnySpinlock) -> TryLock:
        """``spin_trylock()``: 1 if it got the lock."""
        return self._section(TryLock, ("spin_unlock", "nonzero"), "spin_trylock", lock)

    def spin_lock_nested(self, lock: AnySpinlock, subclass: int | Int) -> Lock:
        """``spin_lock_nested()``: several of one class, each with a subclass of its own, 0 to 7."""
        return self._lock("spin_unlock", "spin_lock_nested", lock, subclass)

    # ---- raw_spinlock_t ------------------------------------------------------------------------------------

    def raw_spin_lock(self, lock: RawSpinlock) -> Lock:
        """``raw_spin_lock()``."""
        return self.spin_lock(_raw(lock))

    def raw_spin_unlock(self, lock: RawSpinlock) -> None:
        """``raw_spin_unlock()``."""
        self.spin_unlock(_raw(lock))

    def raw_spin_lock_irq(self, lock: RawSpinlock) -> Lock:
        """``raw_spin_lock_irq()``."""
        return self.spin_lock_irq(_raw(lock))

    def raw_spin_unlock_irq(self, lock: RawSpinlock) -> None:
        """``raw_spin_unlock_irq()``."""
        self.spin_unlock_irq(_raw(lock))

    def raw_spin_lock_irqsave(self, lock: RawSpinlock) -> SavedState:
        """``raw_spin_lock_irqsave()``: returns ``flags``."""
        return self.spin_lock_irqsave(_raw(lock))

    def raw_spin_unlock_irqrestore(self, lock: RawSpinlock, flags: Cookie) -> None:
        """``raw_spin_unlock_irqrestore()``."""
        self.spin_unlock_irqrestore(_raw(lock), flags)

    # ---- rwlock_t ------------------------------------------------------------------------------------------

    def read_lock(self, lock: Rwlock) -> Lock:
        """``read_lock()``."""
        return self._lock("read_unlock", "read_lock", lock)

    def read_unlock(self, lock: Rwlock) -> None:
        """``read_unlock()``."""
        self._do("read_unlock", lock)

    def write_lock(self, lock: Rwlock) -> Lock:
        """``write_lock()``."""
        return self._lock("write_unlock", "write_lock", lock)

    def write_unlock(self, lock: Rwlock) -> None:
        """``write_unlock()``."""
        self._do("write_unlock", lock)

    def read_lock_irqsave(self, lock: Rwlock) -> SavedState:
        """``read_lock_irqsave()``: with interrupts off; returns ``flags``."""
        return self._section(SavedState, ("read_unlock_irqrestore", "always"), "read_lock_irqsave", lock)

    def read_unlock_irqrestore(self, lock: Rwlock, flags: Cookie) -> None:
        """``read_unlock_irqrestore()``."""
        self._do("read_unlock_irqrestore", lock, flags)

    def write_lock_irqsave(self, lock: Rwlock) -> SavedState:
        """``write_lock_irqsave()``: with interrupts off; returns ``flags``."""
        return self._section(SavedState, ("write_unlock_irqrestore", "always"), "write_lock_irqsave", lock)

    def write_unlock_irqrestore(self, lock: Rwlock, flags: Cookie) -> None:
        """``write_unlock_irqrestore()``."""
        self._do("write_unlock_irqrestore", lock, flags)

    def read_trylock(self, lock: Rwlock) -> TryLock:
        """``read_trylock()``: 1 if it got the lock."""
        return self._section(TryLock, ("read_unlock", "nonzero"), "read_trylock", lock)

    def write_trylock(self, lock: Rwlock) -> TryLock:
        """``write_trylock()``: 1 if it got the lock."""
        return self._section(TryLock, ("write_unlock", "nonzero"), "write_trylock", lock)

    # ---- local_lock_t --------------------------------------------------------------------------------------

    def local_lock(self, lock: LocalLock) -> Lock:
        """``local_lock()``: preemption goes off, or on ``PREEMPT_RT`` a lock of this CPU is taken."""
        return self._lock("local_unlock", "local_lock", lock)

    def local_unlock(self, lock: LocalLock) -> None:
        """``local_unlock()``."""
        self._do("local_unlock", lock)
