"""Checking scenarios: `check` predicts, then proves."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from ringfence import _core
from ringfence._arguments import MEMORY_MAX, STEPS_MAX, core_of, profile_of, strategy_of, whole_number
from ringfence._core import CheckFinding as Finding
from ringfence._core import Progress, Report, Search
from ringfence.errors import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence._core import Profile
    from ringfence._scenario._scenario import Scenario

__all__ = ["CheckInterrupted", "Finding", "Progress", "Report", "Search", "check"]

DEFAULT_BUDGET = 4000
"""Executions of a search."""
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
    strategy: str = "proof",
    time: float | None = None,
    memory: int = MEMORY_MAX,
    minimise: bool = True,
    progress: Callable[[Progress], object] | None = None,
) -> Report:
    """Checks a scenario: predicts, then proves.

    The validator predicts from every event, the wait-for graph shows real hangs, the monitors watch the
    clauses of the contract that need state. What they say of the same cause becomes one finding.

    Each thread is run first to completion once, and all in turn. Then one execution of each class of
    equivalent ones is run, as far as a quarter of the budget goes. If those are all there are, the check is
    `Report.complete`; else `budget` executions follow with random schedules. Whatever is then only predicted
    is aimed at: each context that could be part of the hang is led to where it holds what the others want.
    What still has no witness is tried once more with everything that the contract allows others. The same
    arguments give the same report, whatever `jobs` is.

    Args:
        scenario: what to check.
        budget: executions of a search, at most.
        profile: which kernel; a `Profile`, or the name of one.
        seed: the first seed.
        steps_max: steps after which an execution is cut off, which the report says.
        jobs: threads; 0 for one per core.
        strategy: ``"proof"`` does all of the above; one search alone is ``"random"``, ``"pct:DEPTH"``,
            ``"dpor"`` or ``"directed"``, each after the ordered executions. One alone looks for no livelocks,
            and tries nothing against the contract.
        time: seconds after which the check ends with what was found until then; then the report can differ
            from one run to the next.
        memory: MiB that a search may keep, about; one that would need more ends before its time.
        minimise: make witnesses as small as they can be.
        progress: called ten times a second with how far the check is.

    Raises:
        ArgumentError: `scenario` is none, a number is out of range, or no strategy has this name.
        RingfenceError: so many threads can't be started.
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
    <Report abba: RF601 in 6 executions>
    >>> [finding] = report["RF601"]
    >>> finding.verdict
    'CONFIRMED'
    >>> abba.run(finding).end
    'hung'
    """
    core = core_of(scenario)
    seconds, start = _seconds(time), monotonic()
    report = _core.check(
        core,
        profile_of(profile),
        executions=whole_number("budget", budget, 0, _U64_MAX),
        seed=whole_number("seed", seed, 0, _U64_MAX),
        steps_max=whole_number("steps_max", steps_max, 1, _U64_MAX),
        jobs=whole_number("jobs", jobs, 0, JOBS_MAX),
        strategy=strategy_of(strategy),
        memory_max=whole_number("memory", memory, 0, _U64_MAX >> 20) << 20,
        minimise=bool(minimise),
        time=seconds,
        progress=progress,
    )
    # The end of its time is what was asked for; before that, it was Ctrl-C.
    if report.interrupted and (seconds is None or monotonic() - start < seconds):
        raise CheckInterrupted(report)
    return report


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        message = f"time={value!r}: expected seconds, more than 0, or None"
        raise ArgumentError(message)
    return float(value)
