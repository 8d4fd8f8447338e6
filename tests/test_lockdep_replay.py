"""Replaying traces, and that it is the same as streaming them."""

import json
import lzma
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.helper import CIRCLE, CLEAN, CONFORMANCE, TWICE, lines, trace

from ringfence import Gfp, rules
from ringfence.errors import ProfileError, RingfenceError, TraceError
from ringfence.lockdep import Finding, Profile, SignallingCookie, Validator, Verdict, replay


def test_all_ways_to_give_traces(tmp_path: Path) -> None:
    traces = [CLEAN, TWICE, CIRCLE]
    path = tmp_path / "traces.jsonl.xz"
    path.write_bytes(lzma.compress(lines(*traces)))
    ways: list[Any] = [
        path,
        str(path),
        lines(*traces),
        lines(*traces).decode(),
        path.read_bytes(),
        traces,
        iter(traces),
        [json.dumps(item, indent=2) for item in traces],
        [json.dumps(item).encode() for item in traces],
    ]
    for way in ways:
        clean, twice, circle = replay(way)
        assert (clean.id, clean.verdict, clean.findings) == ("clean", None, [])
        assert (twice.id, str(twice.verdict)) == ("twice", "recursive at op 1")
        assert [finding.rule for finding in circle.findings] == ["RF601"]
    assert replay(path)[0].file == str(path)
    assert replay(path)[2].line == 3


def test_nothing_is_an_error_that_says_so() -> None:
    with pytest.raises(TraceError, match="no trace in it"):
        replay([])
    with pytest.raises(TraceError, match="no such file"):
        replay("missing.jsonl")


def test_what_a_replayed_trace_tells() -> None:
    [item] = replay([{**CIRCLE, "family": "cycle", "verdict": {"at": 5, "kind": "circular", "cycle": 1}}])
    assert (item.family, item.ops, item.recorded, item.agrees) == ("cycle", 8, True, True)
    assert item.verdict == item.expected
    assert isinstance(item.verdict, Verdict)
    assert (item.verdict.at, item.verdict.kind, item.verdict.cycle) == (5, "circular", 1)
    assert hash(item.verdict) == hash(item.expected)
    assert repr(item) == "<Replayed circle: circular at op 5 (cycle 1)>"
    [other] = replay([TWICE])
    assert (other.recorded, other.expected, other.agrees) == (False, None, None)


def test_bad_traces_are_all_told_and_the_others_decided() -> None:
    with pytest.raises(TraceError) as caught:
        replay([CLEAN, {"id": "bad", "ops": [["aquire", "M1"]]}, "{", {"ops": {1, 2}}, TWICE])
    error = caught.value
    assert isinstance(error, RingfenceError)
    assert isinstance(error, ValueError)
    assert len(error.problems) == 3
    assert any(
        message.startswith("<traces>:2: op 0 (aquire): unknown op; expected") for message in error.problems
    )
    assert any(message.startswith("<traces>:3: ") for message in error.problems)
    assert any(message.startswith("<traces>:4: ") for message in error.problems)
    assert [item.id for item in error.results] == ["clean", "twice"]
    assert "2 other traces were decided" in str(error)


def test_many_problems_are_listed_but_not_all_printed() -> None:
    with pytest.raises(TraceError) as caught:
        replay(["x"] * 100)
    assert len(caught.value.problems) == 100
    assert "… and 90 more" in str(caught.value)


def test_search_profile_and_go_on() -> None:
    path = CONFORMANCE / "random-read.jsonl.xz"
    by_id = {item.id: item for item in replay(path)}
    assert by_id["train-01274"].findings[0].silence == "visited-before-filter"
    both = trace("both", *CIRCLE["ops"], ["acquire", "M3"], ["acquire", "M3"])
    assert [len(replay([both], go_on=go_on)[0].findings) for go_on in (True, False)] == [2, 1]
    nofs = trace("nofs", ["prime"], ["begin_signalling"], ["alloc", "GFP_NOFS"])
    assert replay([nofs], profile=Profile(mmu_notifier=False))[0].verdict is None
    assert replay([nofs], profile="next")[0].verdict is not None
    with pytest.raises(ProfileError, match=r"expected one of 5\.9, 6\.12, next"):
        replay([nofs], profile="4.4")
    with pytest.raises(RingfenceError, match="expected exact or kernel"):
        replay([nofs], search="fast")  # type: ignore[arg-type]


# ---- replaying is streaming -------------------------------------------------------------------------------

LOCKS = {"m": "mutex", "m2": "mutex", "s": "spinlock", "r": "raw_spinlock", "q": "rwsem", "p": "map"}
WAIT_INNER = {"mutex": 4, "rwsem": 4, "spinlock": 3, "raw_spinlock": 2, "map": 0}
TABLE = {
    name: {
        "class": "m" if name == "m2" else name,
        "wait_inner": WAIT_INNER[kind],
        "wait_outer": 0,
        "lock_type": 0,
    }
    for name, kind in LOCKS.items()
}
GFPS = ["GFP_KERNEL", "GFP_NOFS", "GFP_NOIO", "GFP_ATOMIC", "GFP_NOWAIT"]

flag = st.integers(0, 1)
acquire = st.builds(
    lambda lock, options: ["acquire", lock, options],
    st.sampled_from(sorted(LOCKS)),
    st.fixed_dictionaries(
        {},
        optional={
            "read": st.integers(0, 2),
            "trylock": flag,
            "check": flag,
            "subclass": st.integers(0, 2),
            "nest": st.sampled_from(["p", "q"]),
        },
    ),
)
operation = st.one_of(
    acquire,
    st.builds(
        lambda name, lock: [name, lock],
        st.sampled_from(["release", "release", "downgrade", "sync", "free"]),
        st.sampled_from(sorted(LOCKS)),
    ),
    st.builds(
        lambda name, gfp: [name, gfp],
        st.sampled_from(["alloc", "fs_reclaim_acquire", "fs_reclaim_release"]),
        st.sampled_from(GFPS),
    ),
    st.sampled_from(
        [
            [name]
            for name in (
                "irq_off",
                "irq_on",
                "bh_disable",
                "bh_enable",
                "hardirq_enter",
                "hardirq_exit",
                "softirq_enter",
                "softirq_exit",
                "begin_signalling",
                "end_signalling",
                "fence_might_wait",
                "invalidate_range_start",
                "invalidate_range_end",
                "prime",
            )
        ]
    ),
    st.builds(lambda task: ["task", task], st.integers(0, 2)),
)
CLOSES = {
    "bh_enable": "bh_disable",
    "hardirq_exit": "hardirq_enter",
    "softirq_exit": "softirq_enter",
    "end_signalling": "begin_signalling",
}


def well_formed(ops: list[list[Any]]) -> list[list[Any]]:
    """Without ends that have no beginning, and without switching interrupts on inside one."""
    kept: list[list[Any]] = []
    opened: dict[tuple[int, str], int] = {}
    task = 0
    for op in ops:
        name = op[0]
        if name == "task":
            task = op[1]
        if name == "irq_on" and opened.get((task, "hardirq_enter"), 0):
            continue
        if name in CLOSES:
            if not opened.get((task, CLOSES[name]), 0):
                continue
            opened[task, CLOSES[name]] -= 1
        if name in CLOSES.values():
            opened[task, name] = opened.get((task, name), 0) + 1
        kept.append(op)
    return kept


def stream(ops: list[list[Any]], search: Any) -> tuple[list[Finding], list[int]]:
    """Feeds the operations to a validator; its findings, and which operation each call was."""
    v = Validator(search=search)
    classes = {name: v.lock_class(name, kind) for name, kind in LOCKS.items() if name != "m2"}  # type: ignore[arg-type]
    locks = {name: v.lock(name, cls=classes["m" if name == "m2" else name]) for name in LOCKS}
    tasks = [v.task(f"task{number}") for number in range(3)]
    cookies: dict[int, list[SignallingCookie]] = {0: [], 1: [], 2: []}
    calls = []
    t = tasks[0]
    for index, (name, *rest) in enumerate(ops):
        if name == "task":
            t = tasks[rest[0]]
            continue
        calls.append(index)
        mine = cookies[t.number]
        match name:
            case "acquire":
                options = dict(rest[1])
                nest = options.pop("nest", None)
                t.acquire(locks[rest[0]], nest=locks[nest] if nest else None, **options)
            case "release" | "downgrade" | "sync" | "free":
                getattr(t, name)(locks[rest[0]])
            case "alloc" | "fs_reclaim_acquire" | "fs_reclaim_release":
                getattr(t, name)(Gfp(rest[0]))
            case "begin_signalling":
                mine.append(t.dma_fence_begin_signalling())
            case "end_signalling":
                t.dma_fence_end_signalling(mine.pop())
            case "prime":
                v.prime(t)
            case _:
                calls_of = {
                    "irq_off": t.local_irq_disable,
                    "irq_on": t.local_irq_enable,
                    "bh_disable": t.local_bh_disable,
                    "bh_enable": t.local_bh_enable,
                    "invalidate_range_start": t.mmu_notifier_invalidate_range_start,
                    "invalidate_range_end": t.mmu_notifier_invalidate_range_end,
                }
                (calls_of.get(name) or getattr(t, name))()
    return v.findings, calls


@pytest.mark.parametrize("search", ["exact", "kernel"])
@given(ops=st.lists(operation, max_size=40).map(well_formed))
def test_replaying_is_streaming(search: Any, ops: list[list[Any]]) -> None:
    [replayed] = replay([{"id": "x", "locks": TABLE, "ops": ops}], search=search)
    streamed, calls = stream(ops, search)
    assert [
        (finding.rule, finding.summary, calls[finding.op], finding.count, finding.cycle, finding.silence)
        for finding in streamed
    ] == [
        (finding.rule, finding.summary, finding.op, finding.count, finding.cycle, finding.silence)
        for finding in replayed.findings
    ]
    if streamed:
        assert replayed.verdict is not None
        assert replayed.verdict.at == calls[streamed[0].op]


def test_every_kind_of_finding_can_be_read_back() -> None:
    """What pickling keeps is all of it, whatever the finding shows."""
    traces = [
        *replay(CONFORMANCE / "selftests.jsonl.xz"),
        *replay(CONFORMANCE / "random-read-trylock.jsonl.xz"),
    ]
    deep = trace("deep", *(["acquire", f"M{number}"] for number in range(60)))
    traces += replay([deep], profile=Profile(limits="kernel"))
    findings = [finding for item in traces for finding in item.findings]
    # Those of the validator; the others are about scenarios, and are read back in tests/test_check.py.
    kinds = [*(f"RF60{number}" for number in range(1, 10)), "RF612"]
    assert {finding.rule for finding in findings} == set(kinds) < {rule.code for rule in rules()}
    for finding in findings:
        assert Finding.from_json(finding.json()) == finding
    for text in ("", "{}", "[]", findings[0].json().replace("RF601", "RF999").replace("RF602", "RF999")):
        with pytest.raises(RingfenceError, match="no finding of this version"):
            Finding.from_json(text)
