"""A scheduler is taken down while a job is on the hardware.

Up to Linux 6.16, drm_sched_fini() leaves such jobs alone, and drivers have to wait first, as nouveau does;
since then they can have a cancel_job. Without either the job is leaked, and its fence calls a scheduler
back that is gone.
"""

import ringfence as rf


class Nouveau(rf.Driver):
    waits_for_jobs = False

    def setup(self, k: rf.Kernel) -> None:
        self.channel = k.ring("channel")
        self.sched = k.drm_sched("channel", ring=self.channel, timeout=rf.s(10))
        self.job_wq, self.jobs_freed = k.wait_queue("job.wq"), k.cell("jobs_freed")

    def submit(self, t: rf.Recorder, entity: rf.DrmSchedEntity, work: rf.GpuJob) -> None:
        """nouveau_job_submit()."""
        job = t.drm_sched_job(entity, work)
        t.drm_sched_job_arm(job)
        t.drm_sched_entity_push_job(job)

    def free_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> None:
        """nouveau_sched_free_job()."""
        t.drm_sched_job_cleanup(job)
        t.kfree(job)
        t.atomic_add_return(self.jobs_freed, 1)
        t.wake_up(self.job_wq)

    def fini(self, t: rf.Recorder, entity: rf.DrmSchedEntity, jobs: int) -> None:
        """nouveau_sched_fini()."""
        if self.waits_for_jobs:
            t.wait_event(self.job_wq, self.jobs_freed, jobs)
        t.drm_sched_entity_fini(entity)
        t.drm_sched_fini(self.sched)


def closes_while_it_runs(k: rf.Kernel, gpu: Nouveau) -> None:
    entity = k.drm_sched_entity("client", gpu.sched)
    draw = k.gpu_job("draw", run_time=rf.ms(5))

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t, entity, draw)
        gpu.fini(t, entity, jobs=1)


buggy = rf.scenario(drivers=[Nouveau], name="buggy")(closes_while_it_runs)
fixed = rf.scenario(drivers=[Nouveau(waits_for_jobs=True)], name="fixed")(closes_while_it_runs)
