"""A driver with ``drm_sched``: a scheduler for each ring."""

from __future__ import annotations

from typing import NamedTuple

import ringfence as rf
from ringfence.drivers._gpu import GpuDriver, GpuRing

__all__ = ["SchedGpu", "SchedRing", "UserContext"]


class UserContext(NamedTuple):
    """A context of user space: what one process submits to one ring.

    Attributes:
        ring: where its jobs go.
        entity: its queue.
        guilty: set by the scheduler once a job of it has hung.
    """

    ring: SchedRing
    entity: rf.DrmSchedEntity
    guilty: rf.Cell


class SchedRing(GpuRing):
    """A ring with its scheduler: the handlers of ``struct drm_sched_backend_ops``."""

    gpu: SchedGpu

    def setup(self, k: rf.Kernel) -> None:
        """As many credits as there are slots: `run_job` always finds one."""
        super().setup(k)
        self.sched = k.drm_sched(
            self.name,
            credit_limit=self.gpu.slots,
            timeout=self.gpu.hangs.period,
            submit_wq=self.gpu.submit_wq,
            timeout_wq=self.gpu.reset_wq,
        )

    def run_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> rf.DmaFence:
        """Puts it on the ring. Its fence is a part of the job: nothing is allocated where it may not be."""
        with t.if_(t.drm_sched_job_karma(job) > 0):
            # Submitted again after a reset that it was guilty of: it has no fence, so it ends.
            t.return_()
        fence = t.dma_fence_init(self.fences)
        ret = t.ring_emit(self.ring, job, t.dma_fence_get(fence))
        with t.if_(ret.failed):
            # The GPU was given up.
            t.dma_fence_put(fence)
            t.dma_fence_put(fence)
            t.return_(ret)
        return fence

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> rf.Int:
        """Its time is over: looks whether it has hung, and recovers."""
        gpu = self.gpu
        for part in gpu.parts:
            t.drm_sched_wqueue_stop(part.sched)
        t.disable_irq(gpu.line)
        # The interrupt may have been lost, or be late: that is no hang.
        gpu.handle_irq(t)
        # The scheduler has taken it off its list, to keep it: from here on nobody frees it anyway.
        t.drm_sched_insert_pending_job(job)
        hung = job.parent
        with (
            t.if_(hung),
            t.if_(t.not_(t.dma_fence_is_signaled(hung))),
            t.if_(gpu.hangs.has_hung(t, self.ring)),
        ):
            gpu.resets.recover(t, gpu, self, hung)
        t.enable_irq(gpu.line)
        for part in gpu.parts:
            t.drm_sched_wqueue_start(part.sched)
        status = t.var(rf.DRM_GPU_SCHED_STAT_NOMINAL)
        with t.if_(t.gpu_wedged(gpu.device)):
            status.set(rf.DRM_GPU_SCHED_STAT_ENODEV)
        return status

    def blame(self, t: rf.Recorder, fence: rf.DmaFence, error: int) -> None:
        """What had hung makes its context guilty: it has submitted for the last time."""
        if error == -rf.ETIME:
            with t.drm_sched_for_each_pending_job(self.sched) as job, t.if_(job.parent == fence):
                t.drm_sched_increase_karma(job)


class SchedGpu(GpuDriver):
    """A driver whose jobs go through ``drm_sched`` (amdgpu, panfrost, v3d and most others)."""

    shared_workqueue: bool = False
    """All schedulers submit from one workqueue."""

    ring_model = SchedRing
    parts: list[SchedRing]  # type: ignore[assignment] # what `ring_model` makes

    def setup(self, k: rf.Kernel) -> None:
        """Workqueues that need no memory to get ahead; one recovery at a time."""
        submit, reset = f"{self.name}->submit_wq", f"{self.name}->reset_wq"
        self.submit_wq = (
            k.workqueue(submit, ordered=True, mem_reclaim=True) if self.shared_workqueue else None
        )
        self.reset_wq = k.workqueue(reset, ordered=True, mem_reclaim=True)
        super().setup(k)

    # ---- user space ----------------------------------------------------------------------------------------

    def context(self, k: rf.Kernel, name: str, ring: int = 0) -> UserContext:
        """A context of user space, which submits to one of the rings."""
        guilty = k.cell(f"{name}->guilty")
        entity = k.drm_sched_entity(name, self.parts[ring].sched, guilty=guilty)
        return UserContext(self.parts[ring], entity, guilty)

    def submit(
        self, t: rf.Recorder, context: UserContext, bo: rf.DmaResv, work: rf.GpuJob | None = None
    ) -> rf.Errno:
        """The ioctl: 0, or a negative errno. Everything is allocated before the fence is published."""
        ret = t.var(rf.Errno)
        with t.if_(t.gpu_wedged(self.device)):
            ret.set(-rf.ENODEV)
        with t.elif_(lambda: t.read_once(context.guilty)):
            ret.set(-rf.ECANCELED)
        with t.else_():
            ret.set(-rf.ENOMEM)
            job = t.drm_sched_job(context.entity, work)
            with t.if_(job), t.dma_resv_lock(bo):
                with t.if_(t.dma_resv_reserve_fences(bo, 1).failed):
                    t.drm_sched_job_cleanup(job)
                    t.kfree(job)
                with t.else_():
                    self.push(t, job, bo)
                    ret.set(0)
        return ret

    def push(self, t: rf.Recorder, job: rf.DrmSchedJob, bo: rf.DmaResv) -> None:
        """The point of no return: from here on the job has to be signaled."""
        with t.dma_fence_signalling():
            t.drm_sched_job_arm(job)
            t.dma_resv_add_fence(bo, job.finished, rf.WRITE)
            t.drm_sched_entity_push_job(job)

    # ---- recovery ------------------------------------------------------------------------------------------

    def prepare_reset(self, t: rf.Recorder, hung: rf.DmaFence) -> None:
        """Jobs let go of the fences that they wait for: they will get others, or none."""
        for part in self.parts:
            part.blame(t, hung, -rf.ETIME)
            t.drm_sched_stop(part.sched, None)

    def reset_device(self, t: rf.Recorder) -> rf.Errno:
        """All work is lost; that of the innocent is submitted again."""
        ret = super().reset_device(t)
        with t.if_(t.not_(ret.failed)):
            for part in self.parts:
                t.drm_sched_resubmit_jobs(part.sched)
        return ret

    def finish_reset(self, t: rf.Recorder) -> None:
        """Jobs wait for their new fences; without one they end."""
        for part in self.parts:
            t.drm_sched_start(part.sched)
