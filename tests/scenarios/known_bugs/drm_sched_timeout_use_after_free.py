"""The scheduler frees a job while the driver handles its timeout.

Fixed by 135517d3565f (1574715089-14875-1, 2019). The job stayed on the list of pending jobs while its timeout
was handled. If the hardware completes it at that moment, it is freed as any other, under the handler's hands.
The fix takes it off the list first; drm_sched_stop() puts it back, when nobody can free it any more.
"""

import ringfence as rf


class Amdgpu(rf.Driver):
    without: tuple[str, ...] = ("timeout_unlinks",)

    def setup(self, k: rf.Kernel) -> None:
        self.gfx = k.ring("gfx")
        self.sched = k.drm_sched("gfx", ring=self.gfx, timeout=rf.ms(500), without=self.without)

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> None:
        """amdgpu_job_timedout()."""
        t.drm_sched_stop(self.sched, job)
        t.gpu_reset(self.gfx)
        t.drm_sched_start(self.sched, -rf.ETIME)


def completes_when_time_is_up(k: rf.Kernel, gpu: Amdgpu) -> None:
    entity = k.drm_sched_entity("client", gpu.sched)
    slow = k.gpu_job("slow", run_time=rf.ms(500))

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        job = t.drm_sched_job(entity, slow)
        t.drm_sched_job_arm(job)
        t.drm_sched_entity_push_job(job)


buggy = rf.scenario(drivers=[Amdgpu], name="buggy")(completes_when_time_is_up)
fixed = rf.scenario(drivers=[Amdgpu(without=())], name="fixed")(completes_when_time_is_up)
