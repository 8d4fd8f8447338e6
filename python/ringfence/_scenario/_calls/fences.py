"""Fences: ``include/linux/dma-fence.h``, ``drivers/dma-buf/dma-fence.c``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence._scenario._flow import Flow
from ringfence._scenario._objects import DmaFence, Timeline
from ringfence._scenario._results import SavedState
from ringfence._scenario._values import Cookie, Errno, GfpMask, Int, Seqno

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence._core import Gfp
    from ringfence._scenario._handled import DmaFenceCb, DmaFenceOps

__all__ = ["Fences"]

Number = int | Int


class Fences(Flow):
    """Calls on ``struct dma_fence``."""

    # ---- life ----------------------------------------------------------------------------------------------

    def dma_fence_init(self, timeline: Timeline) -> DmaFence:
        """``dma_fence_init()``: a new fence with the timeline's next number; the caller has a reference."""
        return self._value(DmaFence, "dma_fence_init", timeline)

    def dma_fence_init_seqno(self, timeline: Timeline, seqno: Number) -> DmaFence:
        """``dma_fence_init()`` with this number."""
        return self._value(DmaFence, "dma_fence_init_seqno", timeline, seqno)

    def dma_fence_init_ops(self, timeline: Timeline, seqno: Number, ops: DmaFenceOps | None) -> DmaFence:
        """``dma_fence_init()`` with this number and ops of its own; None: none of the optional ones."""
        return self._value(DmaFence, "dma_fence_init_ops", timeline, seqno, ops)

    def dma_fence_alloc_init(self, timeline: Timeline, gfp: Gfp | GfpMask) -> DmaFence:
        """Allocates a fence and initialises it.

        Args:
            timeline: its context.
            gfp: what the allocation may do to get memory.

        Returns:
            The fence; NULL if the allocation fails, see ``.failed``.
        """
        return self._value(DmaFence, "dma_fence_alloc_init", timeline, gfp)

    def dma_fence_get(self, fence: DmaFence | None) -> DmaFence:
        """``dma_fence_get()``: takes a reference."""
        return self._value(DmaFence, "dma_fence_get", fence)

    def dma_fence_put(self, fence: DmaFence | None) -> None:
        """``dma_fence_put()``: drops a reference."""
        self._do("dma_fence_put", fence)

    def dma_fence_get_rcu(self, fence: DmaFence) -> DmaFence:
        """``dma_fence_get_rcu()``: takes a reference unless there is none left; NULL then."""
        return self._value(DmaFence, "dma_fence_get_rcu", fence)

    def dma_fence_publish(self, fence: DmaFence) -> None:
        """Hands the fence to others by other means than a reservation, sync_file or syncobj."""
        self._do("dma_fence_publish", fence)

    # ---- signalling ----------------------------------------------------------------------------------------

    def dma_fence_begin_signalling(self) -> SavedState:
        """``dma_fence_begin_signalling()``: begins a signalling section.

        Returns:
            The cookie for `dma_fence_end_signalling`, which is also the end of a ``with``.
        """
        return self._section(SavedState, ("dma_fence_end_signalling", "always"), "dma_fence_begin_signalling")

    def dma_fence_signalling(self) -> SavedState:
        """A signalling section: ``with t.dma_fence_signalling(): …``; as `dma_fence_begin_signalling`."""
        return self.dma_fence_begin_signalling()

    def dma_fence_end_signalling(self, cookie: Cookie) -> None:
        """``dma_fence_end_signalling()``."""
        self._do("dma_fence_end_signalling", cookie)

    def dma_fence_signal(self, fence: DmaFence | None) -> Errno:
        """``dma_fence_signal()``: 0, or -EINVAL if it was signaled."""
        return self._value(Errno, "dma_fence_signal", fence)

    def dma_fence_signal_locked(self, fence: DmaFence) -> Errno:
        """``dma_fence_signal_locked()``, with the fence lock held: 0, or -EINVAL if it was signaled."""
        return self._value(Errno, "dma_fence_signal_locked", fence)

    def dma_fence_signal_timestamp(self, fence: DmaFence | None, timestamp: Number) -> Errno:
        """``dma_fence_signal_timestamp()``: without a section of its own; virtual nanoseconds."""
        return self._value(Errno, "dma_fence_signal_timestamp", fence, timestamp)

    def dma_fence_set_error(self, fence: DmaFence, error: Number) -> None:
        """``dma_fence_set_error()``: a negative errno, before it is signaled."""
        self._do("dma_fence_set_error", fence, error)

    def dma_fence_lock_irqsave(self, fence: DmaFence) -> SavedState:
        """Takes the fence's lock with interrupts off; in a ``with`` its end gives it back."""
        end = "dma_fence_unlock_irqrestore"
        return self._section(SavedState, (end, "always"), "dma_fence_lock_irqsave", fence)

    def dma_fence_unlock_irqrestore(self, fence: DmaFence, flags: Cookie) -> None:
        """Gives the fence's lock back."""
        self._do("dma_fence_unlock_irqrestore", fence, flags)

    def hw_done(self, fence: DmaFence) -> None:
        """The hardware is done with it: a driver's ``signaled`` may say so from now on."""
        self._do("hw_done", fence)

    def hw_is_done(self, fence: DmaFence) -> Int:
        """1 after `hw_done`: what ``signaled`` reads from the hardware."""
        return self._value(Int, "hw_is_done", fence)

    # ---- asking --------------------------------------------------------------------------------------------

    def dma_fence_get_status(self, fence: DmaFence) -> Int:
        """``dma_fence_get_status()``: 0 pending, 1 signaled, or the error. May poll."""
        return self._value(Int, "dma_fence_get_status", fence)

    def dma_fence_is_signaled(self, fence: DmaFence) -> Int:
        """``dma_fence_is_signaled()``: polls, and may signal."""
        return self._value(Int, "dma_fence_is_signaled", fence)

    def dma_fence_is_signaled_locked(self, fence: DmaFence) -> Int:
        """``dma_fence_is_signaled_locked()``, with the fence lock held."""
        return self._value(Int, "dma_fence_is_signaled_locked", fence)

    def dma_fence_is_later(self, a: DmaFence, b: DmaFence) -> Int:
        """``dma_fence_is_later()``: 1 if a comes after b on their timeline."""
        return self._value(Int, "dma_fence_is_later", a, b)

    def dma_fence_later(self, a: DmaFence, b: DmaFence) -> DmaFence:
        """``dma_fence_later()``: the later one, or NULL if that is signaled."""
        return self._value(DmaFence, "dma_fence_later", a, b)

    def dma_fence_seqno(self, fence: DmaFence) -> Seqno:
        """``fence->seqno``."""
        return self._value(Seqno, "dma_fence_seqno", fence)

    def dma_fence_context(self, fence: DmaFence) -> Int:
        """``fence->context``."""
        return self._value(Int, "dma_fence_context", fence)

    def dma_fence_set_deadline(self, fence: DmaFence, deadline: Number) -> None:
        """``dma_fence_set_deadline()``: a hint when somebody will need it, in virtual nanoseconds."""
        self._do("dma_fence_set_deadline", fence, deadline)

    # ---- waiting -------------------------------------------------------------------------------------------

    def dma_fence_enable_sw_signaling(self, fence: DmaFence) -> None:
        """``dma_fence_enable_sw_signaling()``."""
        self._do("dma_fence_enable_sw_signaling", fence)

    def dma_fence_add_callback(self, fence: DmaFence, cb: DmaFenceCb) -> Errno:
        """``dma_fence_add_callback()``: 0, or -ENOENT if it is signaled."""
        return self._value(Errno, "dma_fence_add_callback", fence, cb)

    def dma_fence_remove_callback(self, fence: DmaFence, cb: DmaFenceCb) -> Int:
        """``dma_fence_remove_callback()``: 1 if it was still pending."""
        return self._value(Int, "dma_fence_remove_callback", fence, cb)

    def dma_fence_wait(self, fence: DmaFence, interruptible: Number = False) -> Errno:
        """``dma_fence_wait()``: 0, or -ERESTARTSYS if it is interruptible."""
        return self._value(Errno, "dma_fence_wait", fence, interruptible)

    def dma_fence_wait_timeout(self, fence: DmaFence, interruptible: Number, timeout: Number) -> Int:
        """``dma_fence_wait_timeout()``.

        Args:
            fence: what is waited for.
            interruptible: a signal ends the wait.
            timeout: virtual nanoseconds, not jiffies.

        Returns:
            What is left of the timeout (at least 1), 0, or -ERESTARTSYS.
        """
        return self._value(Int, "dma_fence_wait_timeout", fence, interruptible, timeout)

    def dma_fence_wait_any_timeout(
        self, fences: Sequence[DmaFence], interruptible: Number, timeout: Number
    ) -> Int:
        """``dma_fence_wait_any_timeout()``: as `dma_fence_wait_timeout`, for any of them. Allocates."""
        return self._value(Int, "dma_fence_wait_any_timeout", fences, interruptible, timeout)

    def dma_fence_might_wait(self) -> None:
        """``__dma_fence_might_wait()``: tells the validator that a fence may be waited for here."""
        self._do("__dma_fence_might_wait")
