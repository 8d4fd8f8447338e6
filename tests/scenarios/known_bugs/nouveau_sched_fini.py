"""nouveau: the scheduler is taken down before the entities are flushed that have jobs for it.

Fixed by cac96c8d93fa, and 2f5f05633e22 for its errors' paths. Jobs that are on the hardware are leaked, and call
a scheduler back that is gone. An entity that is finished after it still points into its run-queues.
"""

import ringfence as rf


class Nouveau(rf.Driver):
    flushes_first = False

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

    def close(self, t: rf.Recorder, entity: rf.DrmSchedEntity, jobs: int) -> None:
        """nouveau_cli_fini()."""
        if self.flushes_first:
            t.wait_event(self.job_wq, self.jobs_freed, jobs)
            t.drm_sched_entity_fini(entity)
            t.drm_sched_fini(self.sched)
        else:
            t.drm_sched_fini(self.sched)
            t.drm_sched_entity_fini(entity)


def closes_while_it_runs(k: rf.Kernel, gpu: Nouveau) -> None:
    entity = k.drm_sched_entity("client", gpu.sched)
    draw = k.gpu_job("draw", run_time=rf.ms(5))

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t, entity, draw)
        gpu.close(t, entity, jobs=1)


buggy = rf.scenario(drivers=[Nouveau], name="buggy")(closes_while_it_runs)
fixed = rf.scenario(drivers=[Nouveau(flushes_first=True)], name="fixed")(closes_while_it_runs)
