"""A job waits for one that is killed before it runs, and the scheduler is not woken.

Fixed by 15f77764e90a (2025). Of a job on the same scheduler it is enough to know that it is on the ring, so
its scheduled fence is waited for. The callback on that cleared the dependency and woke nobody: the
scheduler looks for the next job anyway once it has handed one on. But a killed job is never handed on.
"""

import ringfence as rf


class Gpu(rf.Driver):
    without: tuple[str, ...] = ("dependency_wakeup",)

    def setup(self, k: rf.Kernel) -> None:
        self.sched = k.drm_sched("gfx", ring=k.ring("gfx"), timeout=rf.ms(500), without=self.without)


def dies_before_its_job_runs(k: rf.Kernel, gpu: Gpu) -> None:
    bo = k.dma_resv("bo")
    application, compositor = (k.drm_sched_entity(name, gpu.sched) for name in ("application", "compositor"))
    upload = k.dma_fence("upload", timeline=k.timeline("dma"))

    @k.thread("application")
    def application_thread(t: rf.Recorder) -> None:
        """Its job waits for an upload; it exits before."""
        job = t.drm_sched_job(application)
        t.drm_sched_job_add_dependency(job, t.dma_fence_get(upload))
        with t.dma_resv_lock(bo):
            t.dma_resv_reserve_fences(bo, 1)
            t.drm_sched_job_arm(job)
            t.dma_resv_add_fence(bo, job.finished, rf.WRITE)
            t.drm_sched_entity_push_job(job)
        t.drm_sched_entity_fini(application)

    @k.thread("compositor")
    def compositor_thread(t: rf.Recorder) -> None:
        job = t.drm_sched_job(compositor)
        with t.dma_resv_lock(bo):
            t.drm_sched_job_add_implicit_dependencies(job, bo, True)
            t.dma_resv_reserve_fences(bo, 1)
            t.drm_sched_job_arm(job)
            t.dma_resv_add_fence(bo, job.finished, rf.WRITE)
            t.drm_sched_entity_push_job(job)

    @k.thread("dma")
    def dma(t: rf.Recorder) -> None:
        t.dma_fence_signal(upload)


buggy = rf.scenario(drivers=[Gpu], name="buggy")(dies_before_its_job_runs)
fixed = rf.scenario(drivers=[Gpu(without=())], name="fixed")(dies_before_its_job_runs)
