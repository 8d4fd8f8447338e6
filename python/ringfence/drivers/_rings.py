"""A driver without ``drm_sched``: puts work on its rings itself, looks after it from a delayed work."""

from __future__ import annotations

import ringfence as rf
from ringfence.drivers._gpu import GpuDriver, GpuRing

__all__ = ["HangcheckRing", "RingGpu"]


class HangcheckRing(GpuRing):
    """A ring with its hang check."""

    gpu: RingGpu

    def setup(self, k: rf.Kernel) -> None:
        """The work that looks whether the ring still gets ahead."""
        super().setup(k)
        self.timer = k.delayed_work(f"{self.name}->hangcheck", self.hangcheck)
        # What was put on the ring and not signaled: the hardware may know better, but it has not told yet.
        self.in_flight = k.cell(f"{self.name}->in_flight")

    def emit(self, t: rf.Recorder, work: rf.GpuJob | None, fence: rf.DmaFence) -> None:
        """Puts work on the ring, which takes the reference over, and has somebody look after it."""
        t.atomic_add_return(self.in_flight, 1)
        t.warn_on(t.ring_emit(self.ring, work, fence).failed)
        self.look_after(t)

    def look_after(self, t: rf.Recorder) -> None:
        """Has the hang check run, a period from now at the latest."""
        if self.gpu.hangs.period < rf.MAX_SCHEDULE_TIMEOUT:
            t.queue_delayed_work(self.gpu.reset_wq, self.timer, self.gpu.hangs.period)

    def complete(self, t: rf.Recorder) -> rf.Int:
        """What is the oldest work now has all its time before it."""
        found = super().complete(t)
        with t.if_(found), t.if_(t.read_once(self.in_flight)):
            t.mod_delayed_work(self.gpu.reset_wq, self.timer, self.gpu.hangs.period)
        return found

    def end(self, t: rf.Recorder, fence: rf.DmaFence) -> None:
        """One less."""
        t.atomic_add_return(self.in_flight, -1)
        super().end(t, fence)

    def hangcheck(self, t: rf.Recorder) -> None:
        """The oldest work has been the oldest for too long: looks whether it has hung, and recovers."""
        gpu = self.gpu
        with t.dma_fence_signalling(), t.mutex_lock(gpu.lock):
            t.disable_irq(gpu.line)
            # The interrupt may have been lost, or be late: that is no hang.
            with t.if_(t.not_(self.complete(t))):
                hung = t.ring_head(self.ring)
                with t.if_(hung), t.if_(gpu.hangs.has_hung(t, self.ring)):
                    gpu.resets.recover(t, gpu, self, hung)
            t.enable_irq(gpu.line)
            with t.if_(t.read_once(self.in_flight)), t.if_(t.not_(t.gpu_wedged(gpu.device))):
                self.look_after(t)


class RingGpu(GpuDriver):
    """A driver that has no scheduler (i915 before its GuC, radeon, vmwgfx)."""

    ring_model = HangcheckRing
    parts: list[HangcheckRing]  # type: ignore[assignment] # what `ring_model` makes

    def setup(self, k: rf.Kernel) -> None:
        """A lock between those who submit and those who recover."""
        self.lock = k.mutex(f"{self.name}->lock")
        self.reset_wq = k.workqueue(f"{self.name}->reset_wq", ordered=True, mem_reclaim=True)
        super().setup(k)

    def context(self, k: rf.Kernel, name: str, ring: int = 0) -> HangcheckRing:  # noqa: ARG002
        """A context of user space is not more than the ring that it submits to."""
        return self.parts[ring]

    def submit(
        self, t: rf.Recorder, context: HangcheckRing, bo: rf.DmaResv, work: rf.GpuJob | None = None
    ) -> rf.Errno:
        """The ioctl: 0, or a negative errno. Everything is allocated before the fence is published."""
        ret = t.var(rf.Errno)
        with t.dma_resv_lock(bo):
            with t.if_(t.dma_resv_reserve_fences(bo, 1).failed):
                ret.set(-rf.ENOMEM)
            with t.else_(), t.dma_fence_signalling(), t.mutex_lock(self.lock):
                with t.if_(t.gpu_wedged(self.device)):
                    ret.set(-rf.ENODEV)
                with t.elif_(lambda: t.ring_space(context.ring) == 0):
                    ret.set(-rf.EBUSY)
                with t.else_():
                    fence = t.dma_fence_init(context.fences)
                    t.dma_resv_add_fence(bo, fence, rf.WRITE)
                    context.emit(t, work, fence)
        return ret
