"""A job is on the queue of its entity before it is counted, and the scheduler goes by the count.

Fixed by 8af39ec5cf2b (2025). The job before it is taken off the queue in between: the count is zero, and
the scheduler goes to sleep. Whoever pushes wakes it for the first job of a queue only, and this one is the
second.
"""

import ringfence as rf


class Gpu(rf.Driver):
    without: tuple[str, ...] = ("spsc_count",)

    def setup(self, k: rf.Kernel) -> None:
        self.sched = k.drm_sched("gfx", ring=k.ring("gfx"), timeout=rf.ms(500), without=self.without)

    def run_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> None:
        """There is nothing to do for the hardware: NULL, and the job is done."""


def submits_twice(k: rf.Kernel, gpu: Gpu) -> None:
    bo = k.dma_resv("bo")
    entity = k.drm_sched_entity("client", gpu.sched)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        jobs = [t.drm_sched_job(entity) for _ in range(2)]
        with t.dma_resv_lock(bo):
            t.dma_resv_reserve_fences(bo, len(jobs))
            for job in jobs:
                t.drm_sched_job_arm(job)
                t.dma_resv_add_fence(bo, job.finished, rf.WRITE)
            for job in jobs:
                t.drm_sched_entity_push_job(job)


buggy = rf.scenario(drivers=[Gpu], name="buggy")(submits_twice)
fixed = rf.scenario(drivers=[Gpu(without=())], name="fixed")(submits_twice)
