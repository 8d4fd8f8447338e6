"""The release build does, event by event, what the debug build does; another process and more jobs do too.

`determinism.txt` is what the engine's own tests compare the debug build with.
"""

import subprocess
import sys
from pathlib import Path

import pytest

import ringfence as rf

CASES = Path(__file__).parent.parent / "rust" / "ringfence" / "tests" / "check"
SCENARIOS = [
    rf.Scenario.from_json(line)
    for line in (CASES / "determinism.jsonl").read_text(encoding="utf-8").splitlines()
]
EXPECTED = (CASES / "determinism.txt").read_text(encoding="utf-8").splitlines()
SCHEDULES = ("run-to-completion", "round-robin", "random:1", "random:2")
STEPS = 400
BUDGET = 1_200


def fnv(text: str) -> str:
    """FNV-1a, 64 bits."""
    value = 0xCBF2_9CE4_8422_2325
    for byte in text.encode():
        value = (value ^ byte) * 0x0100_0000_01B3 % (1 << 64)
    return f"{value:016x}"


def log(scenario: rf.Scenario, jobs: int = 0) -> list[str]:
    """What happens under each schedule, and how far a check gets."""
    lines = []
    for schedule in SCHEDULES:
        run = scenario.run(schedule, steps_max=STEPS)
        events = run.events
        end = f"{run.end} after {len(run)} steps, {len(events)} events"
        lines.append(f"{scenario.name}, {schedule}: {end}, {fnv(chr(10).join(events))}")
    report = rf.check(scenario, budget=BUDGET, steps_max=STEPS, jobs=jobs)
    steps = f"{report.executions} executions, {report.steps} steps, {report.bound} cut off"
    return [*lines, f"{scenario.name}, checked: {steps}"]


def expected(scenario: rf.Scenario) -> list[str]:
    return [line for line in EXPECTED if line.startswith(f"{scenario.name}, ")]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_the_release_build_does_what_the_debug_build_does(scenario: rf.Scenario, jobs: int) -> None:
    assert log(scenario, jobs) == expected(scenario)


def test_reports_do_not_depend_on_the_number_of_jobs() -> None:
    for scenario in SCENARIOS:
        one, two, eight = (
            rf.check(scenario, budget=BUDGET, steps_max=STEPS, jobs=jobs).json() for jobs in (1, 2, 8)
        )
        assert one == two == eight


def test_another_process_does_the_same() -> None:
    code = "import test_determinism as t\nfor s in t.SCENARIOS: print(*t.log(s), sep='\\n')"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == EXPECTED
