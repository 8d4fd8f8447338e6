"""Declaring fences, and what holds them."""

from __future__ import annotations

from ringfence._scenario._checks import MAX, checked_number
from ringfence._scenario._handled import DmaFenceCb, DmaFenceOps, Function
from ringfence._scenario._kernel_base import KernelBase
from ringfence._scenario._objects import (
    DmaFence,
    DmaResv,
    RawSpinlock,
    Spinlock,
    SwSync,
    Syncobj,
    Timeline,
)

__all__ = ["KernelFences"]


class KernelFences(KernelBase):
    """The part of a `Kernel` that declares fences and reservations."""

    def dma_fence_ops(
        self,
        name: str,
        *,
        enable_signaling: Function | None = None,
        signaled: Function | None = None,
        wait: Function | None = None,
        release: Function | None = None,
        set_deadline: Function | None = None,
        use_64bit_seqno: bool = False,
    ) -> DmaFenceOps:
        """``struct dma_fence_ops`` (``include/linux/dma-fence.h``). Every function takes ``t`` and the fence.

        Args:
            name: its name in reports.
            enable_signaling: with the fence lock held; returns 0 if the fence is done already.
            signaled: polls; returns 1 if the fence is done.
            wait: replaces the default wait; returns as ``dma_fence_wait_timeout()`` does.
            release: runs instead of the default release.
            set_deadline: takes the deadline too, in virtual nanoseconds.
            use_64bit_seqno: numbers do not wrap.
        """
        functions = {
            "enable_signaling": enable_signaling,
            "signaled": signaled,
            "wait": wait,
            "release": release,
            "set_deadline": set_deadline,
        }
        return self._declare_with(DmaFenceOps, name, functions, use_64bit_seqno=bool(use_64bit_seqno))

    def timeline(
        self,
        name: str,
        *,
        lock: Spinlock | RawSpinlock | None = None,
        ops: DmaFenceOps | None = None,
        first_seqno: int = 1,
        bound: int | None = None,
    ) -> Timeline:
        """``dma_fence_context_alloc()``: a fence context.

        Args:
            name: its name in reports.
            lock: the lock that its fences share; without, every fence has one of its own.
            ops: what its fences do; without, none of the optional ops.
            first_seqno: number of its first fence.
            bound: virtual nanoseconds that a published fence of it may take; without, the environment's.

        Raises:
            ScenarioError: the lock or ops are none of this scenario, or a number is out of range.
        """
        checked_number("k.timeline(first_seqno=…)", first_seqno, 0, MAX)
        if bound is not None:
            checked_number("k.timeline(bound=…)", bound, 1, MAX)
        return self._declare(
            Timeline,
            name,
            lock=self._optional("k.timeline(lock=…)", lock, Spinlock, RawSpinlock),
            ops=self._optional("k.timeline(ops=…)", ops, DmaFenceOps),
            first_seqno=first_seqno,
            bound=bound,
        )

    def dma_fence(self, name: str, *, timeline: Timeline | None = None, seqno: int | None = None) -> DmaFence:
        """A fence that exists from the start.

        Args:
            name: its name in reports.
            timeline: its context; without, one of its own.
            seqno: its number; without, the next one.

        Raises:
            ScenarioError: that is no timeline of this scenario, or the number is out of range.
        """
        if timeline is None:
            timeline = self.timeline(name)
        if seqno is not None:
            checked_number("k.dma_fence(seqno=…)", seqno, 0, MAX)
        context = self._reference("k.dma_fence(timeline=…)", timeline, Timeline)
        return self._declare(DmaFence, name, timeline=context, seqno=seqno)

    def dma_fence_cb(self, name: str, function: Function | None = None) -> DmaFenceCb:
        """``struct dma_fence_cb``, for ``t.dma_fence_add_callback()``.

        Args:
            name: its name in reports.
            function: takes ``t`` and the fence; runs with the fence lock held, interrupts off.
        """
        return self._declare_with(DmaFenceCb, name, {"function": function})

    def syncobj(self, name: str) -> Syncobj:
        """``struct drm_syncobj`` (``include/drm/drm_syncobj.h``)."""
        return self._declare(Syncobj, name)

    def sw_sync(self, name: str) -> SwSync:
        """A ``sw_sync`` timeline (``drivers/dma-buf/sw_sync.c``)."""
        return self._declare(SwSync, name)

    def dma_resv(self, name: str) -> DmaResv:
        """``dma_resv_init()``: the reservation of a buffer (``include/linux/dma-resv.h``)."""
        return self._declare(DmaResv, name)

    resv = dma_resv
