"""`Scenario.replay`: recorded executions again."""

from pathlib import Path

import pytest
from tests.helper import ROOT
from tests.scenarios.load import scenarios
from tests.test_rules import build
from tests.test_rules import scenarios as pages

import ringfence as rf

IDENTICAL = "replayed: the same steps and events as recorded"
FILES = [*sorted((ROOT / "tests/scenarios").glob("*/*.py")), *sorted((ROOT / "examples").glob("[ae]*_*.py"))]


@rf.scenario
def abba(k: rf.Kernel, length: int = 0) -> None:
    a, b = k.mutex("a"), k.mutex("b")
    for name, first, second in [("one", a, b), ("two", b, a)]:

        @k.thread(name)
        def both(t: rf.Recorder, first: rf.Mutex = first, second: rf.Mutex = second) -> None:
            with t.mutex_lock(first):
                for _ in range(length):
                    t.cond_resched()
                with t.mutex_lock(second):
                    pass


@rf.scenario(name="abba")
def one_order(k: rf.Kernel) -> None:
    """As `abba`, but fixed."""
    a, b = k.mutex("a"), k.mutex("b")
    for name in ("one", "two"):

        @k.thread(name)
        def both(t: rf.Recorder) -> None:
            with t.mutex_lock(b):
                t.cond_resched()
                t.cond_resched()
                with t.mutex_lock(a):
                    pass


@rf.scenario(name="abba")
def alone(k: rf.Kernel) -> None:
    """As `abba`, but without the second thread."""
    a, b = k.mutex("a"), k.mutex("b")

    @k.thread("one")
    def both(t: rf.Recorder) -> None:
        with t.mutex_lock(a), t.mutex_lock(b):
            pass


@rf.scenario(environment=rf.quiet(fence_bound=rf.s(5)))
def flip(k: rf.Kernel, *, name: str = "framebuffer") -> None:
    """Nobody in it waits for the fence; whoever the contract allows to be there may."""
    framebuffer = k.dma_resv(name)
    fence = k.dma_fence("out_fence", timeline=k.timeline("crtc-0"))

    @k.work("commit_work")
    def commit_tail(t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            with t.dma_resv_lock(framebuffer):
                pass
            t.dma_fence_signal(fence)

    @k.thread("compositor")
    def compositor(t: rf.Recorder) -> None:
        with t.dma_resv_lock(framebuffer):
            t.dma_resv_reserve_fences(framebuffer, 1)
            t.dma_resv_add_fence(framebuffer, fence, rf.WRITE)
        t.schedule_work(commit_tail)


def hung() -> rf.Execution:
    """Where both have their first lock."""
    e = abba.run("round-robin")
    assert e.end == "hung"
    return e


def assert_findings_replay(scenario: rf.Scenario, **options: object) -> int:
    """Each of them, step by step; how many there are."""
    report = rf.check(scenario, budget=200, **options)  # type: ignore[arg-type]
    for finding in report:
        again = scenario.replay(finding)
        assert (again.fits, again.stopped_at, again.remark) == (True, None, IDENTICAL), finding
        assert again.schedule == finding.schedule
        assert again.to_dict()["steps"] == finding.to_dict()["witness"]["steps"]
    return len(report.findings)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_findings_of_files_replay(file: Path) -> None:
    assert sum(assert_findings_replay(scenario) for scenario in scenarios(file).values()) > 0


def test_findings_of_pages_replay(tmp_path: Path) -> None:
    bad = [build(rule, section, tmp_path) for rule, section in pages() if section == "Bad"]
    assert len(bad) > 30
    for scenario in bad:
        assert assert_findings_replay(scenario) > 0


def test_what_only_the_contract_shows() -> None:
    report = rf.check(flip, budget=100)
    [finding] = report
    assert (finding.rule, finding.verdict, finding.against_contract) == ("RF301", "CONFIRMED", True)
    assert finding.needs == ["foreign_resv"]
    assert [search.contract for search in report.searches] == sorted(
        search.contract for search in report.searches
    )
    string = finding.schedule
    assert string is not None
    assert f'with_environment(rf.contract()).replay("{string}")' in str(finding)
    again = flip.with_environment(rf.contract()).replay(string)
    assert (again.end, again.fits, again.remark, again.schedule) == ("hung", True, IDENTICAL, string)
    assert again.to_dict()["steps"] == finding.to_dict()["witness"]["steps"]
    # A finding brings its environment along; so it is the same however it is asked for.
    for execution in (
        flip.replay(finding),
        flip.run(finding),
        rf.Scenario.from_json(flip.to_json()).run(finding),
    ):
        assert (execution.events, execution.remark) == (again.events, IDENTICAL)
    # Alone it can't be: nobody else is there who waits.
    alone = flip.replay(string)
    assert alone.remark is not None
    assert alone.remark.startswith("the scenario was edited since this was recorded")
    assert all(finding.verdict != "CONFIRMED" for finding in alone.findings)


def test_a_scenario_among_others_stays_what_it_is() -> None:
    among = flip.with_environment(rf.contract(fence_bound=rf.s(7)))
    assert (among.name, among.function) == (flip.name, flip.function)
    assert among.with_environment(rf.quiet()) == flip
    # The bound on fences is the scenario's own, also where it is the usual one.
    assert '"fence_bound":5000000000' in among.to_json()
    assert abba.with_environment(rf.quiet(fence_bound=rf.s(7))) == abba
    assert among.with_(name="bo") == flip.with_(name="bo").with_environment(rf.contract())


def test_a_profile_comes_with_the_string() -> None:
    for profile in ("5.9", "next", rf.Profile(strict=False, lockdep=False)):
        e = abba.run("round-robin", profile=profile)
        assert abba.replay(e.schedule).remark == IDENTICAL
        assert abba.run(e.schedule, profile=profile).remark == IDENTICAL
        with pytest.raises(rf.ReplayError, match=r"recorded with profile .*, not 6\.12; it says so itself"):
            abba.run(e.schedule, profile="6.12")
    old = abba.run("round-robin", profile="5.9")
    with pytest.raises(rf.ReplayError, match=r"recorded with profile 5\.9, not next;"):
        abba.run(old.schedule, profile="next")


def test_run_takes_replay_strings() -> None:
    e = hung()
    for again in (abba.run(e.schedule), abba.replay(f"\n {e.schedule} ")):
        assert (again.events, again.remark) == (e.events, IDENTICAL)
    assert abba.run(e.schedule, steps_max=1).remark == "replayed: the first 1 of 4 recorded steps"
    assert (e.fits, e.stopped_at, e.remark) == (None, None, None)
    assert "replay" not in e.to_dict()
    replay = abba.replay(e.schedule).to_dict()["replay"]
    assert replay == {"fits": True, "stopped_at": None, "remark": IDENTICAL}


def test_steps_beyond_the_usual_bound() -> None:
    @rf.scenario
    def busy(k: rf.Kernel) -> None:
        @k.thread("spinner")
        def spinner(t: rf.Recorder) -> None:
            with t.loop():
                t.cond_resched()

    e = busy.run(steps_max=100_050)
    assert len(busy.replay(e.schedule)) == 100_050
    assert len(busy.replay(e.schedule, steps=100_001)) == 100_001
    assert len(busy.replay(e.schedule, then="round-robin", steps_max=100_100)) == 100_100


def test_a_beginning_and_then_something_else() -> None:
    e = hung()
    part = abba.replay(e.schedule, steps=2)
    assert (part.end, part.fits, part.remark) == ("bound", True, "replayed: the first 2 of 4 recorded steps")
    assert part.steps == e.steps[:2]
    for then in ("run-to-completion", "round-robin", "random:3", "0", [0, 0]):
        on = abba.replay(e.schedule, steps=1, then=then)
        assert (on.steps[0], on.fits) == (e.steps[0], True)
        assert abba.replay(on.schedule).events == on.events
    assert abba.replay(e.schedule, steps=1, then="run-to-completion").end == "finished"
    assert abba.replay(e.schedule, steps=0, then="round-robin").events == e.events


def test_an_edited_scenario() -> None:
    e = hung()
    fixed = one_order.replay(e.schedule)
    assert (fixed.fits, fixed.stopped_at, fixed.end) == (True, None, "finished")
    assert fixed.remark == (
        "the scenario was edited since this was recorded; all that was chosen is still possible, and this is "
        "what happens now"
    )
    part = one_order.replay(e.schedule, steps=2)
    assert part.remark == "replayed: the first 2 of 4 recorded steps; the scenario was edited since"


def test_an_edited_scenario_that_does_not_fit() -> None:
    e = abba.with_(length=2).run("1,1,0,1,0")
    json = one_order.to_json().replace('"abba"', '"abba[length=2]"')
    fixed = rf.Scenario.from_json(json)
    there = fixed.replay(e.schedule)
    assert (there.fits, there.stopped_at, there.end, len(there)) == (False, 4, "bound", 4)
    assert [step.context for step in there.steps] == ["two", "two", "one", "two"]
    assert there.remark == (
        "the scenario was edited since this was recorded; the recording fits up to step 4: there one was to "
        "go on, which is not possible"
    )
    on = fixed.replay(e.schedule, then="run-to-completion")
    assert (on.fits, on.stopped_at, on.end, on.remark) == (False, 4, "finished", there.remark)
    assert on.steps[:4] == there.steps
    left = alone.replay(hung().schedule)
    assert (left.fits, left.stopped_at) == (False, 1)
    assert left.remark is not None
    assert left.remark.endswith("there something was to go on, or to arrive, that there is not any more")


def test_moved_code_and_another_name_change_nothing() -> None:
    e = hung()
    moved = abba.to_json().replace('"line":', '"line":1')
    assert moved != abba.to_json()
    for text in (moved, abba.to_json().replace('"abba"', '"abab"')):
        assert rf.Scenario.from_json(text).replay(e.schedule).remark == IDENTICAL
    other = rf.Scenario.from_json(one_order.to_json().replace('"abba"', '"other"'))
    with pytest.raises(
        rf.ReplayError, match="of another scenario than `other`: neither the name nor what is in"
    ):
        other.replay(e.schedule)


@pytest.mark.parametrize(
    ("string", "options", "error", "message"),
    [
        ("0,1", {}, rf.ReplayError, "`0,1` is no replay string; expected `rf1:`"),
        ("rf2:00", {}, rf.ReplayError, "of version 2 of the form, and this ringfence knows version 1 only"),
        ("rf1:", {}, rf.ReplayError, "is cut off: behind"),
        (7, {}, rf.ArgumentError, r"expected a replay string \('rf1:…'\) or a finding, not 7"),
        ([1, 0], {}, rf.ArgumentError, "expected a replay string .*, not a list"),
        (None, {"steps": -1}, rf.ArgumentError, "steps=-1: expected a number from 0"),
        (None, {"steps": "1"}, rf.ArgumentError, "steps: expected a whole number, not '1'"),
        (None, {"steps_max": 0}, rf.ArgumentError, "steps_max=0: expected a number from 1"),
        (None, {"steps": 50}, rf.ReplayError, "steps=50: the replay string has 4 steps"),
        (None, {"then": "sideways"}, rf.RingfenceError, "then: `sideways` is no schedule"),
        (None, {"then": "rf1:00"}, rf.RingfenceError, "then: `rf1:00` is no schedule"),
        (None, {"then": "7", "steps": 1}, rf.RingfenceError, "then: choice 0 of the schedule is 7"),
        (None, {"then": 7}, rf.ArgumentError, "schedule: expected None, .*, a replay string, .* not 7"),
    ],
)
def test_mistakes(string: object, options: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        abba.replay(hung().schedule if string is None else string, **options)  # type: ignore[arg-type]


def test_no_slip_goes_unseen() -> None:
    string = hung().schedule
    for index, right in enumerate(string):
        for wrong in "0a7z":
            if wrong != right:
                with pytest.raises(rf.ReplayError):
                    abba.replay(f"{string[:index]}{wrong}{string[index + 1 :]}")
        with pytest.raises(rf.ReplayError):
            abba.replay(string[:index])
        with pytest.raises(rf.ReplayError):
            abba.replay(string[:index] + string[index + 1 :])
