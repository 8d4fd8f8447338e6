"""A task, and the kernel's own names for what it does.

Which lock events a call makes, and in which order, is the kernel's: ``include/linux/spinlock_api_smp.h``
(interrupts go off before the lock is taken, and on after it was released), ``include/linux/lockdep.h``
(``down_read()`` is a shared reader, ``read_lock()`` a recursive one in interrupts only),
``include/linux/ww_mutex.h`` and ``include/linux/rcupdate.h``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ringfence.lockdep._events import TaskEvents
from ringfence.lockdep._section import IrqFlags, Section, WwAcquireCtx

if TYPE_CHECKING:
    from ringfence._core import Finding
    from ringfence.lockdep._validator import Lock
    from ringfence.lockdep._where import Where

__all__ = ["Task"]


class Task(TaskEvents):
    """A thread of the kernel, or what interrupts it. Made by `Validator.task`.

    Every call returns its findings. A call that opens or takes something returns them as a `Section`, which
    is a list and a context manager: ``with t.signalling() as found: …``. Each call takes ``where``, the place
    that reports show; left out, it is the caller's.

    >>> from ringfence import GFP_KERNEL
    >>> from ringfence.lockdep import Validator
    >>> v = Validator()
    >>> v.prime()
    []
    >>> t = v.task("kworker")
    >>> with t.signalling():
    ...     t.alloc(GFP_KERNEL)  # doctest: +ELLIPSIS
    [<Finding RF601 circular-dependency at ...: circular dependency: ...>]

    Attributes:
        validator: whose task it is.
        name: what reports call it.
        number: its number in the engine.
    """

    def __repr__(self) -> str:
        held = self.holding
        return f"<Task {self.name!r} holding {', '.join(held) if held else 'nothing'}>"

    # ---- mutex ---------------------------------------------------------------------------------------------

    def mutex_lock(self, lock: Lock, *, where: Where | None = None) -> Section:
        """``mutex_lock()``."""
        return self.acquire(lock, where=where)

    def mutex_lock_nested(self, lock: Lock, subclass: int, *, where: Where | None = None) -> Section:
        """``mutex_lock_nested()``: several of one class, each with its own subclass."""
        return self.acquire(lock, subclass=subclass, where=where)

    def mutex_lock_nest_lock(self, lock: Lock, nest: Lock, *, where: Where | None = None) -> Section:
        """``mutex_lock_nest_lock()``: several of one class, in any order, serialised by ``nest``."""
        return self.acquire(lock, nest=nest, where=where)

    def mutex_trylock(self, lock: Lock, *, where: Where | None = None) -> Section:
        """``mutex_trylock()`` that got the lock."""
        return self.acquire(lock, trylock=True, where=where)

    def mutex_unlock(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """``mutex_unlock()``."""
        return self.release(lock, where=where)

    # ---- rwsem ---------------------------------------------------------------------------------------------

    def down_read(self, lock: Lock, *, where: Where | None = None) -> Section:
        """``down_read()``, ``mmap_read_lock()``: a shared reader, which waits for a writer that waits."""
        return self.acquire(lock, read=True, where=where)

    def up_read(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """``up_read()``."""
        return self.release(lock, where=where)

    def down_write(self, lock: Lock, *, where: Where | None = None) -> Section:
        """``down_write()``."""
        return self.acquire(lock, where=where)

    def up_write(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """``up_write()``."""
        return self.release(lock, where=where)

    def downgrade_write(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """``downgrade_write()``: held for writing, from now on for reading."""
        return self.downgrade(lock, where=where)

    # ---- spinlock, raw spinlock, rwlock --------------------------------------------------------------------

    def spin_lock(self, lock: Lock, *, where: Where | None = None) -> Section:
        """``spin_lock()`` and ``raw_spin_lock()``, as the lock is."""
        return self.acquire(lock, where=where)

    def spin_trylock(self, lock: Lock, *, where: Where | None = None) -> Section:
        """``spin_trylock()`` that got the lock."""
        return self.acquire(lock, trylock=True, where=where)

    def spin_unlock(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """``spin_unlock()``."""
        return self.release(lock, where=where)

    def spin_lock_irqsave(self, lock: Lock, *, where: Where | None = None) -> IrqFlags:
        """``spin_lock_irqsave()``; its end is ``spin_unlock_irqrestore()``."""
        flags = self.local_irq_save(where=where)
        found = [*flags, *self.acquire(lock, where=where)]
        return IrqFlags(found, partial(self.spin_unlock_irqrestore, lock, flags), flags.were_on)

    def spin_unlock_irqrestore(
        self, lock: Lock, flags: IrqFlags, *, where: Where | None = None
    ) -> list[Finding]:
        """``spin_unlock_irqrestore()``."""
        return [*self.release(lock, where=where), *self.local_irq_restore(flags, where=where)]

    def spin_lock_irq(self, lock: Lock, *, where: Where | None = None) -> Section:
        """``spin_lock_irq()``; its end is ``spin_unlock_irq()``, which switches interrupts on in any case."""
        found = [*self.local_irq_disable(where=where), *self.acquire(lock, where=where)]
        return Section(found, partial(self.spin_unlock_irq, lock))

    def spin_unlock_irq(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """``spin_unlock_irq()``."""
        return [*self.release(lock, where=where), *self.local_irq_enable(where=where)]

    def spin_lock_bh(self, lock: Lock, *, where: Where | None = None) -> Section:
        """``spin_lock_bh()``; its end is ``spin_unlock_bh()``."""
        found = [*self.local_bh_disable(where=where), *self.acquire(lock, where=where)]
        return Section(found, partial(self.spin_unlock_bh, lock))

    def spin_unlock_bh(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """``spin_unlock_bh()``."""
        return [*self.release(lock, where=where), *self.local_bh_enable(where=where)]

    def read_lock(self, lock: Lock, *, where: Where | None = None) -> Section:
        """``read_lock()``: in an interrupt it never waits for a waiting writer, elsewhere it may.

        That is ``read_lock_is_recursive()`` with ``CONFIG_QUEUED_RWLOCKS``.
        """
        return self.acquire(lock, read=2 if self.in_interrupt else 1, where=where)

    def read_unlock(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """``read_unlock()``."""
        return self.release(lock, where=where)

    def write_lock(self, lock: Lock, *, where: Where | None = None) -> Section:
        """``write_lock()``."""
        return self.acquire(lock, where=where)

    def write_unlock(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """``write_unlock()``."""
        return self.release(lock, where=where)

    # ---- RCU -----------------------------------------------------------------------------------------------

    def rcu_read_lock(self, *, where: Where | None = None) -> Section:
        """``rcu_read_lock()``: a recursive reader that is tracked but not proven."""
        lock = self.validator.rcu_lock
        return self.acquire(lock, read="recursive", check=False, where=where)

    def rcu_read_unlock(self, *, where: Where | None = None) -> list[Finding]:
        """``rcu_read_unlock()``."""
        return self.release(self.validator.rcu_lock, where=where)

    # ---- reservations --------------------------------------------------------------------------------------

    def ww_acquire_ctx(self, *, where: Where | None = None) -> WwAcquireCtx:
        """``ww_acquire_init()`` with the class of reservations; its end is ``ww_acquire_fini()``."""
        lock = self.validator.ww_ctx(f"ww_ctx of {self.name}")
        found = self.acquire(lock, where=where)
        return WwAcquireCtx(found, partial(self.release, lock), lock)

    ww_acquire_init = ww_acquire_ctx

    def ww_acquire_fini(self, ctx: WwAcquireCtx, *, where: Where | None = None) -> list[Finding]:
        """``ww_acquire_fini()``."""
        return self.release(ctx.lock, where=where)

    def dma_resv_lock(
        self, resv: Lock, ctx: WwAcquireCtx | None = None, *, where: Where | None = None
    ) -> Section:
        """``dma_resv_lock()`` that succeeded: with a context several of them can be held at once."""
        return self.acquire(resv, nest=None if ctx is None else ctx.lock, where=where)

    def dma_resv_trylock(self, resv: Lock, *, where: Where | None = None) -> Section:
        """``dma_resv_trylock()`` that got the lock."""
        return self.acquire(resv, trylock=True, where=where)

    def dma_resv_unlock(self, resv: Lock, *, where: Where | None = None) -> list[Finding]:
        """``dma_resv_unlock()``."""
        return self.release(resv, where=where)
