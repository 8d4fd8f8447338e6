"""lima: a job completes while its timeout is handled, and the GPU is said to be idle twice.

Fixed by a421cc7a6a00 (2024). The interrupt and the handler of the timeout each end the job, and each gives
back what the job took of the power management, which warns. The fix masks the interrupt before the handler
decides.
"""

import ringfence as rf


class Lima(rf.Driver):
    masks_irq = False

    def setup(self, k: rf.Kernel) -> None:
        self.busy_count = k.cell("busy_count")
        self.fences = k.timeline("gp")
        self.line = k.irq("gp")
        self.gp = k.ring("gp", k.engine("gp", irq=self.line))
        self.sched = k.drm_sched("gp", timeout=rf.ms(500))

    def pm_busy(self, t: rf.Recorder) -> None:
        t.atomic_add_return(self.busy_count, 1)

    def pm_idle(self, t: rf.Recorder) -> None:
        """lima_devfreq_record_idle()."""
        t.warn_on(t.atomic_add_return(self.busy_count, -1) < 0)

    def run_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> rf.DmaFence:
        """lima_sched_run_job()."""
        with t.if_(t.drm_sched_job_karma(job) > 0):
            t.return_(None)
        fence = t.dma_fence_init(self.fences)
        self.pm_busy(t)
        t.ring_emit(self.gp, job, t.dma_fence_get(fence))
        return fence

    def irq(self, t: rf.Recorder) -> None:
        """lima_sched_pipe_task_done()."""
        with t.loop():
            fence = t.ring_completed(self.gp)
            with t.if_(fence.is_null):
                t.break_()
            t.dma_fence_signal(fence)
            t.dma_fence_put(fence)
            self.pm_idle(t)

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> int:
        """lima_sched_timedout_job()."""
        if self.masks_irq:
            t.disable_irq(self.line)
        with t.if_(t.dma_fence_is_signaled(job.parent)):
            if self.masks_irq:
                t.enable_irq(self.line)
            t.return_(rf.DRM_GPU_SCHED_STAT_NO_HANG)
        t.drm_sched_stop(self.sched, job)
        t.drm_sched_increase_karma(job)
        t.gpu_reset(self.gp)
        with t.loop(), t.if_(t.ring_completed(self.gp).is_null):
            t.break_()
        self.pm_idle(t)
        t.drm_sched_resubmit_jobs(self.sched)
        t.drm_sched_start(self.sched)
        if self.masks_irq:
            t.enable_irq(self.line)
        return rf.DRM_GPU_SCHED_STAT_NOMINAL


def completes_meanwhile(k: rf.Kernel, gpu: Lima) -> None:
    entity = k.drm_sched_entity("client", gpu.sched)
    slow = k.gpu_job("slow", run_time=rf.ms(500))

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        job = t.drm_sched_job(entity, slow)
        t.drm_sched_job_arm(job)
        t.drm_sched_entity_push_job(job)


buggy = rf.scenario(drivers=[Lima], name="buggy")(completes_meanwhile)
fixed = rf.scenario(drivers=[Lima(masks_irq=True)], name="fixed")(completes_meanwhile)
