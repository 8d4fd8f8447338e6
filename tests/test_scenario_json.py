"""The table of operations against the builder's methods; scenarios as JSON and as values."""

import contextlib
import inspect
import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ringfence as rf
from ringfence import GFP_KERNEL, _core

OPERATIONS = {op.name: op for op in _core.operations()}

# Operations that are written otherwise than as a call of their name.
SYMBOLS: dict[str, Any] = {
    "add": lambda t, a, b: a + b,
    "sub": lambda t, a, b: a - b,
    "and": lambda t, a, b: a & b,
    "or": lambda t, a, b: a | b,
    "eq": lambda t, a, b: a == b,
    "ne": lambda t, a, b: a != b,
    "lt": lambda t, a, b: a < b,
    "le": lambda t, a, b: a <= b,
    "not": lambda t, a: t.not_(a),
    "set": lambda t, a: t.var(a),
    "__dma_fence_might_wait": lambda t: t.dma_fence_might_wait(),
}


def nothing(*_: object) -> None:
    """A handler that does nothing."""


def zero(*_: object) -> int:
    """A handler that returns 0."""
    return 0


# How an object of each kind is declared.
DECLARED: dict[str, Any] = {
    "raw_spinlock": lambda k: k.raw_spinlock("it", class_="c"),
    "spinlock": lambda k: k.spinlock("it", class_="c"),
    "rwlock": lambda k: k.rwlock("it", class_="c"),
    "mutex": lambda k: k.mutex("it", class_="c"),
    "rwsem": lambda k: k.rwsem("it", class_="c"),
    "local_lock": lambda k: k.local_lock("it", class_="c"),
    "ww_class": lambda k: k.ww_class("it", algorithm="wait-die"),
    "ww_mutex": lambda k: k.ww_mutex("it", k.ww_class("class")),
    "completion": lambda k: k.completion("it"),
    "wait_queue_head": lambda k: k.wait_queue("it"),
    "cell": lambda k: k.cell("it", 7),
    "workqueue": lambda k: k.workqueue("it", mem_reclaim=True, max_active=3),
    "work": lambda k: k.work("it", nothing),
    "delayed_work": lambda k: k.delayed_work("it", nothing),
    "kthread_worker": lambda k: k.kthread_worker("it"),
    "kthread_work": lambda k: k.kthread_work("it", nothing),
    "timer": lambda k: k.timer("it", nothing, irqsafe=True),
    "irq": lambda k: k.irq("it", nothing, nothing),
    "tasklet": lambda k: k.tasklet("it", nothing),
    "irq_work": lambda k: k.irq_work("it", nothing),
    "rcu_head": lambda k: k.rcu_head("it", nothing),
    "task": lambda k: k.thread("it", nothing),
    "mm": lambda k: k.mm("it"),
    "user_range": lambda k: k.user_range("it", k.mm("mm")),
    "shrinker": lambda k: k.shrinker("it", 3, zero, seeks=5, batch=6),
    "mmu_notifier": lambda k: k.mmu_notifier("it", k.mm("mm"), zero, nothing),
    "mmu_interval_notifier": lambda k: k.mmu_interval_notifier("it", k.user_range("range", k.mm("mm")), zero),
    "dma_fence_ops": lambda k: k.dma_fence_ops(
        "it",
        enable_signaling=zero,
        signaled=zero,
        wait=zero,
        release=nothing,
        set_deadline=nothing,
        use_64bit_seqno=True,
    ),
    "timeline": lambda k: k.timeline(
        "it", lock=k.raw_spinlock("lock"), ops=k.dma_fence_ops("ops"), first_seqno=5, bound=6
    ),
    "dma_fence": lambda k: k.dma_fence("it", seqno=5),
    "dma_fence_cb": lambda k: k.dma_fence_cb("it", nothing),
    "drm_syncobj": lambda k: k.syncobj("it"),
    "sw_sync": lambda k: k.sw_sync("it"),
    "dma_resv": lambda k: k.resv("it"),
    "drm_gpu_scheduler": lambda k: k.drm_sched(
        "it",
        run_job=nothing,
        prepare_job=nothing,
        timedout_job=zero,
        free_job=nothing,
        cancel_job=nothing,
        update_job_credits=zero,
        credit_limit=5,
        hang_limit=6,
        timeout=7,
        policy="rr",
        num_rqs=3,
        submit_wq=k.workqueue("submit_wq"),
        timeout_wq=k.workqueue("timeout_wq"),
        without=["kill_in_work"],
    ),
    "drm_sched_entity": lambda k: k.drm_sched_entity(
        "it", k.drm_sched("sched", run_job=nothing), priority=1, guilty=k.cell("guilty")
    ),
    "engine": lambda k: k.engine("it", irq=k.irq("irq"), gpu=k.gpu("gpu"), preemption=True),
    "gpu": lambda k: k.gpu("it", engine_reset=False, full_reset=False),
    "ring": lambda k: k.ring("it", k.engine("engine"), slots=5, irq=k.irq("irq")),
    "gpu_job": lambda k: k.gpu_job(
        "it",
        run_time=5,
        hang=6,
        waits=[(k.gpu_semaphore("first"), 7)],
        signals=[(k.gpu_semaphore("second"), 8)],
        locks=[k.gpu_lock("lock")],
        uses=[k.user_range("range", k.mm("mm"))],
        fault=True,
    ),
    "gpu_semaphore": lambda k: k.gpu_semaphore("it"),
    "gpu_lock": lambda k: k.gpu_lock("it"),
}

# How a value of each kind that no scenario declares is made.
MADE: dict[str, Any] = {
    "gfp": lambda k, t: GFP_KERNEL,
    "cookie": lambda k, t: t.local_irq_save(),
    "ww_acquire_ctx": lambda k, t: t.ww_acquire_init(),
    "memory": lambda k, t: t.kmalloc(GFP_KERNEL),
    "drm_sched_job": lambda k, t: t.drm_sched_job_alloc(),
    "sync_file": lambda k, t: t.sync_file_create(k.dma_fence("filed")),
    "dma_resv_iter": lambda k, t: t.dma_resv_iter_begin(k.dma_resv("walked"), rf.READ),
}


def sample(k: Any, t: Any, argument: _core.Argument) -> Any:
    """Something that an operation takes."""
    if argument.text:
        return "text"
    kind = argument.kinds[0]
    if kind in DECLARED:
        value = DECLARED[kind](k)
    elif kind in MADE:
        value = MADE[kind](k, t)
    else:
        value = t.read_once(k.cell("number"))
    return [value, value] if argument.list else value


def test_every_kind_of_object_can_be_declared() -> None:
    sorts = dict(_core.kinds())
    assert {kind for kind, sort in sorts.items() if sort in {"declared", "either"}} == set(DECLARED)


@pytest.mark.parametrize("kind", DECLARED)
def test_declared_object_is_what_it_says(kind: str) -> None:
    def describe(k: rf.Kernel) -> None:
        it = DECLARED[kind](k)
        assert it.name == "it"
        k.thread("user", lambda t: t.warn_on(it == t.var(it)))

    scenario = rf.Scenario.build(describe)
    entries = json.loads(scenario.to_json())["objects"]
    (entry,) = [entry for entry in entries if (entry["kind"], entry["name"]) == (kind, "it")]
    assert rf.Scenario.from_json(scenario.to_json()) == scenario
    # Everything that differs from a default must have arrived.
    wanted: dict[str, dict[str, object]] = {
        "ww_class": {"algorithm": "wait-die"},
        "cell": {"init": 7},
        "workqueue": {"mem_reclaim": True, "max_active": 3},
        "timer": {"irqsafe": True},
        "shrinker": {"seeks": 5, "batch": 6},
        "dma_fence_ops": {"use_64bit_seqno": True},
        "timeline": {"first_seqno": 5, "bound": 6},
        "dma_fence": {"seqno": 5},
        "engine": {"preemption": True},
        "gpu": {"engine_reset": False, "full_reset": False},
        "ring": {"slots": 5},
        "gpu_job": {"run_time": 5, "hang": 6, "fault": True},
    }
    assert entry.items() >= wanted.get(kind, {}).items()
    if kind in {"mutex", "rwsem"} or (kind.endswith("lock") and kind != "gpu_lock"):
        assert entry["class"] == "c"


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_can_be_called(name: str) -> None:
    operation = OPERATIONS[name]
    arguments: list[Any] = []

    def describe(k: rf.Kernel) -> None:
        @k.thread("user")
        def user(t: rf.Recorder) -> None:
            arguments.extend(sample(k, t, argument) for argument in operation.args)
            call = SYMBOLS[name] if name in SYMBOLS else lambda t, *args: getattr(t, name)(*args)
            result = call(t, *arguments)
            if isinstance(result, rf.Value):
                assert (operation.result if name != "set" else arguments[0].KIND) == result.KIND
                t.warn_on(result)
            else:
                assert operation.result is None

    scenario = rf.Scenario.build(describe)
    program = json.loads(scenario.to_json())["programs"][-1]
    body = json.loads(scenario.to_json())["programs"]
    (user,) = [program for program in body if program["name"] == "user"]
    statements = [stmt for stmt in user["body"] if stmt["op"] == name]
    statement = statements[0] if name == "warn_on" else statements[-1]
    assert len(statement.get("args", [])) == len(operation.args)
    assert operation.result is None or statement["out"] in range(len(user["registers"])), program


@pytest.mark.parametrize("name", sorted(set(OPERATIONS) - set(SYMBOLS)))
def test_parameters_have_the_names_of_the_table(name: str) -> None:
    method = getattr(rf.Recorder, name)
    parameters = [parameter.rstrip("_") for parameter in inspect.signature(method).parameters]
    assert parameters == ["self", *(argument.name for argument in OPERATIONS[name].args)]
    assert method.__doc__


def test_whatever_the_recorder_calls_is_in_the_table() -> None:
    def describe(k: rf.Kernel) -> None:
        bo, wq = k.dma_resv("bo"), k.work("work", nothing)
        raw = k.raw_spinlock("raw")
        delayed = k.delayed_work("delayed", nothing)

        @k.thread("user")
        def user(t: rf.Recorder) -> None:
            with t.dma_resv_for_each_fence_unlocked(bo, rf.READ) as fence:
                t.dma_fence_wait(fence)
            with t.raw_spin_lock(raw), t.preempt_disabled(), t.irq_disabled(), t.bh_disabled():
                t.schedule_work(wq)
            with t.raw_spin_lock_irqsave(raw), t.memalloc_noio(), t.memalloc_noreclaim():
                t.schedule_delayed_work(delayed, rf.ms(3))
            with t.raw_spin_lock_irq(raw):
                pass

    text = rf.Scenario.build(describe).to_json()
    for name in (
        "dma_resv_iter_end",
        "spin_unlock_irqrestore",
        "memalloc_noio_restore",
        "queue_delayed_work",
    ):
        assert f'"{name}"' in text


# ---- values ------------------------------------------------------------------------------------------------


@rf.scenario(environment=rf.contract(foreign_resv=False, fence_bound=rf.s(5)))
def parametrised(k: rf.Kernel, *, turns: int = 2, lock: str = "lock") -> None:
    """What it is about."""
    it = k.mutex(lock)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        for _ in range(turns):
            with t.mutex_lock(it):
                pass


def test_json_is_read_back_and_the_same_for_the_same_scenario() -> None:
    text = parametrised.to_json()
    again = rf.Scenario.from_json(text)
    assert "\n" not in text
    assert again.to_json() == text
    assert again == parametrised
    assert hash(again) == hash(parametrised)
    assert again.name == parametrised.name == "parametrised"
    assert str(again) == str(parametrised)
    assert repr(again) == "<Scenario parametrised>"
    assert pickle.loads(pickle.dumps(parametrised)) == parametrised  # noqa: S301
    assert parametrised != 3
    assert parametrised.__doc__ == "What it is about."


def test_parameters_make_other_scenarios() -> None:
    three = parametrised.with_(turns=3)
    assert three != parametrised
    assert three.name == "parametrised[turns=3]"
    assert three.with_(lock="other").name == "parametrised[turns=3,lock='other']"
    bodies = [json.loads(scenario.to_json())["programs"][0]["body"] for scenario in (parametrised, three)]
    assert [len(body) for body in bodies] == [4, 6]
    given = rf.Scenario.build(lambda k, **_: None, name="given", turns=3)
    assert given.name == "given"


def test_the_function_is_called_once_when_it_is_needed() -> None:
    calls = []

    @rf.scenario
    def counted(k: rf.Kernel) -> None:
        calls.append(k.name)

    assert (counted.name, calls) == ("counted", [])
    assert counted == counted  # noqa: PLR0124
    counted.to_json()
    assert calls == ["counted"]


def test_environments_arrive_whole() -> None:
    environment = json.loads(parametrised.to_json())["environment"]
    assert environment["fence_bound"] == 5_000_000_000
    assert not environment.get("foreign_resv", False)
    on = [part for part, value in environment.items() if value is True]
    assert len(on) == 13
    quiet = json.loads(rf.Scenario.build(lambda k: None, name="quiet").to_json())
    assert not any(quiet.get("environment", {}).values())


@pytest.mark.parametrize("part", [part for part in rf.Environment.__annotations__ if part != "fence_bound"])
def test_each_part_of_the_environment_arrives(part: str) -> None:
    keywords: dict[str, Any] = {part: True}
    scenario = rf.Scenario.build(lambda k: None, name="one", environment=rf.quiet(**keywords))
    environment = json.loads(scenario.to_json())["environment"]
    assert [name for name, value in environment.items() if value is True] == [part]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1"),
        ("[]", "object"),
        ('{"ringfence_scenario":2,"name":"s"}', "version"),
        ('{"ringfence_scenario":1,"name":"s","thread":[]}', "thread"),
    ],
)
def test_what_is_no_scenario_is_refused(text: str, words: str) -> None:
    with pytest.raises(rf.ScenarioError) as caught:
        rf.Scenario.from_json(text)
    assert words in str(caught.value)


@given(st.text())
def test_no_text_does_worse_than_being_refused(text: str) -> None:
    with pytest.raises(rf.ScenarioError):
        rf.Scenario.from_json(text)


# Random programs: what the builder lets through, the engine lets through too.
Step: st.SearchStrategy[Any] = st.deferred(
    lambda: st.one_of(
        st.sampled_from(["read", "use", "lock", "break", "continue", "return", "set", "elif"]),
        st.tuples(st.sampled_from(["if", "else", "loop", "mutex", "trylock", "resv"]), Steps),
    )
)
Steps: st.SearchStrategy[list[Any]] = st.lists(Step, max_size=5)


class Program:
    """Runs random steps on a recorder; a step that the builder refuses is left out."""

    def __init__(self, k: rf.Kernel, t: rf.Recorder) -> None:
        self.t = t
        self.lock, self.bo, self.cell = k.mutex("lock"), k.dma_resv("bo"), k.cell("cell")
        self.variable = t.var(0)
        self.values: list[rf.Int] = [self.variable]

    def steps(self, steps: list[Any]) -> None:
        for step in steps:
            with contextlib.suppress(rf.ScenarioError):
                self.step(step)

    def step(self, step: Any) -> None:
        t = self.t
        match step:
            case "read":
                self.values.append(t.read_once(self.cell))
            case "use":
                for value in self.values:
                    with contextlib.suppress(rf.ScenarioError):
                        t.write_once(self.cell, value)
            case "lock":
                t.mutex_lock(self.lock)
            case "break":
                t.break_()
            case "continue":
                t.continue_()
            case "return":
                t.return_()
            case "set":
                self.variable.set(self.values[-1])
            case "elif":
                with t.elif_(self.values[-1] == 3):
                    self.steps(["read", "use"])
            case ("if", inner):
                with t.if_(self.values[-1] > 2):
                    self.steps(inner)
            case ("else", inner):
                with t.else_():
                    self.steps(inner)
            case ("loop", inner):
                with t.loop():
                    t.cond_resched()
                    self.steps(inner)
            case ("mutex", inner):
                with t.mutex_lock(self.lock):
                    self.steps(inner)
            case ("trylock", inner):
                with t.mutex_trylock(self.lock):
                    self.steps(inner)
            case ("resv", inner):
                with t.dma_resv_for_each_fence(self.bo, rf.READ):
                    self.steps(inner)


@given(Steps)
def test_what_the_builder_records_is_what_the_engine_accepts(steps: list[Any]) -> None:
    def describe(k: rf.Kernel) -> None:
        k.thread("client", lambda t: Program(k, t).steps(steps))

    scenario = rf.Scenario.build(describe)
    assert rf.Scenario.from_json(scenario.to_json()) == scenario
