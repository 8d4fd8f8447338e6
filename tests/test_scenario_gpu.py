"""The virtual GPU in scenarios: what is declared and recorded, what runs do, mistakes."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import ringfence as rf


def entry(scenario: rf.Scenario, name: str) -> dict[str, Any]:
    """One object of the scenario's JSON."""
    objects: list[dict[str, Any]] = json.loads(scenario.to_json())["objects"]
    return next(entry for entry in objects if entry["name"] == name)


def cells(scenario: rf.Scenario) -> dict[str, int]:
    """Shared variables at the end of one ordinary run."""
    return dict(scenario.run().at().cells)


def rules(scenario: rf.Scenario) -> set[str]:
    return {finding.rule for finding in rf.check(scenario).findings}


def refusal(describe: Callable[[rf.Kernel], object]) -> str:
    with pytest.raises(rf.ScenarioError) as caught:
        rf.Scenario.build(describe)
    return str(caught.value)


# ---- declaring ---------------------------------------------------------------------------------------------


def test_a_gpu_and_what_it_is_made_of() -> None:
    def describe(k: rf.Kernel) -> None:
        gpu = k.gpu("gpu", full_reset=False)
        engine = k.engine("render", irq=k.irq("irq", lambda t: None), gpu=gpu, preemption=True)
        k.ring("high", engine, slots=2)
        semaphore = k.gpu_semaphore("semaphore")
        k.gpu_job(
            "job",
            run_time=rf.us(3),
            hang="after_preemption",
            waits=[(semaphore, 1)],
            signals=[(semaphore, 2)],
            locks=[k.gpu_lock("lock")],
            uses=[k.user_range("range", k.mm("mm"))],
            fault=True,
        )

    scenario = rf.Scenario.build(describe)
    assert entry(scenario, "gpu")["full_reset"] is False
    assert entry(scenario, "render")["preemption"] is True
    assert entry(scenario, "high")["slots"] == 2
    job = entry(scenario, "job")
    assert (job["run_time"], job["hang"], job["fault"]) == (3_000, "after_preemption", True)
    assert [value for _, value in (*job["waits"], *job["signals"])] == [1, 2]
    assert rf.Scenario.from_json(scenario.to_json()) == scenario
    assert ".hang = AFTER_PREEMPTION" in str(scenario)


def test_a_ring_without_an_engine_has_one_of_its_own() -> None:
    scenario = rf.Scenario.build(lambda k: k.ring("ring"))
    kinds = [(thing["kind"], thing["name"]) for thing in json.loads(scenario.to_json())["objects"]]
    assert kinds == [("engine", "ring"), ("ring", "ring")]


def test_mistakes_in_declarations() -> None:
    assert "no slots" not in refusal(lambda k: k.ring("ring", slots=0))
    assert "k.ring(slots=…) takes a number from 1" in refusal(lambda k: k.ring("ring", slots=0))
    assert "k.ring(engine=…) takes a declared engine" in refusal(
        lambda k: k.ring("ring", k.gpu("gpu"))  # type: ignore[arg-type]
    )
    assert "did you mean 'infinite'?" in refusal(
        lambda k: k.gpu_job("job", hang="infinit")  # type: ignore[arg-type]
    )
    assert "takes pairs (semaphore, value)" in refusal(
        lambda k: k.gpu_job("job", waits=[k.gpu_semaphore("semaphore")])  # type: ignore[list-item]
    )
    assert "takes a list of pairs" in refusal(
        lambda k: k.gpu_job("job", signals=k.gpu_semaphore("semaphore"))  # type: ignore[arg-type]
    )
    assert "k.gpu_job(locks=…) takes a list" in refusal(
        lambda k: k.gpu_job("job", locks=k.gpu_lock("lock"))  # type: ignore[arg-type]
    )
    assert "k.gpu_job(uses=…) takes a declared user_range" in refusal(
        lambda k: k.gpu_job("job", uses=[k.mm("mm")])  # type: ignore[list-item]
    )


def test_a_ring_takes_only_work() -> None:
    def describe(k: rf.Kernel) -> None:
        ring = k.ring("ring")
        k.thread("thread", lambda t: t.ring_emit(ring, ring))

    assert "gpu_job" in refusal(describe)


# ---- running -----------------------------------------------------------------------------------------------


@rf.scenario
def fills(k: rf.Kernel) -> None:
    """A ring of two slots is filled with work that never ends, and cleared."""
    ring = k.ring("ring", slots=2)
    endless = k.gpu_job("endless", hang="infinite")
    space, refused, emitted, seqno = (k.cell(name) for name in ("space", "refused", "emitted", "seqno"))

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        for _ in range(2):
            t.warn_on(t.ring_emit(ring, endless).failed)
        t.write_once(space, t.ring_space(ring))
        t.write_once(refused, t.ring_emit(ring, None))
        t.ring_clear(ring)
        t.warn_on(t.not_(t.ring_idle(ring)))
        t.warn_on(t.ring_emit(ring).failed)
        t.msleep(1)
        t.write_once(emitted, t.ring_emitted(ring))
        t.write_once(seqno, t.ring_seqno(ring))


@rf.scenario
def loses(k: rf.Kernel) -> None:
    """What a reset takes off a ring can be asked for, and signaled."""
    ring = k.ring("ring")
    endless = k.gpu_job("endless", hang="infinite")
    fences = [k.dma_fence(name) for name in ("first", "second")]
    errors = [k.cell(name) for name in ("first", "second", "more")]

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        for fence in fences:
            t.warn_on(t.ring_emit(ring, endless, fence).failed)
        t.warn_on(t.gpu_reset(ring).failed)
        for error, number in zip(errors, (-rf.ETIME, -rf.ECANCELED), strict=False):
            lost = t.ring_lost(ring)
            t.dma_fence_set_error(lost, number)
            t.dma_fence_signal(lost)
            t.write_once(error, t.dma_fence_get_status(lost))
        t.write_once(errors[2], t.ring_lost(ring).is_null)


def test_lost_work_comes_back_oldest_first() -> None:
    assert cells(loses) == {"first": -rf.ETIME, "second": -rf.ECANCELED, "more": 1}


def test_slots_and_numbers() -> None:
    assert cells(fills) == {"space": 0, "refused": -rf.ENOSPC, "emitted": 3, "seqno": 3}
    assert not rules(fills)


class Gpu(rf.Driver):
    """A driver without drm_sched: two rings of one engine, an interrupt, a hang timer."""

    hang: Any = "no"
    resets = True

    def setup(self, k: rf.Kernel) -> None:
        self.timeline = k.timeline("fences")
        self.irq = k.irq("irq", self.handler)
        engine = k.engine("render", irq=self.irq, gpu=k.gpu("gpu"))
        self.rings = [k.ring(name, engine) for name in ("first", "second")]
        self.jobs = [
            k.gpu_job("guilty", run_time=rf.ms(1), hang=self.hang),
            k.gpu_job("innocent", run_time=rf.ms(1)),
        ]
        self.fences = [k.dma_fence(name, timeline=k.timeline(name)) for name in ("guilty", "innocent")]
        self.watchdog = k.delayed_work("watchdog", self.timeout)

    def handler(self, t: rf.Recorder) -> None:
        for ring in self.rings:
            with t.loop():
                fence = t.ring_completed(ring)
                with t.if_(fence.is_null):
                    t.break_()
                t.dma_fence_signal(fence)

    def timeout(self, t: rf.Recorder) -> None:
        guilty = self.fences[0]
        if not self.resets:
            return
        with t.if_(t.not_(t.dma_fence_is_signaled(guilty))):
            t.gpu_engine_reset(self.rings[0], guilty)
            t.dma_fence_set_error(guilty, -rf.ETIME)
            t.dma_fence_signal(guilty)

    def submit(self, t: rf.Recorder) -> None:
        for ring, job, fence in zip(self.rings, self.jobs, self.fences, strict=True):
            t.ring_emit(ring, job, fence)
        t.schedule_delayed_work(self.watchdog, rf.s(1))


def waits_for_both(hang: Any, resets: bool = True) -> rf.Scenario:
    @rf.scenario(drivers=[Gpu(hang=hang, resets=resets)])
    def submits(k: rf.Kernel, gpu: Gpu) -> None:
        done = k.cell("status")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            gpu.submit(t)
            for fence in gpu.fences:
                t.dma_fence_wait(fence, False)
            t.write_once(done, t.dma_fence_get_status(gpu.fences[1]))

    return submits


def test_an_engine_reset_spares_the_innocent() -> None:
    for hang in ("no", "infinite", rf.ms(2), rf.s(20)):
        scenario = waits_for_both(hang)
        assert cells(scenario) == {"status": 1}, hang
        assert not rules(scenario), hang


def test_a_hang_without_recovery_is_explained_to_the_ring() -> None:
    report = rf.check(waits_for_both("infinite", resets=False))
    (finding,) = [finding for finding in report.findings if finding.rule == "RF703"]
    text = str(finding)
    assert "ring first" in text, text
    assert "engine render to be reset" in text, text


@rf.scenario
def deadlocks(k: rf.Kernel) -> None:
    """A client waits under its lock for work whose semaphore is signaled under that lock."""
    lock, ring, gate = k.mutex("lock"), k.ring("gfx"), k.gpu_semaphore("gate")
    fence = k.dma_fence("fence")
    work = k.gpu_job("gated", waits=[(gate, 1)])

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        with t.mutex_lock(lock):
            t.ring_emit(ring, work, fence)
            t.dma_fence_wait(fence, False)

    @k.thread("opener")
    def opener(t: rf.Recorder) -> None:
        with t.mutex_lock(lock):
            t.gpu_semaphore_signal(gate, 1)


def test_a_circle_through_the_gpu_is_found() -> None:
    (finding,) = [finding for finding in rf.check(deadlocks).findings if finding.rule == "RF303"]
    text = str(finding)
    for part in ("ring gfx", "gpu_semaphore gate", "must execute the work"):
        assert part in text, text


@rf.scenario
def preempts(k: rf.Kernel) -> None:
    """Work of a second ring overtakes that of the first, which is preempted."""
    engine = k.engine("engine", preemption=True)
    low, high = k.ring("low", engine), k.ring("high", engine)
    long, short = k.gpu_job("long", run_time=rf.ms(10)), k.gpu_job("short", run_time=rf.ms(1))
    high_done, low_done = k.cell("high_done"), k.cell("low_done")

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.ring_emit(low, long)
        t.msleep(rf.ms(5))
        t.ring_emit(high, short)
        t.ring_preempt(low)
        t.msleep(rf.ms(2))
        t.write_once(high_done, t.ring_seqno(high))
        t.write_once(low_done, t.ring_seqno(low))


def test_preemption() -> None:
    assert cells(preempts) == {"high_done": 1, "low_done": 0}


@rf.scenario
def faults(k: rf.Kernel) -> None:
    """The interrupt of a fault maps the memory, and lets the work go on."""
    fence = k.dma_fence("fence")
    seen = k.cell("seen")

    def handler(t: rf.Recorder) -> None:
        with t.if_(t.gpu_faulted(ring)):
            t.write_once(seen, 1)
            t.gpu_fault_resume(ring)
        done = t.ring_completed(ring)
        with t.if_(done):
            t.dma_fence_signal(done)

    ring = k.ring("ring", irq=k.irq("irq", handler))
    work = k.gpu_job("faulting", run_time=5, fault=True)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.ring_emit(ring, work, fence)
        t.dma_fence_wait(fence, False)


def test_a_fault_is_resumed() -> None:
    assert cells(faults) == {"seen": 1}
    assert not rules(faults)


@rf.scenario
def gives_up(k: rf.Kernel) -> None:
    """A GPU that can't be reset is given up."""
    gpu = k.gpu("gpu", engine_reset=False, full_reset=False)
    ring = k.ring("ring", k.engine("engine", gpu=gpu))
    results = [k.cell(name) for name in ("engine_reset", "full_reset", "wedged", "emit", "reset")]

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.write_once(results[0], t.gpu_engine_reset(ring))
        t.write_once(results[1], t.gpu_reset(ring))
        t.gpu_wedge(gpu)
        t.write_once(results[2], t.gpu_wedged(ring))
        t.write_once(results[3], t.ring_emit(ring))
        t.write_once(results[4], t.gpu_reset(gpu))


def test_results_of_recovery() -> None:
    assert cells(gives_up) == {
        "engine_reset": -rf.EOPNOTSUPP,
        "full_reset": -rf.EOPNOTSUPP,
        "wedged": 1,
        "emit": -rf.ENODEV,
        "reset": -rf.ENODEV,
    }


# ---- the environment ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("part", ["gpu_hangs", "irq_loss"])
def test_the_contract_lets_hardware_fail(part: str) -> None:
    def describe(k: rf.Kernel) -> None:
        fence = k.dma_fence("fence")
        ring = k.ring("ring", irq=k.irq("irq", lambda t: t.dma_fence_signal(t.ring_completed(ring))))

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            t.ring_emit(ring, None, fence)
            t.dma_fence_wait(fence, False)

    assert not rules(rf.Scenario.build(describe))
    parts: Any = {part: True}
    assert rules(rf.Scenario.build(describe, environment=rf.quiet(**parts))) == {"RF703"}


def test_a_reset_can_fail() -> None:
    def describe(k: rf.Kernel) -> None:
        ring = k.ring("ring")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            t.warn_on(t.gpu_reset(ring).failed)

    assert not rules(rf.Scenario.build(describe))
    failing = rf.Scenario.build(describe, environment=rf.quiet(reset_failure=True))
    assert rules(failing) == {"RF706"}


def test_all_parts_of_the_environment_are_the_engines() -> None:
    scenario = rf.Scenario.build(lambda k: k.mutex("lock"), environment=rf.contract())
    environment = json.loads(scenario.to_json())["environment"]
    parts = {name for name in rf.Environment.__dataclass_fields__ if name != "fence_bound"}
    assert {name for name, value in environment.items() if value is True} == parts
