"""`Scenario.run`: one execution to look at."""

import pytest

import ringfence as rf


@rf.scenario
def flip(k: rf.Kernel) -> None:
    """The client waits for the flip with the lock held that the worker wants first."""
    bo = k.dma_resv("bo")
    fence = k.dma_fence("flip", timeline=k.timeline("crtc-0"))
    turns = k.cell("turns")

    @k.work("commit_work")
    def commit_work(t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            with t.dma_resv_lock(bo):
                t.atomic_add_return(turns, 1)
            t.dma_fence_signal(fence)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        with t.dma_resv_lock(bo):
            t.schedule_work(commit_work)
            t.dma_fence_wait(fence)


@rf.scenario
def two(k: rf.Kernel) -> None:
    lock = k.mutex("lock")
    cell = k.cell("cell")
    for name in ("one", "two"):

        @k.thread(name)
        def client(t: rf.Recorder) -> None:
            with t.mutex_lock(lock):
                t.atomic_add_return(cell, 1)


def test_what_a_reader_wants_to_know() -> None:
    e = flip.run()
    assert e.end == "hung"
    assert e.scenario == "flip"
    assert len(e) == len(e.steps) > 3
    assert repr(e) == f"<Execution of flip: hung after {len(e)} steps>"
    end = e.at()
    assert end == e.at(len(e))
    client = end.thread("client")
    assert (client.state, client.waits_for) == ("blocked", "dma_fence flip")
    [held] = client.held
    assert (held.lock, held.shared) == ("bo", False)
    assert held.location is not None
    assert held.location.startswith("tests/test_execution.py:")
    assert not client.in_section
    worker = next(thread for thread in end.threads if thread.in_section)
    assert worker.waits_for is not None
    assert worker.waits_for.startswith("bo")
    assert worker.inside == ["commit_work"]
    fence = end.fence("flip")
    assert (fence.state, fence.sort, fence.error, fence.seqno) == ("unsignaled", "driver", 0, 1)
    assert end.cells == {"turns": 0}


def test_steps_number_the_snapshots() -> None:
    e = flip.run()
    assert [step.number for step in e.steps] == list(range(len(e)))
    assert e.at(0).thread("client").held == []
    taken = next(step for step in e.steps if any("dma_resv_lock(bo)" in what for what in step.what))
    assert taken.context == "client"
    assert taken.location is not None
    assert e.at(taken.number).thread("client").held == []
    assert [held.lock for held in e.at(taken.number + 1).thread("client").held] == ["bo"]
    for step in range(len(e) + 1):
        assert e.at(step).steps == step


def test_it_says_what_it_breaks() -> None:
    e = flip.run()
    [finding] = [finding for finding in e.findings if finding.rule == "RF301"]
    assert finding.verdict == "CONFIRMED"
    assert flip.run(finding).findings == e.findings
    assert two.run().findings == []


@pytest.mark.parametrize("schedule", [None, "run-to-completion", "round-robin", "random:7", "", "1", [1, 0]])
def test_a_schedule_gives_the_same_execution_again(schedule: str | list[int] | None) -> None:
    e = two.run(schedule)
    assert e.end == "finished"
    assert e.at().cells == {"cell": 2}
    again = two.run(e.schedule)
    assert (again.steps, again.events, again.schedule) == (e.steps, e.events, e.schedule)
    for choices in (e.choices, ",".join(map(str, e.choices))):
        assert two.run(choices).steps == e.steps


def test_schedules_differ() -> None:
    first = [two.run(schedule).steps[0].context for schedule in ("0", "1")]
    assert first == ["one", "two"]
    assert two.run((1,)).steps[0].context == "two"
    assert len({two.run(f"random:{seed}").schedule for seed in range(20)}) > 3


def test_cut_off() -> None:
    e = flip.run(steps_max=2)
    assert (e.end, len(e)) == ("bound", 2)
    assert e.at().steps == 2
    assert str(e).endswith("\ncut off after 2 steps")
    assert e.findings == []


def test_text_and_data() -> None:
    e = flip.run()
    shown = str(e)
    assert shown == e.text() == e.text(100)
    assert "client" in shown
    assert shown.endswith("steps: nothing can happen any more, and somebody still waits")
    for width in (32, 40, 60, 100):
        body = e.text(width).splitlines()[:-1]
        assert max(map(len, body)) <= width
    assert "\x1b[" in e.text(colour=True)
    assert "\x1b[" not in shown
    data = e.to_dict()
    assert set(data) == {"scenario", "schedule", "end", "steps", "findings"}
    assert len(data["steps"]) == len(e)
    assert "RF301" in [finding["rule"] for finding in data["findings"]]
    assert e.events


def test_views_are_values() -> None:
    one, other = flip.run(), flip.run()
    assert one.steps == other.steps
    assert one.steps[0] != one.steps[1]
    assert one.at(3) == other.at(3) != one.at(4)
    assert one.at().thread("client") == other.at().thread("client")
    assert one.at().fence("flip") == other.at().fence("flip")
    assert repr(one.at()) == f"<Snapshot after {len(one)} steps, {one.at().now} ns>"
    assert repr(one.at().thread("client")) == "<ThreadState client blocked on dma_fence flip>"
    assert repr(one.at().fence("flip")) == "<FenceState flip unsignaled>"
    assert repr(one.at().thread("client").held[0]) == "<HeldLock bo>"
    assert repr(one.steps[0]).startswith("<Step 0 client at tests/test_execution.py:")


@pytest.mark.parametrize("steps", [-1, 1000])
def test_a_moment_that_there_is_not(steps: int) -> None:
    with pytest.raises(rf.RingfenceError, match=rf"at\({steps}\): the execution has 0 to \d+ steps"):
        flip.run().at(steps)


def test_names_that_there_are_not() -> None:
    end = flip.run().at()
    with pytest.raises(rf.RingfenceError, match='no context is called "clinet"; there are client'):
        end.thread("clinet")
    with pytest.raises(rf.RingfenceError, match='no fence is called "flop"; there are flip'):
        end.fence("flop")


@pytest.mark.parametrize(
    ("schedule", "error", "message"),
    [
        ("sideways", rf.RingfenceError, "`sideways` is no schedule; expected choices such as 0,1,0"),
        ("random:x", rf.RingfenceError, "`random:x` is no schedule"),
        ("0,,1", rf.RingfenceError, "`0,,1` is no schedule"),
        ("7", rf.RingfenceError, "choice 0 of the schedule is 7, but what is possible there is 0 to 1"),
        ([0, "1"], rf.ArgumentError, r"schedule\[1\]: expected a whole number, not '1'"),
        ([-1], rf.ArgumentError, r"schedule\[0\]=-1: expected a number from 0"),
        ([1 << 32], rf.ArgumentError, r"schedule\[0\]=4294967296: expected"),
        (7, rf.ArgumentError, "schedule: expected None, 'round-robin', .* or a finding, not 7"),
        ("rf1:0", rf.ReplayError, "the replay string is cut off"),
        (two, rf.ArgumentError, "schedule: expected None, .* not a Scenario"),
    ],
)
def test_schedules_that_are_none(schedule: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        two.run(schedule)  # type: ignore[arg-type]


def test_profile_and_steps() -> None:
    assert two.run(profile="5.9").end == two.run(profile=rf.Profile("next")).end == "finished"
    with pytest.raises(rf.ProfileError):
        two.run(profile="7.0")
    with pytest.raises(rf.ArgumentError, match="steps_max=0"):
        two.run(steps_max=0)
