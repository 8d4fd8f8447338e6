"""Killing an entity takes the lock of a job's dependencies in fence callbacks, which interrupts run.

542cff7893a3 and 2fdb8a8f07c2 tried before, 487df8b69834 fixed it: the jobs of a killed entity end when all
that they wait for is over. The callback that waits for it walked over the dependencies, whose xa_lock is
taken with interrupts enabled where they are collected.
"""

import ringfence as rf


class Gpu(rf.Driver):
    without: tuple[str, ...] = ("kill_in_work",)

    def setup(self, k: rf.Kernel) -> None:
        self.sched = k.drm_sched("gfx", ring=k.ring("gfx"), without=self.without)


def exits_before_the_flips(k: rf.Kernel, gpu: Gpu) -> None:
    entity = k.drm_sched_entity("client", gpu.sched)
    flips = [k.dma_fence(f"flip-{n}", timeline=k.timeline(f"crtc-{n}")) for n in range(2)]

    @k.irq("vblank")
    def vblank(t: rf.Recorder) -> None:
        for flip in flips:
            t.dma_fence_signal(flip)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        """Renders to buffers that are still shown; exits."""
        job = t.drm_sched_job(entity)
        for flip in flips:
            t.drm_sched_job_add_dependency(job, t.dma_fence_get(flip))
        t.drm_sched_job_arm(job)
        t.drm_sched_entity_push_job(job)
        t.drm_sched_entity_fini(entity)

    @k.thread("display")
    def display(t: rf.Recorder) -> None:
        t.raise_irq(vblank)


buggy = rf.scenario(drivers=[Gpu], name="buggy")(exits_before_the_flips)
fixed = rf.scenario(drivers=[Gpu(without=())], name="fixed")(exits_before_the_flips)
