"""Checking scenarios: `check` runs the three judges over a set of schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence import _core
from ringfence._arguments import STEPS_MAX, core_of, profile_of, whole_number
from ringfence._core import CheckFinding as Finding
from ringfence._core import Report

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence._core import Profile
    from ringfence._scenario._scenario import Scenario

__all__ = ["CheckInterrupted", "Finding", "Report", "check"]

DEFAULT_BUDGET = 4000
"""Executions with random schedules."""
JOBS_MAX = 1024
"""Threads that one check may ask for."""
_U64_MAX = (1 << 64) - 1


class CheckInterrupted(KeyboardInterrupt):
    """Ctrl-C during a check. Nothing is lost: what was found until then is in it.

    Attributes:
        report: what was found until then.
    """

    def __init__(self, report: Report) -> None:
        super().__init__(report)
        self.report = report

    def __str__(self) -> str:
        return str(self.report)


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

    Each thread is run first to completion once, all are run in turn once, and then `budget` executions are
    run with random schedules. The validator predicts from every event, the wait-for graph shows real hangs,
    the monitors watch the clauses of the contract that need state. What they say of the same cause becomes
    one finding. The same arguments give the same report, whatever `jobs` is.

    Args:
        scenario: what to check.
        budget: executions with random schedules.
        profile: which kernel; a `Profile`, or the name of one.
        seed: the first of `budget` seeds.
        steps_max: steps after which an execution is cut off, which the report says.
        jobs: threads; 0 for one per core.
        progress: called ten times a second with the number of executions done.

    Raises:
        ArgumentError: `scenario` is none, or a number is out of range.
        ScenarioError: the scenario makes no sense.
        ProfileError: no profile has this name.
        CheckInterrupted: Ctrl-C; its `report` is what was found until then.

    >>> import ringfence as rf
    >>> @rf.scenario
    ... def abba(k):
    ...     a, b = k.mutex("a"), k.mutex("b")
    ...     for name, first, second in [("one", a, b), ("two", b, a)]:
    ...
    ...         def take(t, first=first, second=second):
    ...             with t.mutex_lock(first), t.mutex_lock(second):
    ...                 pass
    ...
    ...         k.thread(name, take)
    >>> report = rf.check(abba, budget=100)
    >>> report
    <Report abba: RF601 in 103 executions>
    >>> [finding] = report["RF601"]
    >>> finding.verdict
    'CONFIRMED'
    >>> abba.run(finding).end
    'hung'
    """
    core = core_of(scenario)
    report = _core.check(
        core,
        profile_of(profile),
        executions=whole_number("budget", budget, 0, _U64_MAX),
        seed=whole_number("seed", seed, 0, _U64_MAX),
        steps_max=whole_number("steps_max", steps_max, 1, _U64_MAX),
        jobs=whole_number("jobs", jobs, 0, JOBS_MAX),
        progress=progress,
    )
    if report.interrupted:
        raise CheckInterrupted(report)
    return report
