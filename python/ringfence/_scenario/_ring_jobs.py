"""The handlers of a scheduler in front of a ring, where the driver has none of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence._scenario._constants import (
    DRM_GPU_SCHED_STAT_ENODEV,
    DRM_GPU_SCHED_STAT_NOMINAL,
    ECANCELED,
    ETIME,
)

if TYPE_CHECKING:
    from ringfence._scenario._gpu import Ring
    from ringfence._scenario._handled import Irq
    from ringfence._scenario._objects import DmaFence
    from ringfence._scenario._recorder import Recorder
    from ringfence._scenario._sched import DrmSched, DrmSchedJob
    from ringfence._scenario._values import Int

__all__ = ["RingInterrupt", "RingJobs"]


class RingJobs:
    """What most drivers do with the jobs of one ring.

    Attributes:
        sched: the scheduler.
        ring: where its jobs go.
        irq: the interrupt that tells of completed work.
    """

    def __init__(self, sched: DrmSched, ring: Ring, irq: Irq) -> None:
        self.sched = sched
        self.ring = ring
        self.irq = irq

    @property
    def _holds(self) -> bool:
        """Whether the ring holds a reference to the fence of each of its jobs: `run_job` below takes it."""
        return "run_job" in self.sched._usual

    def run_job(self, t: Recorder, job: DrmSchedJob) -> DmaFence:
        """``run_job``: the fence is a part of the job, so that nothing is allocated here."""
        fence = t.dma_fence_init(t._kernel.timeline(f"{self.ring.name}->fences"))
        ret = t.ring_emit(self.ring, job, t.dma_fence_get(fence))
        with t.if_(ret.failed):
            t.dma_fence_put(fence)
            t.dma_fence_put(fence)
            t.return_(ret)
        return fence

    def complete(self, t: Recorder) -> None:
        """Signals the fences of completed work."""
        with t.loop():
            fence = t.ring_completed(self.ring)
            with t.if_(fence.is_null):
                t.break_()
            if not self._holds:
                # The scheduler's reference may be the only one, and goes with the job once it is signaled.
                t.dma_fence_get(fence)
            t.dma_fence_signal(fence)
            t.dma_fence_put(fence)

    def timedout_job(self, t: Recorder, job: DrmSchedJob) -> Int:
        """``timedout_job``: recovers, while nobody submits or signals.

        What has completed all the same, as when an interrupt was lost, is no hang.
        """
        t.drm_sched_wqueue_stop(self.sched)
        t.disable_irq(self.irq)
        self.complete(t)
        # The scheduler took the job off its list; it goes back, to be freed as all others.
        if "timeout_unlinks" not in self.sched._entry["without"]:
            t.drm_sched_insert_pending_job(job)
        status = t.var(DRM_GPU_SCHED_STAT_NOMINAL)
        fence = job.parent
        with t.if_(fence), t.if_(t.not_(t.dma_fence_is_signaled(fence))):
            self._recover(t, job, fence, status)
        t.enable_irq(self.irq)
        t.drm_sched_wqueue_start(self.sched)
        return status

    def _recover(self, t: Recorder, job: DrmSchedJob, fence: DmaFence, status: Int) -> None:
        """Resets the engine, else the GPU, or gives it up; signals the fences of what was lost by it."""
        ret = t.gpu_engine_reset(self.ring, job)
        with t.if_(ret.failed), t.if_(t.gpu_reset(self.ring).failed):
            t.gpu_wedge(self.ring)
            status.set(DRM_GPU_SCHED_STAT_ENODEV)
        # Some may have completed right before the reset.
        self.complete(t)
        self._give_up(t, fence, ETIME)
        with t.if_(ret.failed), t.drm_sched_for_each_pending_job(self.sched) as lost:
            parent = lost.parent
            with t.if_(parent):
                self._give_up(t, parent, ECANCELED)

    def _give_up(self, t: Recorder, fence: DmaFence, error: int) -> None:
        """Signals a fence with an error, unless it is done."""
        with t.if_(t.not_(t.dma_fence_is_signaled(fence))):
            t.dma_fence_set_error(fence, -error)
            t.dma_fence_signal(fence)
            if self._holds:
                t.dma_fence_put(fence)


class RingInterrupt:
    """The handler of an interrupt that one ring raises, or several."""

    __name__ = "irq"

    def __init__(self) -> None:
        self.rings: list[RingJobs] = []

    def __call__(self, t: Recorder) -> None:
        for jobs in self.rings:
            jobs.complete(t)
