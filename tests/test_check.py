"""`ringfence.check`: what it finds, what it says, and what it refuses."""

import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest
from tests.helper import environment

import ringfence as rf
from ringfence._arguments import STRATEGIES


@rf.scenario
def abba(k: rf.Kernel) -> None:
    a, b = k.mutex("a"), k.mutex("b")

    def take(first: rf.Mutex, second: rf.Mutex) -> Callable[[rf.Recorder], None]:
        def take_both(t: rf.Recorder) -> None:
            with t.mutex_lock(first), t.mutex_lock(second):
                pass

        return take_both

    k.thread("one", take(a, b))
    k.thread("two", take(b, a))


@rf.scenario
def fine(k: rf.Kernel) -> None:
    lock = k.mutex("lock")

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        with t.mutex_lock(lock):
            t.cond_resched()


@rf.scenario
def resv_in_section(k: rf.Kernel) -> None:
    """Never hangs here, but others may wait for the fence with the lock held."""
    bo, flip = k.dma_resv("bo"), k.dma_fence("flip", timeline=k.timeline("crtc-0"))

    @k.thread("worker")
    def worker(t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            with t.dma_resv_lock(bo):
                pass
            t.dma_fence_signal(flip)


@rf.scenario
def busy(k: rf.Kernel) -> None:
    """Goes on for ever."""
    cell = k.cell("cell")

    @k.thread("spinner")
    def spinner(t: rf.Recorder) -> None:
        with t.while_(lambda: t.read_once(cell) == 0):
            t.cond_resched()


def test_nothing_found() -> None:
    report = rf.check(fine, budget=100)
    assert report.complete
    assert str(report).endswith(", which stand for all there are")
    report = rf.check(fine, budget=100, strategy="random")
    assert report.ok
    assert not report.complete
    assert report.findings == list(report) == report.rules == []
    assert report.scenario == "fine"
    assert report.executions == 102  # each thread first, in turn, and 100 at random
    assert report.steps > report.executions
    assert (report.bound, report.interrupted) == (0, False)
    assert str(report).startswith("fine: nothing found in 102 executions, ")
    assert repr(report) == "<Report fine: nothing found in 102 executions>"


def test_a_deadlock_is_found_and_its_schedule_shows_it() -> None:
    report = rf.check(abba, budget=100)
    assert not report.ok
    assert report.rules == ["RF601"]
    [finding] = report
    assert report["RF601"] == report["circular-dependency"] == report.findings == [finding]
    assert (finding.rule, finding.name, finding.verdict) == ("RF601", "circular-dependency", "CONFIRMED")
    assert sorted(finding.contexts) == ["one", "two"]
    assert finding.task in {"one", "two"}
    assert finding.location is not None
    assert finding.location.startswith("tests/test_check.py:")
    assert finding.count >= 1
    assert finding.needs == []
    assert finding.schedule is not None
    assert abba.run(finding.schedule).end == "hung"
    # Run to completion and in turn: one of the two hangs without any choice, the other one never.
    assert {abba.run().end, abba.run("round-robin").end} == {"finished", "hung"}


def test_a_broken_rule_that_does_not_hang() -> None:
    report = rf.check(resv_in_section, budget=50)
    [finding] = report["RF301"]
    assert finding.verdict == "PREDICTED"
    assert finding.contexts == []
    assert finding.task == "worker"


def test_only_known_rules_are_asked_for() -> None:
    report = rf.check(fine, budget=0)
    assert report["RF301"] == []
    with pytest.raises(rf.UnknownRuleError, match='no rule has the code or name "RF999"'):
        report["RF999"]


def test_the_same_again_whatever_the_jobs() -> None:
    reports = [rf.check(abba, budget=2000, jobs=jobs) for jobs in (1, 2, 3)]
    assert len({report.json() for report in reports}) == 1
    assert reports[0] == reports[1] == reports[2]
    first, second = (rf.check(abba, budget=2000, seed=seed, strategy="random") for seed in (0, 1))
    assert first != second


def test_values() -> None:
    report = rf.check(abba, budget=20)
    for value in (report, report.findings[0]):
        again = pickle.loads(pickle.dumps(value))  # noqa: S301 - our own
        assert again == value
        assert hash(again) == hash(value)
        assert again.json() == value.json()
        assert str(again) == str(value)
        assert value.to_dict() == again.to_dict()
    other = rf.check(resv_in_section, budget=20)
    assert pickle.loads(pickle.dumps(other)) == other  # noqa: S301 - our own
    assert other != report
    assert other.findings[0] != report.findings[0]
    data = report.to_dict()
    assert data["scenario"] == "abba"
    assert [finding["rule"] for finding in data["findings"]] == ["RF601"]
    assert data["findings"][0]["witness"]["schedule"] == report.findings[0].schedule


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"rule":"RF601"}', "nonsense"])
def test_what_is_no_report_is_not_read_back(text: str) -> None:
    with pytest.raises(rf.RingfenceError, match="this is no report of this version"):
        rf.Report.from_json(text)
    with pytest.raises(rf.RingfenceError, match="this is no finding of this version"):
        rf.Finding.from_json(text)


def test_text_says_how_to_run_it_again() -> None:
    [finding] = rf.check(abba, budget=20)
    assert str(finding).endswith(f'\nAgain: replay("{finding.schedule}")')
    command = "ringfence replay a.py::abba"
    assert finding.text(command=command).endswith(f"\nAgain: {command} {finding.schedule}")
    assert "Schedule (" in finding.text()
    assert "Schedule (" not in finding.text(steps=False)
    assert "\x1b[" in finding.text(colour=True)
    for width in (32, 40, 60, 100):
        lines = finding.text(width, command=command * 10).splitlines()
        assert max(len(line) for line in lines if not line.startswith("Again: ")) <= width


def test_the_bound_is_told() -> None:
    report = rf.check(busy, budget=10, steps_max=50, strategy="random")
    assert report.bound == report.executions == 12
    assert report.steps_max == 50
    assert "12 executions were cut off after 50 steps" in str(report)


def test_profile() -> None:
    """Off, the validator says nothing; the monitors do."""
    assert rf.check(abba, budget=0, profile=rf.Profile(lockdep=False)).rules
    by_name, by_value = (rf.check(abba, budget=5, profile=profile) for profile in ("5.9", rf.Profile("5.9")))
    assert by_name == by_value
    with pytest.raises(rf.ProfileError, match=r"6\.13"):
        rf.check(abba, profile="6.13")


def undecorated(k: rf.Kernel) -> None:
    pass


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (undecorated, "expected a scenario, not the function undecorated; decorate it with @rf.scenario"),
        (rf, "expected a scenario, not a module; one is made by @rf.scenario"),
        (None, "expected a scenario, not None"),
        ("submit.py", "expected a scenario, not 'submit.py'; .*`ringfence check FILE`"),
        (rf.Driver, "expected a scenario, not the class Driver"),
        ([abba], "expected a scenario, not a list"),
    ],
    ids=["function", "module", "None", "str", "class", "list"],
)
def test_only_scenarios_are_checked(thing: object, message: str) -> None:
    with pytest.raises(rf.ArgumentError, match=message) as error:
        rf.check(thing)  # type: ignore[arg-type]
    assert isinstance(error.value, TypeError)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"budget": -1}, "budget=-1: expected a number from 0 to 18446744073709551615"),
        ({"budget": 1 << 64}, "budget=18446744073709551616: expected a number from 0"),
        ({"budget": "many"}, "budget: expected a whole number, not 'many'"),
        ({"budget": 1.5}, "budget: expected a whole number, not 1.5"),
        ({"budget": True}, "budget: expected a whole number, not True"),
        ({"steps_max": 0}, "steps_max=0: expected a number from 1"),
        ({"seed": -1}, "seed=-1: expected"),
        ({"jobs": -1}, "jobs=-1: expected a number from 0 to 1024"),
        ({"jobs": 100_000}, "jobs=100000: expected a number from 0 to 1024"),
        ({"profile": 6.12}, "profile: expected an rf.Profile or one of the names 5.9, 6.12, next, not 6.12"),
        ({"strategy": "dport"}, r"strategy='dport': expected proof, .*, directed or pct:DEPTH .*mean 'dpor'"),
        ({"strategy": "pct:0"}, r"strategy='pct:0': expected .* pct:DEPTH \(1 to 64\)$"),
        ({"strategy": "pct:65"}, "strategy='pct:65': expected "),
        ({"strategy": 3}, "strategy: expected a name, not 3"),
        ({"time": 0}, "time=0: expected seconds, more than 0, or None"),
    ],
)
def test_arguments_that_make_no_sense(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(rf.ArgumentError, match=message):
        rf.check(fine, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("strategy", [*STRATEGIES, "pct:1", "pct:64"])
def test_each_strategy(strategy: str) -> None:
    assert rf.check(abba, budget=50, strategy=strategy).rules == ["RF601"]


def test_a_scenario_that_makes_no_sense_is_refused() -> None:
    @rf.scenario
    def wrong(k: rf.Kernel) -> None:
        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            t.mutex_unlok("m")  # type: ignore[attr-defined]

    with pytest.raises(rf.ScenarioError, match=r"did you mean t\.mutex_unlock"):
        rf.check(wrong)


def test_progress_comes_and_its_errors_end_the_check() -> None:
    seen: list[int] = []

    def stop(progress: rf.Progress) -> None:
        assert progress.phase in {"ordered", "random"}
        seen.append(progress.executions)
        if len(seen) == 3:
            message = "enough"
            raise LookupError(message)

    with pytest.raises(LookupError, match="enough"):
        rf.check(abba, budget=1 << 60, strategy="random", progress=stop)
    assert seen == sorted(seen)
    assert seen[-1] > 0
    # The check is over: its threads are gone.
    assert threading.active_count() == 1


SLOW = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import ringfence as rf
from tests.test_check import abba, busy

what = {"abba": abba, "busy": busy}[sys.argv[1]]
print("ready", flush=True)
try:
    rf.check(what, budget=1 << 60, steps_max=1 << 60, strategy="random")
except rf.CheckInterrupted as interrupted:
    report = interrupted.report
    print(report.interrupted, report.rules, "interrupted" in str(interrupted))
"""


@pytest.mark.parametrize(("name", "found"), [("abba", "['RF601']"), ("busy", "[]")])
def test_interrupt_keeps_what_was_found(name: str, found: str) -> None:
    """Also in the middle of an execution that has no end."""
    command = [sys.executable, "-c", SLOW, name]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == (f"True {found} True\n", "", 0)


def test_a_check_leaves_the_interpreter_free() -> None:
    """Another Python thread goes on meanwhile."""
    counted = 0
    stop = threading.Event()

    def count() -> None:
        nonlocal counted
        while not stop.is_set():
            counted += 1
            stop.wait(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    rf.check(abba, budget=20_000, jobs=1, strategy="random")
    stop.set()
    thread.join()
    assert counted > 5


@rf.scenario
def guarded(k: rf.Kernel) -> None:
    """Two orders, but never at the same time."""
    guard, a, b = k.mutex("guard"), k.mutex("a"), k.mutex("b")

    def take(first: rf.Mutex, second: rf.Mutex) -> Callable[[rf.Recorder], None]:
        def take_all(t: rf.Recorder) -> None:
            with t.mutex_lock(guard), t.mutex_lock(first), t.mutex_lock(second):
                pass

        return take_all

    k.thread("one", take(a, b))
    k.thread("two", take(b, a))


def test_a_circle_under_a_guard_lock_is_refuted() -> None:
    report = rf.check(guarded)
    [finding] = report.findings
    assert (finding.rule, finding.verdict) == ("RF601", "REFUTED")
    assert finding.notes == ["it cannot happen here: whoever takes these locks holds guard"]
    assert report.complete
    assert report.ok
    assert "RF601 circular-dependency: REFUTED" in str(report)
    assert "it cannot happen here: whoever takes these locks holds guard." in " ".join(str(report).split())
