"""The GPU scheduler: ``include/drm/gpu_scheduler.h``, ``drivers/gpu/drm/scheduler/``."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from ringfence._scenario._flow import Flow
from ringfence._scenario._objects import DmaFence, DmaResv, Syncobj
from ringfence._scenario._sched import DrmSched, DrmSchedEntity, DrmSchedJob
from ringfence._scenario._values import Errno, Int, Nanos

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ringfence._scenario._gpu import GpuJob

__all__ = ["Sched"]

Number = int | Int


class Sched(Flow):
    """Calls on ``struct drm_gpu_scheduler``, ``struct drm_sched_entity`` and ``struct drm_sched_job``."""

    # ---- sched_entity.c ------------------------------------------------------------------------------------

    def drm_sched_entity_init(
        self, entity: DrmSchedEntity, priority: Number, scheds: Sequence[DrmSched]
    ) -> Errno:
        """``drm_sched_entity_init()``: 0, or -EINVAL.

        Args:
            entity: one that was declared without schedulers.
            priority: ``DRM_SCHED_PRIORITY_KERNEL``, ``HIGH``, ``NORMAL`` or ``LOW``.
            scheds: the schedulers that its jobs may go to.
        """
        return self._value(Errno, "drm_sched_entity_init", entity, priority, scheds)

    def drm_sched_entity_modify_sched(self, entity: DrmSchedEntity, scheds: Sequence[DrmSched]) -> None:
        """``drm_sched_entity_modify_sched()``: other schedulers for its next jobs."""
        self._do("drm_sched_entity_modify_sched", entity, scheds)

    def drm_sched_entity_set_priority(self, entity: DrmSchedEntity, priority: Number) -> None:
        """``drm_sched_entity_set_priority()``: counts from the next choice of a run-queue on."""
        self._do("drm_sched_entity_set_priority", entity, priority)

    def drm_sched_entity_error(self, entity: DrmSchedEntity) -> Errno:
        """``drm_sched_entity_error()``: the error of the job that was scheduled last; 0: none."""
        return self._value(Errno, "drm_sched_entity_error", entity)

    def drm_sched_entity_flush(self, entity: DrmSchedEntity, timeout: Number) -> Nanos:
        """``drm_sched_entity_flush()``: waits until its queue is empty; what is left of the timeout.

        If the process was killed, its jobs end with -ESRCH.

        Args:
            entity: whose jobs.
            timeout: virtual nanoseconds.
        """
        return self._value(Nanos, "drm_sched_entity_flush", entity, timeout)

    def drm_sched_entity_kill(self, entity: DrmSchedEntity) -> None:
        """``drm_sched_entity_kill()``: ends its jobs with -ESRCH (exported since 7.2)."""
        self._do("drm_sched_entity_kill", entity)

    def drm_sched_entity_fini(self, entity: DrmSchedEntity) -> None:
        """``drm_sched_entity_fini()``: ends its jobs, and lets go of the scheduler."""
        self._do("drm_sched_entity_fini", entity)

    def drm_sched_entity_destroy(self, entity: DrmSchedEntity) -> None:
        """``drm_sched_entity_destroy()``: `drm_sched_entity_flush` for a second, `drm_sched_entity_fini`."""
        self._do("drm_sched_entity_destroy", entity)

    def drm_sched_entity_push_job(self, job: DrmSchedJob) -> None:
        """``drm_sched_entity_push_job()``: submits the job, which belongs to the scheduler from here on.

        Args:
            job: one that was armed, in the order in which the entity's jobs were.
        """
        self._do("drm_sched_entity_push_job", job)

    # ---- jobs ----------------------------------------------------------------------------------------------

    def drm_sched_job(
        self,
        entity: DrmSchedEntity,
        work: GpuJob | None = None,
        *,
        credits: Number = 1,  # noqa: A002 - the field's name
    ) -> DrmSchedJob:
        """A new job for that entity: `drm_sched_job_alloc`, then `drm_sched_job_init`.

        Args:
            entity: where it will be pushed.
            work: what it has the GPU do; None: nothing that takes time.
            credits: how much of the scheduler's ``credit_limit`` it takes up.

        Returns:
            The job; NULL if `drm_sched_job_init` fails, see ``.failed``.
        """
        job = self.drm_sched_job_alloc(work)
        ret = self.drm_sched_job_init(job, entity, credits)
        job._is_variable = True
        with self.if_(ret.failed):
            self.drm_sched_job_free(job)
            job.set(None)
        job._is_variable = False
        # The branch is none of the user's: no `else` of theirs belongs to it.
        self._chain = None
        return job

    def drm_sched_job_alloc(self, work: GpuJob | None = None) -> DrmSchedJob:
        """``kzalloc()`` of a driver's job, which begins with a ``struct drm_sched_job``.

        Args:
            work: what it has the GPU do; None: nothing that takes time.
        """
        return self._value(DrmSchedJob, "drm_sched_job_alloc", work)

    def drm_sched_job_init(
        self,
        job: DrmSchedJob,
        entity: DrmSchedEntity,
        credits: Number,  # noqa: A002 - the field's name
    ) -> Errno:
        """``drm_sched_job_init()``: 0; -ENOENT: the entity has no run-queue; -EINVAL: no credits; -ENOMEM.

        Args:
            job: one that was allocated.
            entity: where it will be pushed.
            credits: how much of the scheduler's ``credit_limit`` it takes up.
        """
        return self._value(Errno, "drm_sched_job_init", job, entity, credits)

    def drm_sched_job_add_dependency(self, job: DrmSchedJob, fence: DmaFence | None) -> Errno:
        """``drm_sched_job_add_dependency()``: takes over the reference, also if it fails. 0 or -ENOMEM."""
        return self._value(Errno, "drm_sched_job_add_dependency", job, fence)

    def drm_sched_job_add_resv_dependencies(self, job: DrmSchedJob, resv: DmaResv, usage: Number) -> Errno:
        """``drm_sched_job_add_resv_dependencies()``: its fences up to a usage; its lock is held.

        0 or -ENOMEM.
        """
        return self._value(Errno, "drm_sched_job_add_resv_dependencies", job, resv, usage)

    def drm_sched_job_add_implicit_dependencies(
        self, job: DrmSchedJob, resv: DmaResv, write: Number
    ) -> Errno:
        """``drm_sched_job_add_implicit_dependencies()``: what a reader or writer of the buffer waits for.

        Its lock is held. 0 or -ENOMEM. The kernel takes the ``drm_gem_object``, here it is its reservation.
        """
        return self._value(Errno, "drm_sched_job_add_implicit_dependencies", job, resv, write)

    def drm_sched_job_add_syncobj_dependency(
        self, job: DrmSchedJob, syncobj: Syncobj, point: Number = 0
    ) -> Errno:
        """``drm_sched_job_add_syncobj_dependency()``: 0, -EINVAL or -ENOMEM.

        Args:
            job: what waits.
            syncobj: for the fence of what; the kernel takes its handle.
            point: which; 0 for one that is no timeline.
        """
        return self._value(Errno, "drm_sched_job_add_syncobj_dependency", job, syncobj, point)

    def drm_sched_job_has_dependency(self, job: DrmSchedJob, fence: DmaFence) -> Int:
        """``drm_sched_job_has_dependency()``: 1 if the job waits for that fence."""
        return self._value(Int, "drm_sched_job_has_dependency", job, fence)

    def drm_sched_job_arm(self, job: DrmSchedJob) -> None:
        """``drm_sched_job_arm()``: the point of no return: its fences exist, and it has to be pushed."""
        self._do("drm_sched_job_arm", job)

    def drm_sched_job_cleanup(self, job: DrmSchedJob) -> None:
        """``drm_sched_job_cleanup()``: gives back what `drm_sched_job_init` took, also if it never ran."""
        self._do("drm_sched_job_cleanup", job)

    def drm_sched_job_free(self, job: DrmSchedJob) -> None:
        """``kfree()`` of a driver's job; `kfree` does the same."""
        self._do("drm_sched_job_free", job)

    def drm_sched_job_scheduled(self, job: DrmSchedJob) -> DmaFence:
        """``&job->s_fence->scheduled``, as ``job.scheduled``."""
        return self._value(DmaFence, "drm_sched_job_scheduled", job)

    def drm_sched_job_finished(self, job: DrmSchedJob) -> DmaFence:
        """``&job->s_fence->finished``, as ``job.finished``."""
        return self._value(DmaFence, "drm_sched_job_finished", job)

    def drm_sched_job_parent(self, job: DrmSchedJob) -> DmaFence:
        """``job->s_fence->parent``, as ``job.parent``."""
        return self._value(DmaFence, "drm_sched_job_parent", job)

    def drm_sched_job_karma(self, job: DrmSchedJob) -> Int:
        """``job->karma``: how often it has hung."""
        return self._value(Int, "drm_sched_job_karma", job)

    def drm_sched_job_is(self, job: DrmSchedJob, work: GpuJob) -> Int:
        """1 if that is what the job has the GPU do: for handlers that treat one work in another way."""
        return self._value(Int, "drm_sched_job_is", job, work)

    # ---- sched_main.c: recovery ----------------------------------------------------------------------------

    def drm_sched_stop(self, sched: DrmSched, bad: DrmSchedJob | None) -> None:
        """``drm_sched_stop()``: stops submission; takes the callbacks off the hardware's fences.

        Args:
            sched: the scheduler.
            bad: the job that `timedout_job` was called for, which goes back on the list; None: there is none.
        """
        self._do("drm_sched_stop", sched, bad)

    def drm_sched_start(self, sched: DrmSched, error: Number = 0) -> None:
        """``drm_sched_start()``: puts the callbacks back; submission goes on.

        Args:
            sched: the scheduler.
            error: jobs without a hardware fence end with that; 0: with -ECANCELED.
        """
        self._do("drm_sched_start", sched, error)

    def drm_sched_resubmit_jobs(self, sched: DrmSched) -> None:
        """``drm_sched_resubmit_jobs()``: runs all pending jobs again; a guilty context's get -ECANCELED."""
        self._do("drm_sched_resubmit_jobs", sched)

    def drm_sched_increase_karma(self, bad: DrmSchedJob) -> None:
        """``drm_sched_increase_karma()``: counts the hang, and says that its entity is guilty.

        Past the scheduler's limit, `drm_sched_resubmit_jobs` ends the jobs of its context instead.
        """
        self._do("drm_sched_increase_karma", bad)

    def drm_sched_fault(self, sched: DrmSched) -> None:
        """``drm_sched_fault()``: the hardware told of a fault: runs the timeout handler now."""
        self._do("drm_sched_fault", sched)

    def drm_sched_tdr_queue_imm(self, sched: DrmSched) -> None:
        """``drm_sched_tdr_queue_imm()``: runs the timeout handler now, and for every later job."""
        self._do("drm_sched_tdr_queue_imm", sched)

    def drm_sched_suspend_timeout(self, sched: DrmSched) -> Nanos:
        """``drm_sched_suspend_timeout()``: puts the timeout off; what was left of it."""
        return self._value(Nanos, "drm_sched_suspend_timeout", sched)

    def drm_sched_resume_timeout(self, sched: DrmSched, remaining: Number) -> None:
        """``drm_sched_resume_timeout()``: the timeout runs again.

        Args:
            sched: the scheduler.
            remaining: what `drm_sched_suspend_timeout` returned.
        """
        self._do("drm_sched_resume_timeout", sched, remaining)

    # ---- sched_main.c: the scheduler -----------------------------------------------------------------------

    def drm_sched_wqueue_stop(self, sched: DrmSched) -> None:
        """``drm_sched_wqueue_stop()``: stops submission, and waits for what runs on the workqueue."""
        self._do("drm_sched_wqueue_stop", sched)

    def drm_sched_wqueue_start(self, sched: DrmSched) -> None:
        """``drm_sched_wqueue_start()``: submission goes on."""
        self._do("drm_sched_wqueue_start", sched)

    def drm_sched_wqueue_ready(self, sched: DrmSched) -> Int:
        """``drm_sched_wqueue_ready()``: 1 until `drm_sched_fini`."""
        return self._value(Int, "drm_sched_wqueue_ready", sched)

    def drm_sched_is_stopped(self, sched: DrmSched) -> Int:
        """``drm_sched_is_stopped()``: 1 while submission is stopped."""
        return self._value(Int, "drm_sched_is_stopped", sched)

    def drm_sched_set_ready(self, sched: DrmSched, ready: Number) -> None:
        """``sched->ready = …``: whether entities with several schedulers may choose it."""
        self._do("drm_sched_set_ready", sched, ready)

    def drm_sched_first_pending_job(self, sched: DrmSched) -> DrmSchedJob:
        """The oldest job on ``sched->pending_list``, or NULL."""
        return self._value(DrmSchedJob, "drm_sched_first_pending_job", sched)

    def drm_sched_next_pending_job(self, job: DrmSchedJob) -> DrmSchedJob:
        """The next one on the list, or NULL."""
        return self._value(DrmSchedJob, "drm_sched_next_pending_job", job)

    @contextlib.contextmanager
    def drm_sched_for_each_pending_job(self, sched: DrmSched) -> Iterator[DrmSchedJob]:
        """``list_for_each_entry(job, &sched->pending_list, list)``: a loop over the jobs on the hardware.

        ``with t.drm_sched_for_each_pending_job(sched) as job: …`` runs its block for each.
        """
        jobs: list[DrmSchedJob] = []

        def first() -> DrmSchedJob:
            jobs.append(self.drm_sched_first_pending_job(sched))
            return jobs[0]

        with self._each(first, lambda: self.drm_sched_next_pending_job(jobs[0])) as job:
            yield job

    def drm_sched_insert_pending_job(self, job: DrmSchedJob) -> None:
        """``list_add(&job->list, &sched->pending_list)`` under its lock: gives the job back (up to 6.16)."""
        self._do("drm_sched_insert_pending_job", job)

    def drm_sched_fini(self, sched: DrmSched) -> None:
        """``drm_sched_fini()``: takes the scheduler down.

        Pending jobs are left alone, unless there is a ``cancel_job`` (since 6.17).
        """
        self._do("drm_sched_fini", sched)
