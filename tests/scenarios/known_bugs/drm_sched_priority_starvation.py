"""A job of normal priority never gets its turn while there are jobs of high priority.

The motive of the fair policy (since 7.2), after 08fb97de03aa and 977d97f18b5b: priorities are strict, and
who is refilled in time keeps all lower ones from the hardware, whose waiters see nothing but a fence that
does not come. By the fair policy a priority is a share of the GPU.
"""

from typing import Literal

import ringfence as rf
from ringfence import DRM_SCHED_PRIORITY_HIGH, DRM_SCHED_PRIORITY_NORMAL

FRAMES = 40
"""As many as a check needs to see; a game has no end of them."""


class Gpu(rf.Driver):
    policy: Literal["fifo", "fair"] = "fifo"

    def setup(self, k: rf.Kernel) -> None:
        ring = k.ring("gfx", slots=1)
        self.sched = k.drm_sched("gfx", ring=ring, timeout=rf.ms(500), policy=self.policy)

    def submit(self, t: rf.Recorder, entity: rf.DrmSchedEntity, work: rf.GpuJob) -> None:
        job = t.drm_sched_job(entity, work)
        t.drm_sched_job_arm(job)
        t.drm_sched_entity_push_job(job)


def draws_all_the_time(k: rf.Kernel, gpu: Gpu) -> None:
    high = k.drm_sched_entity("game", gpu.sched, priority=DRM_SCHED_PRIORITY_HIGH)
    normal = k.drm_sched_entity("desktop", gpu.sched, priority=DRM_SCHED_PRIORITY_NORMAL)
    draw = k.gpu_job("draw", run_time=rf.us(100))

    @k.thread("game")
    def game(t: rf.Recorder) -> None:
        for _ in range(FRAMES):
            gpu.submit(t, high, draw)

    @k.thread("desktop")
    def desktop(t: rf.Recorder) -> None:
        gpu.submit(t, normal, draw)


buggy = rf.scenario(drivers=[Gpu], name="buggy")(draws_all_the_time)
fixed = rf.scenario(drivers=[Gpu(policy="fair")], name="fixed")(draws_all_the_time)
