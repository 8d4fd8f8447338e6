"""Declaring the GPU scheduler: schedulers and entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from ringfence._scenario import _usual_jobs
from ringfence._scenario._checks import MAX, checked_choice, checked_number
from ringfence._scenario._constants import (
    DRM_SCHED_PRIORITY_KERNEL,
    DRM_SCHED_PRIORITY_LOW,
    DRM_SCHED_PRIORITY_NORMAL,
    MAX_SCHEDULE_TIMEOUT,
)
from ringfence._scenario._gpu import Ring
from ringfence._scenario._handled import Irq
from ringfence._scenario._kernel_base import Entry, KernelBase, Missing
from ringfence._scenario._objects import Cell, Workqueue
from ringfence._scenario._ring_jobs import RingInterrupt, RingJobs
from ringfence._scenario._sched import DrmSched, DrmSchedEntity
from ringfence._scenario._where import mistake
from ringfence._scenario._wording import described

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence._scenario._environment import Environment
    from ringfence._scenario._handled import Function

__all__ = ["KernelSched", "Policy"]

# mypy.stubtest takes an alias of a `Literal` with several values for a union, and wants one at run time.
Policy = Literal["fifo"] | Literal["rr", "fair"]  # noqa: PYI030
"""``drm_sched_policy``: who has waited longest, each in turn, who has used the GPU least (since 7.2)."""

_POLICIES: Final = ("fifo", "rr", "fair")
_FIXES: Final = ("spsc_count", "dependency_wakeup", "kill_in_work", "timeout_unlinks")
_MAX_32: Final = (1 << 32) - 1
_CREDITS: Final = 4


class KernelSched(KernelBase):
    """The part of a `Kernel` that declares schedulers and what queues jobs for them."""

    def __init__(self, name: str, environment: Environment) -> None:
        super().__init__(name, environment)
        self._interrupts: dict[Irq, RingInterrupt] = {}

    def drm_sched(
        self,
        name: str,
        *,
        ring: Ring | None = None,
        run_job: Function | None = None,
        prepare_job: Function | None = None,
        timedout_job: Function | None = None,
        free_job: Function | None = None,
        cancel_job: Function | None = None,
        update_job_credits: Function | None = None,
        credit_limit: int | None = None,
        hang_limit: int = 0,
        timeout: int = MAX_SCHEDULE_TIMEOUT,
        policy: Policy = "fifo",
        num_rqs: int = 4,
        submit_wq: Workqueue | None = None,
        timeout_wq: Workqueue | None = None,
        without: Sequence[str] = (),
    ) -> DrmSched:
        """``drm_sched_init()`` (``include/drm/gpu_scheduler.h``, ``drivers/gpu/drm/scheduler/sched_main.c``).

        Every handler takes ``t`` and the job. In a driver's ``setup()``, one that is not given is the
        driver's method of the same name, if its class has one (see `Driver`).

        With a ring, those that are still missing do what most drivers do. ``run_job`` puts the job on the
        ring, with a fence that is a part of the job: nothing is allocated. The ring's interrupt, if nobody
        handles it, signals the fences of completed work. ``timedout_job`` resets the engine, which spares all
        other work; if that fails, the GPU; if that fails, it gives the GPU up. Fences of what was lost by it
        get an error and are signaled.

        Args:
            name: its name in reports.
            ring: where its jobs go, if `run_job`, `timedout_job` or an interrupt's handler is missing.
            run_job: hands the job to the hardware; returns a fence with a reference, which becomes
                ``job.parent``; NULL or nothing, if the job is done; or a negative errno, which is its error.
            prepare_job: takes the entity as well; returns a fence with a reference to wait for first, or
                nothing.
            timedout_job: the job ran longer than the timeout: recovers. Returns
                ``DRM_GPU_SCHED_STAT_NOMINAL`` (so does nothing at all) or another ``DRM_GPU_SCHED_STAT_…``.
            free_job: the job is done: cleans it up and frees it; without one, just that.
            cancel_job: takes the job off the hardware and signals its fence, in ``t.drm_sched_fini()``
                (since 6.17).
            update_job_credits: returns how many credits the job takes now (up to 6.18).
            credit_limit: how many credits jobs may take up on the hardware together; without, as many as the
                ring has slots, or 4.
            hang_limit: how many of a job's hangs ``t.drm_sched_resubmit_jobs()`` forgives.
            timeout: virtual nanoseconds that a job may run.
            policy: ``drm_sched_policy``: ``"fifo"``, ``"rr"``, or ``"fair"`` (since 7.2).
            num_rqs: run-queues, one for each priority, the highest first.
            submit_wq: where `run_job` and `free_job` are called; without, on an ordered workqueue of its own.
            timeout_wq: where `timedout_job` is called; without, on ``system_wq``.
            without: fixes of bugs of the scheduler itself to leave out, as before they were made:
                ``"spsc_count"`` (8af39ec5cf2b), ``"dependency_wakeup"`` (15f77764e90a), ``"kill_in_work"``
                (487df8b69834), ``"timeout_unlinks"`` (135517d3565f).

        Raises:
            ScenarioError: a number is out of range, a policy or fix is not known, or a ring or workqueue is
                none of this scenario. Without `run_job` and ring, when the scenario is complete.
        """
        functions = {
            "run_job": run_job,
            "prepare_job": prepare_job,
            "timedout_job": timedout_job,
            "free_job": free_job,
            "cancel_job": cancel_job,
            "update_job_credits": update_job_credits,
        }
        slots = _CREDITS if ring is None else self._ring(ring)["slots"]
        credits_ = slots if credit_limit is None else credit_limit
        sched = self._declare_with(
            DrmSched,
            name,
            functions,
            usual={"free_job": _usual_jobs.free_job},
            credit_limit=checked_number("k.drm_sched(credit_limit=…)", credits_, 1, _MAX_32),
            hang_limit=checked_number("k.drm_sched(hang_limit=…)", hang_limit, 0, _MAX_32),
            timeout=checked_number("k.drm_sched(timeout=…)", timeout, 0, MAX),
            policy=checked_choice("k.drm_sched(policy=…)", policy, _POLICIES),
            num_rqs=checked_number("k.drm_sched(num_rqs=…)", num_rqs, 1, DRM_SCHED_PRIORITY_LOW + 1),
            submit_wq=self._optional("k.drm_sched(submit_wq=…)", submit_wq, Workqueue),
            timeout_wq=self._optional("k.drm_sched(timeout_wq=…)", timeout_wq, Workqueue),
            without=_fixes(without),
        )
        if ring is not None:
            self._drive(sched, ring)
        return sched

    def _ring(self, ring: Ring) -> Entry:
        """What a ring was declared with."""
        return self._objects[self._reference("k.drm_sched(ring=…)", ring, Ring)]

    def _drive(self, sched: DrmSched, ring: Ring) -> None:
        """Has the scheduler do with jobs on that ring what most drivers do, where its driver does nothing."""
        irq = self._interrupt(self._ring(ring))
        jobs = RingJobs(sched, ring, irq)
        self._missing.append(
            Missing(sched, None, {"run_job": jobs.run_job, "timedout_job": jobs.timedout_job})
        )
        handler = self._interrupts.setdefault(irq, RingInterrupt())
        handler.rings.append(jobs)
        self._missing.append(Missing(irq, None, {"handler": handler}))

    def _interrupt(self, ring: Entry) -> Irq:
        """The interrupt that tells of the ring's completed work: its own, its engine's, or a new one."""
        line = ring["irq"]
        if line is None:
            line = self._objects[ring["engine"]]["irq"]
        for thing in self._with_functions:
            if isinstance(thing, Irq) and thing._argument["obj"] == line:
                return thing
        irq = self._declare_with(Irq, f"{ring['name']}-irq", {})
        ring["irq"] = irq._argument["obj"]
        return irq

    def drm_sched_entity(
        self,
        name: str,
        scheds: DrmSched | Sequence[DrmSched] | None = None,
        *,
        priority: int = DRM_SCHED_PRIORITY_NORMAL,
        guilty: Cell | None = None,
    ) -> DrmSchedEntity:
        """``drm_sched_entity_init()`` (``drivers/gpu/drm/scheduler/sched_entity.c``).

        Args:
            name: its name in reports.
            scheds: the scheduler that its jobs go to, or several that they may go to; without, a program
                calls ``t.drm_sched_entity_init()``.
            priority: ``DRM_SCHED_PRIORITY_KERNEL``, ``HIGH``, ``NORMAL`` or ``LOW``.
            guilty: set to 1 by ``t.drm_sched_increase_karma()`` for a job of it.

        Raises:
            ScenarioError: that is no scheduler or cell of this scenario, or no priority.
        """
        what = "k.drm_sched_entity(scheds=…)"
        listed = scheds if isinstance(scheds, (list, tuple)) else () if scheds is None else (scheds,)
        low, high = DRM_SCHED_PRIORITY_KERNEL, DRM_SCHED_PRIORITY_LOW
        return self._declare(
            DrmSchedEntity,
            name,
            scheds=[self._reference(what, sched, DrmSched) for sched in listed],
            priority=checked_number("k.drm_sched_entity(priority=…)", priority, low, high),
            guilty=self._optional("k.drm_sched_entity(guilty=…)", guilty, Cell),
        )


def _fixes(without: Sequence[str]) -> list[str]:
    what = "k.drm_sched(without=…)"
    if not isinstance(without, (list, tuple, set, frozenset)):
        message = f"{what} takes a list of names, not {described(without)}"
        raise mistake(message)
    asked = {checked_choice(what, fix, _FIXES) for fix in without}
    return [fix for fix in _FIXES if fix in asked]
