"""Reservations: ``include/linux/dma-resv.h``, ``drivers/dma-buf/dma-resv.c``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ringfence._scenario._flow import Flow
from ringfence._scenario._objects import DmaFence, DmaResv
from ringfence._scenario._results import LockResult, ResvIterator, TryLock, WwAcquireCtx
from ringfence._scenario._values import Errno, Int, UsageLevel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ringfence._scenario._section import Guard, Lock

__all__ = ["Reservations"]

Number = int | Int


class Reservations(Flow):
    """Calls on ``struct dma_resv``. A usage is `KERNEL`, `WRITE`, `READ` or `BOOKKEEP`."""

    # ---- the lock ------------------------------------------------------------------------------------------

    def dma_resv_lock(self, resv: DmaResv, ctx: WwAcquireCtx | None = None) -> LockResult:
        """``dma_resv_lock()``: 0, -EDEADLK (release all, then `dma_resv_lock_slow`) or -EALREADY.

        In a ``with`` its end is `dma_resv_unlock`.

        Args:
            resv: the reservation.
            ctx: the acquire context, if several are locked; without one it always succeeds.
        """
        guard: Guard = "always" if ctx is None else "zero"
        return self._section(LockResult, ("dma_resv_unlock", guard), "dma_resv_lock", resv, ctx)

    def dma_resv_lock_interruptible(self, resv: DmaResv, ctx: WwAcquireCtx | None = None) -> LockResult:
        """``dma_resv_lock_interruptible()``: 0, -EDEADLK, -EALREADY or -EINTR."""
        end = "dma_resv_unlock"
        return self._section(LockResult, (end, "zero"), "dma_resv_lock_interruptible", resv, ctx)

    def dma_resv_lock_slow(self, resv: DmaResv, ctx: WwAcquireCtx) -> Lock:
        """``dma_resv_lock_slow()``: after -EDEADLK, with nothing held: waits for the contended one."""
        return self._lock("dma_resv_unlock", "dma_resv_lock_slow", resv, ctx)

    def dma_resv_lock_slow_interruptible(self, resv: DmaResv, ctx: WwAcquireCtx) -> LockResult:
        """``dma_resv_lock_slow_interruptible()``: 0 or -EINTR."""
        end = "dma_resv_unlock"
        return self._section(LockResult, (end, "zero"), "dma_resv_lock_slow_interruptible", resv, ctx)

    def dma_resv_trylock(self, resv: DmaResv) -> TryLock:
        """``dma_resv_trylock()``: 1 if it got the lock."""
        return self._section(TryLock, ("dma_resv_unlock", "nonzero"), "dma_resv_trylock", resv)

    def dma_resv_unlock(self, resv: DmaResv) -> None:
        """``dma_resv_unlock()``."""
        self._do("dma_resv_unlock", resv)

    # ---- its fences ----------------------------------------------------------------------------------------

    def dma_resv_reserve_fences(self, resv: DmaResv, count: Number) -> Errno:
        """``dma_resv_reserve_fences()``: room for so many; GFP_KERNEL. 0, -EINVAL or -ENOMEM."""
        return self._value(Errno, "dma_resv_reserve_fences", resv, count)

    def dma_resv_add_fence(self, resv: DmaResv, fence: DmaFence, usage: Number) -> None:
        """``dma_resv_add_fence()``: publishes the fence."""
        self._do("dma_resv_add_fence", resv, fence, usage)

    def dma_resv_replace_fences(
        self, resv: DmaResv, context_of: DmaFence, by: DmaFence, usage: Number
    ) -> None:
        """``dma_resv_replace_fences()``: replaces all fences of that fence's context."""
        self._do("dma_resv_replace_fences", resv, context_of, by, usage)

    def dma_resv_copy_fences(self, dst: DmaResv, src: DmaResv) -> Errno:
        """``dma_resv_copy_fences()``: 0 or -ENOMEM."""
        return self._value(Errno, "dma_resv_copy_fences", dst, src)

    def dma_resv_get_singleton(self, resv: DmaResv, usage: Number) -> DmaFence:
        """``dma_resv_get_singleton()``: one fence for all; NULL: there is none, or memory is short."""
        return self._value(DmaFence, "dma_resv_get_singleton", resv, usage)

    def dma_resv_wait_timeout(
        self, resv: DmaResv, usage: Number, interruptible: Number, timeout: Number
    ) -> Int:
        """``dma_resv_wait_timeout()``.

        Args:
            resv: the reservation.
            usage: which of its fences.
            interruptible: a signal ends the wait.
            timeout: virtual nanoseconds, not jiffies.

        Returns:
            What is left of the timeout (at least 1), 0, or -ERESTARTSYS.
        """
        return self._value(Int, "dma_resv_wait_timeout", resv, usage, interruptible, timeout)

    def dma_resv_test_signaled(self, resv: DmaResv, usage: Number) -> Int:
        """``dma_resv_test_signaled()``: 1 if all are signaled."""
        return self._value(Int, "dma_resv_test_signaled", resv, usage)

    def dma_resv_set_deadline(self, resv: DmaResv, usage: Number, deadline: Number) -> None:
        """``dma_resv_set_deadline()``: a hint for all, in virtual nanoseconds."""
        self._do("dma_resv_set_deadline", resv, usage, deadline)

    def dma_resv_fini(self, resv: DmaResv) -> None:
        """``dma_resv_fini()``: drops all fences."""
        self._do("dma_resv_fini", resv)

    # ---- looking at all of them ----------------------------------------------------------------------------

    def dma_resv_iter_begin(self, resv: DmaResv, usage: Number) -> ResvIterator:
        """``dma_resv_iter_begin()``: a cursor; in a ``with`` its end is `dma_resv_iter_end`."""
        return self._section(
            ResvIterator, ("dma_resv_iter_end", "always"), "dma_resv_iter_begin", resv, usage
        )

    def dma_resv_iter_first_unlocked(self, cursor: ResvIterator) -> DmaFence:
        """``dma_resv_iter_first_unlocked()``: the first unsignaled fence; the cursor has a reference."""
        return self._value(DmaFence, "dma_resv_iter_first_unlocked", cursor)

    def dma_resv_iter_next_unlocked(self, cursor: ResvIterator) -> DmaFence:
        """``dma_resv_iter_next_unlocked()``: the next one; may start again. NULL at the end."""
        return self._value(DmaFence, "dma_resv_iter_next_unlocked", cursor)

    def dma_resv_iter_is_restarted(self, cursor: ResvIterator) -> Int:
        """``dma_resv_iter_is_restarted()``: 1 if what was seen before must be forgotten."""
        return self._value(Int, "dma_resv_iter_is_restarted", cursor)

    def dma_resv_iter_first(self, cursor: ResvIterator) -> DmaFence:
        """``dma_resv_iter_first()``, with the lock held: the first fence, signaled or not."""
        return self._value(DmaFence, "dma_resv_iter_first", cursor)

    def dma_resv_iter_next(self, cursor: ResvIterator) -> DmaFence:
        """``dma_resv_iter_next()``, with the lock held: the next one. NULL at the end."""
        return self._value(DmaFence, "dma_resv_iter_next", cursor)

    def dma_resv_iter_end(self, cursor: ResvIterator) -> None:
        """``dma_resv_iter_end()``."""
        self._do("dma_resv_iter_end", cursor)

    def dma_resv_iter_usage(self, cursor: ResvIterator) -> UsageLevel:
        """``dma_resv_iter_usage()``: the usage of the current fence."""
        return self._value(UsageLevel, "dma_resv_iter_usage", cursor)

    @contextlib.contextmanager
    def dma_resv_for_each_fence(self, resv: DmaResv, usage: Number) -> Iterator[DmaFence]:
        """``dma_resv_for_each_fence()``, with the lock held: a loop over all fences, signaled or not.

        ``with t.dma_resv_for_each_fence(bo, READ) as fence: …`` runs its block for each.
        """
        with (
            self.dma_resv_iter_begin(resv, usage) as cursor,
            self._each(
                lambda: self.dma_resv_iter_first(cursor), lambda: self.dma_resv_iter_next(cursor)
            ) as fence,
        ):
            yield fence

    @contextlib.contextmanager
    def dma_resv_for_each_fence_unlocked(self, resv: DmaResv, usage: Number) -> Iterator[DmaFence]:
        """``dma_resv_for_each_fence_unlocked()``: a loop over the unsignaled fences; may start again.

        ``with t.dma_resv_for_each_fence_unlocked(bo, READ) as fence: …`` runs its block for each.
        """
        with (
            self.dma_resv_iter_begin(resv, usage) as cursor,
            self._each(
                lambda: self.dma_resv_iter_first_unlocked(cursor),
                lambda: self.dma_resv_iter_next_unlocked(cursor),
            ) as fence,
        ):
            yield fence
