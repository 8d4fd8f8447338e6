"""etnaviv allocates the fence of a job with GFP_KERNEL when the job is already published, on its way to run.

A client submits a job. From drm_sched_job_arm() on there is a fence that says when the job will be done, and
anybody may wait for it: the next client, the compositor, another driver's shrinker that wants the buffer's
memory back. The scheduler hands the job to the hardware later, in a worker: run_job.

There etnaviv takes gpu->lock, and allocates the fence that the interrupt will signal. If memory is short, the
allocation reclaims some first. Reclaim calls shrinkers, and a shrinker may wait for any fence, also for that
of this very job: which waits for memory, and can't be done before it has run. Nothing moves any more, and
whoever needs gpu->lock, such as the handler of the job's timeout, waits behind it:

    ringfence check examples/etnaviv_run_job.py::buggy

The fix allocates the fence with the job, before anybody can wait for it:

    ringfence check examples/etnaviv_run_job.py::fixed

etnaviv_gpu_submit() does so in Linux 6.12, and so do v3d, lima and panfrost. lockdep says nothing, since the
scheduler is not annotated there. With an annotation it does:
https://lore.kernel.org/dri-devel/20200604081224.863494-1-daniel.vetter@ffwll.ch/
"""

import ringfence as rf


class Etnaviv(rf.Driver):
    """A GPU with one ring, and what etnaviv does with the scheduler's jobs."""

    allocates_with_the_job = False
    """The fix."""

    def setup(self, k: rf.Kernel) -> None:
        self.lock = k.mutex("gpu->lock")
        self.fences = k.timeline("gpu->fences", lock=k.spinlock("gpu->fence_spinlock"))
        self.ring = k.ring("gpu", k.engine("gpu", irq=k.irq("gpu")))
        self.sched = k.drm_sched("gpu", credit_limit=4, timeout=rf.ms(500))

    def submit(self, t: rf.Recorder, entity: rf.DrmSchedEntity, bo: rf.DmaResv) -> None:
        """etnaviv_ioctl_gem_submit()."""
        if self.allocates_with_the_job:
            memory = t.kzalloc(rf.GFP_KERNEL)
            with t.if_(memory.failed):
                t.return_(-rf.ENOMEM)
        job = t.drm_sched_job(entity)
        with t.if_(job.failed):
            t.return_(-rf.ENOMEM)
        with t.dma_resv_lock(bo):
            with t.if_(t.dma_resv_reserve_fences(bo, 1).failed):
                t.drm_sched_job_cleanup(job)
                t.kfree(job)
                t.return_(-rf.ENOMEM)
            # From here on others can wait for the job: no way back, and no memory either.
            t.drm_sched_job_arm(job)
            t.dma_resv_add_fence(bo, job.finished, rf.WRITE)
            t.drm_sched_entity_push_job(job)

    def run_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> rf.DmaFence:
        """etnaviv_sched_run_job() and etnaviv_gpu_submit()."""
        with t.if_(t.drm_sched_job_karma(job) > 0):
            t.return_(None)
        with t.mutex_lock(self.lock):
            if self.allocates_with_the_job:
                fence = t.dma_fence_init(self.fences)
            else:
                fence = t.dma_fence_alloc_init(self.fences, rf.GFP_KERNEL)
                with t.if_(fence.failed):
                    t.return_(-rf.ENOMEM)
            # One reference for the ring, one for the scheduler.
            ret = t.ring_emit(self.ring, job, t.dma_fence_get(fence))
            with t.if_(ret.failed):
                t.dma_fence_put(fence)
                t.dma_fence_put(fence)
                t.return_(ret)
        return fence

    def irq(self, t: rf.Recorder) -> None:
        """irq_handler(): signals what the GPU is done with."""
        with t.loop():
            fence = t.ring_completed(self.ring)
            with t.if_(fence.is_null):
                t.break_()
            t.dma_fence_signal(fence)
            t.dma_fence_put(fence)

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> None:
        """etnaviv_sched_timedout_job() and etnaviv_gpu_recover_hang()."""
        t.drm_sched_stop(self.sched, job)
        t.drm_sched_increase_karma(job)
        with t.mutex_lock(self.lock), t.if_(t.gpu_reset(self.ring).failed):
            t.gpu_wedge(self.ring)
        t.drm_sched_resubmit_jobs(self.sched)
        t.drm_sched_start(self.sched)


def submits(k: rf.Kernel, gpu: Etnaviv) -> None:
    bo = k.dma_resv("bo")
    entity = k.drm_sched_entity("client", gpu.sched)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t, entity, bo)


buggy = rf.scenario(drivers=[Etnaviv], environment=rf.contract(), name="buggy")(submits)
fixed = rf.scenario(drivers=[Etnaviv(allocates_with_the_job=True)], environment=rf.contract(), name="fixed")(
    submits
)
