"""Duties towards ``drm_sched``: a job belongs to the scheduler from arming to freeing.

From ``drm_sched_job_arm()`` on the job's fence has to be signaled: the job is pushed, once, to an entity that
is alive. A timed-out job goes back to the scheduler. The scheduler goes last.
"""

from typing import Any

import ringfence as rf
from ringfence.drivers import SchedGpu, SchedRing


class Leaks(SchedRing):
    """Resets in its own way, without the scheduler: the job is on no list any more."""

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> rf.Int:
        t.drm_sched_wqueue_stop(self.sched)
        self.gpu.reset_engine(t, self, job.parent)
        t.drm_sched_wqueue_start(self.sched)
        return t.var(rf.DRM_GPU_SCHED_STAT_NOMINAL)


class Twice(SchedRing):
    """Starts a scheduler that it has not stopped: who waits for a job's fence already is told twice."""

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> rf.Int:
        t.drm_sched_wqueue_stop(self.sched)
        t.drm_sched_insert_pending_job(job)
        t.drm_sched_start(self.sched)
        self.gpu.reset_engine(t, self, job.parent)
        return t.var(rf.DRM_GPU_SCHED_STAT_NOMINAL)


def scenario(name: str, body: Any, gpu: Any = None, hang: Any = "no") -> rf.Scenario:
    """One client, with a job that is ready to be armed."""

    def client_of(k: rf.Kernel, gpu: SchedGpu) -> None:
        context, bo = gpu.context(k, "client"), k.dma_resv("bo")
        draw = k.gpu_job("draw", run_time=rf.ms(1), hang=hang)

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            job = t.drm_sched_job(context.entity, draw)
            with t.if_(job.failed):
                t.return_()
            with t.dma_resv_lock(bo):
                with t.if_(t.dma_resv_reserve_fences(bo, 1).failed):
                    t.drm_sched_job_cleanup(job)
                    t.kfree(job)
                    t.return_()
                body(t, gpu, context.entity, job, bo)

    return rf.scenario(drivers={"gpu": gpu or SchedGpu()}, name=name)(client_of)


def pushes(t: rf.Recorder, gpu: SchedGpu, entity: Any, job: rf.DrmSchedJob, bo: rf.DmaResv) -> None:
    gpu.push(t, job, bo)


def gives_up_before_arming(t: rf.Recorder, gpu: SchedGpu, entity: Any, job: Any, bo: Any) -> None:
    t.drm_sched_job_cleanup(job)
    t.kfree(job)


def gives_up_after_arming(t: rf.Recorder, gpu: SchedGpu, entity: Any, job: Any, bo: Any) -> None:
    t.drm_sched_job_arm(job)
    t.drm_sched_job_cleanup(job)
    t.kfree(job)


def arms_twice(t: rf.Recorder, gpu: SchedGpu, entity: Any, job: Any, bo: Any) -> None:
    t.drm_sched_job_arm(job)
    gpu.push(t, job, bo)


def pushes_twice(t: rf.Recorder, gpu: SchedGpu, entity: Any, job: Any, bo: Any) -> None:
    gpu.push(t, job, bo)
    t.drm_sched_entity_push_job(job)


def waits_and_takes_down(t: rf.Recorder, gpu: SchedGpu, entity: Any, job: Any, bo: Any) -> None:
    gpu.push(t, job, bo)
    t.drm_sched_entity_destroy(entity)
    t.dma_resv_wait_timeout(bo, rf.BOOKKEEP, False, rf.MAX_SCHEDULE_TIMEOUT)
    t.msleep(rf.ms(10))  # the scheduler frees it
    t.drm_sched_fini(gpu.parts[0].sched)


def takes_down(t: rf.Recorder, gpu: SchedGpu, entity: Any, job: Any, bo: Any) -> None:
    t.drm_sched_job_arm(job)
    t.drm_sched_entity_push_job(job)
    t.drm_sched_entity_flush(entity, rf.s(1))  # nothing is queued any more; the job still runs
    t.drm_sched_fini(gpu.parts[0].sched)


def pushes_too_late(t: rf.Recorder, gpu: SchedGpu, entity: Any, job: Any, bo: Any) -> None:
    t.drm_sched_entity_destroy(entity)
    t.drm_sched_job_arm(job)
    t.drm_sched_entity_push_job(job)


pushed = scenario("pushed", pushes)
recovered = scenario("recovered", pushes, hang="infinite")
given_up = scenario("given_up", gives_up_before_arming)
taken_down = scenario("taken_down", waits_and_takes_down)

given_up_too_late = scenario("given_up_too_late", gives_up_after_arming)
armed_twice = scenario("armed_twice", arms_twice)
pushed_twice = scenario("pushed_twice", pushes_twice)
taken_down_too_early = scenario("taken_down_too_early", takes_down, hang="infinite")
leaked = scenario("leaked", pushes, SchedGpu(ring_model=Leaks), "infinite")
pushed_to_killed = scenario("pushed_to_killed", pushes_too_late)
told_twice = scenario("told_twice", pushes, SchedGpu(ring_model=Twice), "infinite")
