"""What a task can do: one method for each event that lockdep knows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from ringfence.errors import MisuseError
from ringfence.lockdep._section import IrqFlags, Section, SignallingCookie

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence._core import Cookie, Finding, Gfp
    from ringfence.lockdep._validator import Lock, Validator
    from ringfence.lockdep._where import Where

__all__ = ["TaskEvents"]


def _read(read: int | Literal["recursive"]) -> int:
    kind = {0: 0, 1: 1, 2: 2, "recursive": 2}.get(read)
    if kind is None:
        message = f"read={read!r} is none; expected False (0), True (1) or 'recursive' (2)"
        raise MisuseError(message)
    return kind


def _subclass(subclass: int) -> int:
    if not 0 <= subclass < 1 << 32:
        message = f"subclass={subclass} is none; expected a small number, 0 to 7 in the kernel"
        raise MisuseError(message)
    return subclass


class TaskEvents:
    """Locks, interrupts, memory and fences as lockdep sees them.

    Attributes:
        validator: whose task it is.
        name: what reports call it.
        number: its number in the engine.
    """

    def __init__(self, validator: Validator, name: str, number: int) -> None:
        self.validator = validator
        self.name = name
        self.number = number
        self._core = validator.core
        self._interrupts = 0
        self._scopes: set[str] = set()

    def _at(self, where: Where | None) -> tuple[int, int]:
        return self.number, self.validator.site(where)

    @property
    def holding(self) -> list[str]:
        """Names of the locks it holds, oldest first, annotations included."""
        return self._core.held(self.number)

    @property
    def in_interrupt(self) -> bool:
        """``in_interrupt()``: in a hard or soft interrupt, or with bottom halves disabled."""
        return self._interrupts > 0

    # ---- locks (kernel/locking/lockdep.c) ------------------------------------------------------------------

    def acquire(
        self,
        lock: Lock,
        *,
        read: int | Literal["recursive"] = False,
        trylock: bool = False,
        subclass: int = 0,
        nest: Lock | None = None,
        check: bool = True,
        where: Where | None = None,
    ) -> Section:
        """``lock_acquire()``.

        Args:
            lock: which one.
            read: False (0) exclusive, True (1) shared, ``"recursive"`` (2) a reader that never waits for a
                waiting writer.
            trylock: a trylock that succeeded: it waits for nobody.
            subclass: nesting level, of ``mutex_lock_nested()``.
            nest: the lock that serialises several acquisitions of this class, of ``mutex_lock_nest_lock()``.
            check: False: only tracked, as after ``lockdep_set_novalidate_class()``.
            where: the place that reports show.

        Raises:
            MisuseError: a lock of another validator, or another ``read``.
        """
        number = self.validator.lock_number
        found = self._core.acquire(
            self._at(where),
            number(lock),
            _read(read),
            bool(trylock),
            _subclass(subclass),
            None if nest is None else number(nest),
            bool(check),
            sync=False,
        )
        return Section(found, partial(self.release, lock))

    held = acquire

    def sync(
        self,
        lock: Lock,
        *,
        read: int | Literal["recursive"] = False,
        subclass: int = 0,
        check: bool = True,
        where: Where | None = None,
    ) -> list[Finding]:
        """``lock_sync()``: checked like an acquisition, holds nothing (``synchronize_srcu()``)."""
        number = self.validator.lock_number(lock)
        flags = _read(read), False, _subclass(subclass), None, bool(check)
        return self._core.acquire(self._at(where), number, *flags, sync=True)

    def release(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """``lock_release()``: in any order; of a lock that is not held it is a finding."""
        return self._core.release(self._at(where), self.validator.lock_number(lock))

    def downgrade(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """``lock_downgrade()``: held for writing, from now on for reading."""
        return self._core.downgrade(self._at(where), self.validator.lock_number(lock))

    def free(self, lock: Lock, *, where: Where | None = None) -> list[Finding]:
        """The lock's memory is freed or initialised again (``debug_check_no_locks_freed()``)."""
        return self._core.free(self._at(where), self.validator.lock_number(lock))

    # ---- interrupts (include/linux/irqflags.h, kernel/softirq.c) -------------------------------------------

    def local_irq_disable(self, *, where: Where | None = None) -> list[Finding]:
        """``local_irq_disable()``."""
        return self._core.irq_off(self._at(where))

    def local_irq_enable(self, *, where: Where | None = None) -> list[Finding]:
        """``local_irq_enable()``: every held lock counts as held with interrupts on.

        Raises:
            MisuseError: inside a hard interrupt.
        """
        return self._core.irq_on(self._at(where))

    def local_irq_save(self, *, where: Where | None = None) -> IrqFlags:
        """``local_irq_save()``; its end is ``local_irq_restore()``."""
        were_on = self._core.hardirqs_enabled(self.number)
        found = self._core.irq_off(self._at(where))
        return IrqFlags(found, partial(self._irq_restore, were_on), were_on)

    irq_disabled = local_irq_save

    def local_irq_restore(self, flags: IrqFlags, *, where: Where | None = None) -> list[Finding]:
        """``local_irq_restore()``: as they were when ``flags`` were saved."""
        return self._irq_restore(flags.were_on, where)

    def _irq_restore(self, were_on: bool, where: Where | None = None) -> list[Finding]:
        return self._core.irq_on(self._at(where)) if were_on else []

    def local_bh_disable(self, *, where: Where | None = None) -> Section:
        """``local_bh_disable()``; nests."""
        found = self._core.bh_disable(self._at(where))
        self._interrupts += 1
        return Section(found, self.local_bh_enable)

    bh_disabled = local_bh_disable

    def local_bh_enable(self, *, where: Where | None = None) -> list[Finding]:
        """``local_bh_enable()``.

        Raises:
            MisuseError: they are not disabled.
        """
        return self._leave(self._core.bh_enable, where)

    def hardirq(self, *, threaded: bool = False, where: Where | None = None) -> Section:
        """A hard interrupt arrives on this task's CPU; its end is the return from it.

        Args:
            threaded: its handler would run in a thread where that is forced, so it may take a ``spinlock_t``:
                what ``request_irq()`` gives without ``IRQF_NO_THREAD``, ``IRQF_PERCPU`` or ``IRQF_ONESHOT``.
            where: the place that reports show.
        """
        found = self._core.hardirq_enter(self._at(where), threaded)
        self._interrupts += 1
        return Section(found, self.hardirq_exit)

    hardirq_enter = hardirq

    def hardirq_exit(self, *, where: Where | None = None) -> list[Finding]:
        """The hard interrupt returns.

        Raises:
            MisuseError: there is none.
        """
        return self._leave(self._core.hardirq_exit, where)

    def softirq(self, *, where: Where | None = None) -> Section:
        """Soft interrupts are served; its end is the end of that."""
        found = self._core.softirq_enter(self._at(where))
        self._interrupts += 1
        return Section(found, self.softirq_exit)

    softirq_enter = softirq

    def softirq_exit(self, *, where: Where | None = None) -> list[Finding]:
        """Serving soft interrupts ends.

        Raises:
            MisuseError: none are served.
        """
        return self._leave(self._core.softirq_exit, where)

    def _leave(self, call: Callable[[tuple[int, int]], list[Finding]], where: Where | None) -> list[Finding]:
        found = call(self._at(where))
        self._interrupts = max(0, self._interrupts - 1)
        return found

    # ---- memory (mm/page_alloc.c, include/linux/sched/mm.h) ------------------------------------------------

    def alloc(self, gfp: Gfp, *, where: Where | None = None) -> list[Finding]:
        """An allocation, or ``might_alloc()``: may it reclaim here?"""
        return self._core.alloc(self._at(where), gfp)

    def fs_reclaim(self, gfp: Gfp, *, where: Where | None = None) -> Section:
        """``fs_reclaim_acquire()``: what runs until its end runs inside reclaim, as a shrinker does."""
        found = self._core.fs_reclaim_acquire(self._at(where), gfp)
        return Section(found, partial(self.fs_reclaim_release, gfp))

    fs_reclaim_acquire = fs_reclaim

    def fs_reclaim_release(self, gfp: Gfp, *, where: Where | None = None) -> list[Finding]:
        """``fs_reclaim_release()``."""
        return self._core.fs_reclaim_release(self._at(where), gfp)

    def memalloc_nofs(self, *, where: Where | None = None) -> Section:
        """``memalloc_nofs_save()``; its end restores what was before."""
        return self._scope("nofs", where)

    def memalloc_noio(self, *, where: Where | None = None) -> Section:
        """``memalloc_noio_save()``; its end restores what was before."""
        return self._scope("noio", where)

    def memalloc_noreclaim(self, *, where: Where | None = None) -> Section:
        """``memalloc_noreclaim_save()`` (``PF_MEMALLOC``); its end restores what was before."""
        return self._scope("noreclaim", where)

    memalloc_nofs_save = memalloc_nofs
    memalloc_noio_save = memalloc_noio
    memalloc_noreclaim_save = memalloc_noreclaim

    def _scope(self, scope: Literal["nofs", "noio", "noreclaim"], where: Where | None) -> Section:
        outermost = scope not in self._scopes
        self._scopes.add(scope)
        found = self._core.scope_save(self._at(where), scope)
        return Section(found, partial(self._scope_restore, scope, outermost))

    def _scope_restore(self, scope: Literal["nofs", "noio", "noreclaim"], outermost: bool) -> list[Finding]:
        if not outermost:
            return []
        self._scopes.discard(scope)
        return self._core.scope_restore(self._at(None), scope)

    # ---- fences (drivers/dma-buf/dma-fence.c) and MMU notifiers (include/linux/mmu_notifier.h) -------------

    def dma_fence_begin_signalling(self, *, where: Where | None = None) -> SignallingCookie:
        """``dma_fence_begin_signalling()``: what follows is needed to signal a published fence.

        A no-op inside another section and in atomic context, as in the kernel.
        """
        found, core = self._core.begin_signalling(self._at(where))
        return SignallingCookie(found, partial(self._end_signalling, core), core, self.validator)

    signalling = dma_fence_begin_signalling

    def dma_fence_end_signalling(
        self, cookie: SignallingCookie, *, where: Where | None = None
    ) -> list[Finding]:
        """``dma_fence_end_signalling()``.

        Raises:
            MisuseError: a cookie of another validator.
        """
        if cookie.validator is not self.validator:
            message = "the cookie belongs to another validator; pass the one of the matching begin"
            raise MisuseError(message)
        return self._core.end_signalling(self._at(where), cookie.core)

    def _end_signalling(self, core: Cookie) -> list[Finding]:
        return self._core.end_signalling(self._at(None), core)

    def fence_might_wait(self, *, where: Where | None = None) -> list[Finding]:
        """``__dma_fence_might_wait()``: what every wait for a fence begins with, signaled or not."""
        return self._core.might_wait(self._at(where))

    dma_fence_wait = fence_might_wait

    def invalidate_range(self, *, where: Where | None = None) -> Section:
        """``mmu_notifier_invalidate_range_start()`` to ``…_end()``: what runs between them is a notifier."""
        found = self._core.invalidate_range_start(self._at(where))
        return Section(found, self.mmu_notifier_invalidate_range_end)

    mmu_notifier_invalidate_range_start = invalidate_range

    def mmu_notifier_invalidate_range_end(self, *, where: Where | None = None) -> list[Finding]:
        """``mmu_notifier_invalidate_range_end()``."""
        return self._core.invalidate_range_end(self._at(where))
