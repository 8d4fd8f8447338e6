"""The handlers of a scheduler that has none of its own: what most drivers do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ringfence._scenario._recorder import Recorder
    from ringfence._scenario._sched import DrmSchedJob

__all__ = ["free_job"]


def free_job(t: Recorder, job: DrmSchedJob) -> None:
    """``free_job``: the scheduler's part, then the driver's."""
    t.drm_sched_job_cleanup(job)
    t.drm_sched_job_free(job)
