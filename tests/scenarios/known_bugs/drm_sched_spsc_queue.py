"""A job is on the queue of its entity before it is counted, and the scheduler goes by the count.

Fixed by 8af39ec5cf2b (2025). The job before it is taken off the queue in between: the count is zero, and the
scheduler goes to sleep. Whoever pushes wakes it for the first job of a queue only, and this one is the second.
"""

import ringfence as rf


class Gpu(rf.Driver):
    without: tuple[str, ...] = ("spsc_count",)

    def setup(self, k: rf.Kernel) -> None:
        self.sched = k.drm_sched("gfx", ring=k.ring("gfx"), timeout=rf.ms(500), without=self.without)


def submits_twice(k: rf.Kernel, gpu: Gpu) -> None:
    bo = k.dma_resv("bo")
    entity = k.drm_sched_entity("client", gpu.sched)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        for _ in range(2):
            job = t.drm_sched_job(entity)
            with t.dma_resv_lock(bo):
                t.dma_resv_reserve_fences(bo, 1)
                t.drm_sched_job_arm(job)
                t.dma_resv_add_fence(bo, job.finished, rf.WRITE)
                t.drm_sched_entity_push_job(job)


buggy = rf.scenario(drivers=[Gpu], name="buggy")(submits_twice)
fixed = rf.scenario(drivers=[Gpu(without=())], name="fixed")(submits_twice)
