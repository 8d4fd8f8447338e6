"""panfrost: a job whose timeout was no hang is never freed.

Fixed with 0b1217bfdfdd (2025), also in etnaviv, v3d and xe. The scheduler takes a job off its list before
it calls the handler. That finds that the job has just ended, and returns. Nobody puts the job back, and
only jobs on the list are freed.
"""

import ringfence as rf


class Panfrost(rf.Driver):
    gives_back = False

    def setup(self, k: rf.Kernel) -> None:
        self.slot = k.ring("js0")
        self.sched = k.drm_sched("js0", ring=self.slot, timeout=rf.ms(500))

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> int:
        """panfrost_job_timedout()."""
        with t.if_(t.dma_fence_is_signaled(job.parent)):
            t.return_(rf.DRM_GPU_SCHED_STAT_NO_HANG if self.gives_back else rf.DRM_GPU_SCHED_STAT_NOMINAL)
        t.drm_sched_stop(self.sched, job)
        t.gpu_reset(self.slot)
        t.drm_sched_start(self.sched, -rf.ETIME)
        return rf.DRM_GPU_SCHED_STAT_NOMINAL


def ends_when_time_is_up(k: rf.Kernel, gpu: Panfrost) -> None:
    entity = k.drm_sched_entity("client", gpu.sched)
    slow = k.gpu_job("slow", run_time=rf.ms(500))

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        job = t.drm_sched_job(entity, slow)
        t.drm_sched_job_arm(job)
        t.drm_sched_entity_push_job(job)


buggy = rf.scenario(drivers=[Panfrost], name="buggy")(ends_when_time_is_up)
fixed = rf.scenario(drivers=[Panfrost(gives_back=True)], name="fixed")(ends_when_time_is_up)
