"""Checking scenarios: `check` runs the three judges over a set of schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence import _core
from ringfence._core import CheckFinding as Finding
from ringfence._core import Profile, Report
from ringfence.errors import RingfenceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence._scenario._scenario import Scenario

__all__ = ["CheckInterrupted", "Finding", "Report", "check"]

DEFAULT_BUDGET = 4000
"""Executions with random schedules."""
STEPS_MAX = 100_000
"""Steps after which an execution is cut off."""


class CheckInterrupted(KeyboardInterrupt):
    """Ctrl-C during a check. Nothing is lost.

    Attributes:
        report: what was found until then.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


def check(
    scenario: Scenario,
    *,
    budget: int = DEFAULT_BUDGET,
    profile: Profile | str = "6.12",
    seed: int = 0,
    steps_max: int = STEPS_MAX,
    jobs: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Report:
    """Runs a scenario under many schedules, with the three judges watching.

    Each thread is run first to completion once, all are run in turn once, and then `budget` executions are run with
    random schedules. The validator predicts from every event, the wait-for graph shows real hangs, the monitors watch
    the clauses of the contract that need state. What they say of the same cause becomes one finding. The same
    arguments give the same report, whatever `jobs` is.

    Args:
        scenario: what to check.
        budget: executions with random schedules.
        profile: which kernel; a `Profile`, or the name of one.
        seed: the first of `budget` seeds.
        steps_max: steps after which an execution is cut off, which the report says.
        jobs: threads; 0 for one per core.
        progress: called ten times a second with the number of executions done.

    Raises:
        ScenarioError: the scenario makes no sense.
        ProfileError: no profile has this name.
        CheckInterrupted: Ctrl-C; its `report` is what was found until then.
    """
    for name, value, least in (("budget", budget, 0), ("steps_max", steps_max, 1), ("jobs", jobs, 0)):
        if value < least:
            message = f"{name}={value}: expected a number of at least {least}"
            raise RingfenceError(message)
    report = _core.check(
        scenario.core,
        profile if isinstance(profile, Profile) else Profile(profile),
        executions=budget,
        seed=seed & (1 << 64) - 1,
        steps_max=steps_max,
        jobs=jobs,
        progress=progress,
    )
    if report.interrupted:
        raise CheckInterrupted(report)
    return report
