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
    "foreign_fences": {
        "signals_foreign": confirmed("RF105"),
        "sets_foreign_error": confirmed("RF105"),
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
        "kernel": predicted("RF401"),
        "nofs": predicted("RF402"),
        "noio": predicted("RF402"),
    },
}

KEEPS = {
    "completion": ["completes", "recovers", "submits_well"],
    "foreign_fences": ["gives_up"],
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
        assert finding.location.startswith(f"tests/scenarios/clauses/{file}.py:")
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
