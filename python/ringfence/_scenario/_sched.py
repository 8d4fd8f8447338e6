"""The objects of the GPU scheduler: schedulers, entities, jobs (``include/drm/gpu_scheduler.h``)."""

from __future__ import annotations

from typing import ClassVar, Self

from ringfence._scenario._constants import DRM_GPU_SCHED_STAT_NOMINAL
from ringfence._scenario._handled import Function, Signature, WithFunctions
from ringfence._scenario._objects import DmaFence
from ringfence._scenario._pointers import Pointer

__all__ = ["DrmSched", "DrmSchedEntity", "DrmSchedJob"]


class DrmSchedEntity(Pointer):
    """``struct drm_sched_entity``: a queue of jobs, as each context of user space has one."""

    __slots__ = ()
    KIND = "drm_sched_entity"


class DrmSchedJob(Pointer):
    """``struct drm_sched_job``, as the first member of a driver's own job.

    Each of its fences is read when it is asked for: ``job.finished`` is a call of the program, where it
    stands.
    """

    __slots__ = ()
    KIND = "drm_sched_job"

    @property
    def scheduled(self) -> DmaFence:
        """``&job->s_fence->scheduled``: signaled when the job goes to the hardware; no reference.

        NULL before `drm_sched_job_arm`.
        """
        return self._owner._value(DmaFence, "drm_sched_job_scheduled", self)

    @property
    def finished(self) -> DmaFence:
        """``&job->s_fence->finished``: signaled when the job is done; no reference.

        This is the fence to publish. NULL before `drm_sched_job_arm`.
        """
        return self._owner._value(DmaFence, "drm_sched_job_finished", self)

    @property
    def parent(self) -> DmaFence:
        """``job->s_fence->parent``: the hardware's fence, from ``run_job``; no reference, or NULL."""
        return self._owner._value(DmaFence, "drm_sched_job_parent", self)


_JOB = (("job", DrmSchedJob),)


class DrmSched(WithFunctions):
    """``struct drm_gpu_scheduler`` with its ``struct drm_sched_backend_ops``.

    Handlers that are not given when it is declared can be given by decorators, ``@sched.run_job``, or are
    methods of the driver in whose ``setup()`` it is declared.
    """

    __slots__ = ()
    KIND = "drm_gpu_scheduler"
    FUNCTIONS: ClassVar = {
        "run_job": Signature(_JOB, may_return="dma_fence_or_err"),
        "prepare_job": Signature((*_JOB, ("entity", DrmSchedEntity)), required=False, may_return="dma_fence"),
        "timedout_job": Signature(_JOB, result="int", default=DRM_GPU_SCHED_STAT_NOMINAL, required=False),
        "free_job": Signature(_JOB),
        "cancel_job": Signature(_JOB, required=False),
        "update_job_credits": Signature(_JOB, result="int", required=False),
    }
    METHODS: ClassVar = {name: name for name in FUNCTIONS}

    def run_job(self, function: Function) -> Self:
        """Gives it ``run_job``: takes the job, hands it to the hardware.

        Returns a fence with a reference for the scheduler; NULL or nothing: it is done already; or a negative
        errno.
        """
        return self._give("run_job", function)

    def prepare_job(self, function: Function) -> Self:
        """Gives it ``prepare_job``: takes job and entity; returns a fence to wait for first, or nothing."""
        return self._give("prepare_job", function)

    def timedout_job(self, function: Function) -> Self:
        """Gives it ``timedout_job``: takes the job, recovers; returns a ``DRM_GPU_SCHED_STAT_…``."""
        return self._give("timedout_job", function)

    def free_job(self, function: Function) -> Self:
        """Gives it ``free_job``: takes the job, cleans it up and frees it."""
        return self._give("free_job", function)

    def cancel_job(self, function: Function) -> Self:
        """Gives it ``cancel_job`` (since 6.17): takes a job off the hardware, signals its fence."""
        return self._give("cancel_job", function)

    def update_job_credits(self, function: Function) -> Self:
        """Gives it ``update_job_credits`` (up to 6.18): takes the job; returns what it takes up now."""
        return self._give("update_job_credits", function)
