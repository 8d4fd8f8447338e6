"""Each clause of the contract: whoever breaks it is found by its rule, whoever keeps it is not found."""

from pathlib import Path
from typing import NamedTuple

import pytest
from tests.scenarios.load import scenarios

import ringfence as rf
from ringfence.lockdep import Profile

HERE = Path(__file__).parent / "clauses"
WITHOUT_NOTIFIERS = Profile(mmu_notifier=False)
BUDGET = 1500


class Broken(NamedTuple):
    """What is found: rules with verdicts, and parts of the environment that one of the witnesses needs."""

    rules: dict[str, str]
    needs: frozenset[str] = frozenset()


def confirmed(*rules: str, needs: tuple[str, ...] = ()) -> Broken:
    return Broken(dict.fromkeys(rules, "CONFIRMED"), frozenset(needs))


def predicted(*rules: str) -> Broken:
    return Broken(dict.fromkeys(rules, "PREDICTED"))


SHRINKER = ("foreign_shrinker", "memory_pressure")
NOTIFIER = ("foreign_notifier", "memory_pressure", "user_memory")

BREAKS = {
    # Somebody waits, or nobody does; a slow recovery is as bad as none.
    "completion": {
        "never_signals": confirmed("RF101"),
        "waits_for_ever": confirmed("RF101"),
        "signals_late": confirmed("RF106"),
        "forgets_to_wake": confirmed("RF703"),
        "others_wait": confirmed("RF101", needs=("foreign_resv",)),
    },
    "timeouts": {
        "no_timeout": confirmed("RF101"),
        # Confirmed against the contract, whose hangs and waiters the scenario does not have itself.
        "so_far_so_good": confirmed("RF101", needs=("foreign_resv",)),
        "no_hangcheck": confirmed("RF101"),
        "looks_away": confirmed("RF101"),
        "hangs_some_day": confirmed("RF101", needs=("gpu_hangs",)),
        # Whatever hangs first: that no timeout stands behind the job is said once.
        "contract_no_timeout": confirmed("RF101"),
        "lost_irq_no_hangcheck": confirmed("RF101", needs=("irq_loss",)),
    },
    "submission": {
        "stops_its_own": confirmed("RF102"),
        "locks_nobody_out": confirmed("RF102"),
    },
    "force_completion": {
        "silent_sched": confirmed("RF103"),
        "silent_rings": confirmed("RF103"),
        "one_ring_only": confirmed("RF103"),
        "when_reset_fails_sched": confirmed("RF103", needs=("gpu_hangs", "reset_failure")),
        "when_reset_fails_rings": confirmed("RF103", needs=("gpu_hangs", "reset_failure")),
        "contract_silent": confirmed("RF103"),
    },
    "spared": {
        "cancels_all_rings": confirmed("RF104"),
        "cancels_all_sched": confirmed("RF104"),
        "blames_another": confirmed("RF104"),
        "contract_cancels_all": confirmed("RF104"),
    },
    # The ring alone does not tell patience from forgetting; the scheduler calls its driver again and again.
    "patience": {
        "once_more": confirmed("RF107"),
        "too_late": confirmed("RF106"),
        "too_late_rings": confirmed("RF106"),
        "contract_once_more": confirmed("RF107", needs=("gpu_hangs",)),
    },
    "foreign_fences": {
        "signals_foreign": confirmed("RF105"),
        "sets_foreign_error": confirmed("RF105"),
        "sched_signals_foreign": confirmed("RF105"),
        "sched_sets_foreign_error": confirmed("RF105"),
    },
    "scheduler": {
        "given_up_too_late": confirmed("RF507"),
        "armed_twice": confirmed("RF507"),
        "pushed_twice": confirmed("RF507"),
        "taken_down_too_early": confirmed("RF514"),
        "leaked": confirmed("RF515"),
        "pushed_to_killed": confirmed("RF516"),
        "told_twice": confirmed("RF517"),
    },
    "annotation": {
        "bare_work": confirmed("RF201"),
        "published_before": confirmed("RF202"),
        "cookies_swapped": confirmed("RF203"),
        "left_open": confirmed("RF204"),
    },
    "locks": {
        "resv": confirmed("RF301"),
        "resv_ctx": confirmed("RF301"),
        # The context alone blocks nobody: it stands for the locks that come with it.
        "ww_ctx": predicted("RF302"),
        "mmap_lock": confirmed("RF302"),
        "page_fault": confirmed("RF302"),
        "contract_resv": confirmed("RF301", needs=("foreign_resv",)),
        "contract_resv_ctx": confirmed("RF301", needs=("foreign_resv",)),
        "contract_mmap_lock": confirmed("RF302", needs=("foreign_notifier", "user_memory")),
        "contract_page_fault": confirmed("RF302", needs=("user_memory",)),
    },
    "reclaim": {
        "shrinker_kernel": confirmed("RF401", needs=("memory_pressure",)),
        "notifier_nofs": confirmed("RF402", needs=("memory_pressure", "user_memory")),
        "notifier_noio": confirmed("RF402", needs=("memory_pressure", "user_memory")),
        "notifier_scope": confirmed("RF402", needs=("memory_pressure", "user_memory")),
        "interval_nofs": confirmed("RF402", needs=("memory_pressure", "user_memory")),
        "interval_noio": confirmed("RF402", needs=("memory_pressure", "user_memory")),
        "atomic_unhandled": confirmed("RF403", needs=("allocation_failure",)),
        "contract_kernel": confirmed("RF401", needs=("memory_pressure",)),
        "contract_shrinker": confirmed("RF401", needs=SHRINKER),
        "contract_nofs": confirmed("RF402", needs=NOTIFIER),
        "contract_noio": confirmed("RF402", needs=NOTIFIER),
        "contract_unhandled": confirmed("RF403", needs=("allocation_failure",)),
    },
    "priming": {
        "kernel": confirmed("RF401", needs=("memory_pressure",)),
        "nofs": confirmed("RF402", needs=("memory_pressure",)),
        "noio": confirmed("RF402", needs=("memory_pressure",)),
    },
}

KEEPS = {
    "completion": ["completes", "recovers", "submits_well"],
    "timeouts": [
        "sched",
        "rings",
        "slow",
        "contract_sched",
        "contract_rings",
        "lost_irq_sched",
        "lost_irq_rings",
    ],
    "submission": [
        "stops_all",
        "locks_out",
        "contract_stops_all",
        "contract_locks_out",
        "refuses_sched",
        "refuses_rings",
        "refuses_guilty",
    ],
    "force_completion": [
        "no_reset_sched",
        "no_reset_rings",
        "both_rings_sched",
        "both_rings",
        "reset_fails_sched",
        "reset_fails_rings",
        "contract_sched",
        "contract_rings",
    ],
    "spared": [
        "engine_reset_sched",
        "engine_reset_rings",
        "shared_engine_sched",
        "shared_engine_rings",
        "submitted_again",
        "submitted_again_rings",
        "contract_engine_reset",
        "contract_shared_engine",
    ],
    "patience": [
        "fixed",
        "fixed_ends",
        "patient",
        "patient_ends",
        "extends_sched",
        "extends_rings",
        "contract_patient",
    ],
    "foreign_fences": [
        "gives_up",
        "sched_waits",
        "sched_gives_up",
        "sched_gives_up_hang",
        "contract_sched_gives_up",
    ],
    "scheduler": ["pushed", "recovered", "given_up", "taken_down"],
    "annotation": ["annotated_work", "annotated_submission"],
    "locks": ["quiet_lock", "quiet_trylock", "contract_lock", "contract_trylock"],
    "reclaim": [
        "shrinker_preallocated",
        "shrinker_nowait",
        "notifier_preallocated",
        "interval_preallocated",
        "atomic_handled",
        "contract_preallocated",
        "contract_nowait",
        "contract_atomic",
    ],
    "priming": ["nowait"],
}


def cases(table: dict[str, dict[str, Broken]] | dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(file, name) for file, names in table.items() for name in names]


@pytest.mark.parametrize(("file", "name"), cases(BREAKS))
def test_a_broken_clause_is_found_by_its_rule(file: str, name: str) -> None:
    expected = BREAKS[file][name]
    report = rf.check(scenarios(HERE / f"{file}.py")[name], budget=BUDGET)
    assert {finding.rule: finding.verdict for finding in report.findings} == expected.rules, str(report)
    for finding in report.findings:
        assert finding.schedule is not None
        assert finding.location is not None
        # The breach can be in a driver model of the package that was told to break the clause.
        assert finding.location.startswith((f"tests/scenarios/clauses/{file}.py:", "ringfence/drivers/"))
    assert expected.needs <= {part for finding in report.findings for part in finding.needs}, str(report)


@pytest.mark.parametrize(("file", "name"), cases(KEEPS))
def test_a_kept_clause_is_clean(file: str, name: str) -> None:
    report = rf.check(scenarios(HERE / f"{file}.py")[name], budget=BUDGET)
    assert report.ok, str(report)
    assert report.bound == 0


def test_every_scenario_is_in_a_table() -> None:
    found = {(file.stem, name) for file in HERE.glob("*.py") for name in scenarios(file)}
    assert found == {*cases(BREAKS), *cases(KEEPS)}


@pytest.mark.parametrize("name", ["nofs", "noio"])
def test_without_mmu_notifiers_only_shrinkers_wait(name: str) -> None:
    report = rf.check(scenarios(HERE / "priming.py")[name], budget=BUDGET, profile=WITHOUT_NOTIFIERS)
    assert report.ok, str(report)


@pytest.mark.parametrize(
    ("file", "name"),
    [("priming", "kernel"), ("reclaim", "contract_kernel"), ("reclaim", "contract_shrinker")],
)
def test_without_mmu_notifiers_shrinkers_do_wait(file: str, name: str) -> None:
    report = rf.check(scenarios(HERE / f"{file}.py")[name], budget=BUDGET, profile=WITHOUT_NOTIFIERS)
    assert report.rules == ["RF401"], str(report)


@pytest.mark.parametrize("name", ["contract_nofs", "contract_noio"])
def test_without_mmu_notifiers_there_is_no_foreign_one(name: str) -> None:
    report = rf.check(scenarios(HERE / "reclaim.py")[name], budget=BUDGET, profile=WITHOUT_NOTIFIERS)
    assert report.ok, str(report)
