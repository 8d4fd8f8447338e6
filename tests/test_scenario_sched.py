"""The GPU scheduler in scenarios: what is declared and recorded, a driver's handlers by name, mistakes."""

import json
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import ringfence as rf
from ringfence import GFP_NOWAIT, WRITE

Described = Callable[..., object]


def nothing(*_: object) -> None:
    """A handler that does nothing."""


class Gpu(rf.Driver):
    """A driver whose handlers are found by their names."""

    timeout = rf.ms(500)

    def setup(self, k: rf.Kernel) -> None:
        self.timeline = k.timeline("core0-fences")
        self.engine = k.engine("core0-engine", irq=k.irq("core0-irq"))
        self.sched = k.drm_sched("core0", credit_limit=4, timeout=self.timeout)

    def run_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> rf.DmaFence:
        fence = t.dma_fence_alloc_init(self.timeline, GFP_NOWAIT)
        with t.if_(fence.failed):
            t.return_(-rf.ENOMEM)
        t.engine_submit(self.engine, t.dma_fence_get(fence), rf.us(5))
        return fence

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> None:
        t.drm_sched_stop(self.sched, job)
        t.engine_reset(self.engine)
        t.drm_sched_start(self.sched)

    def irq(self, t: rf.Recorder) -> None:
        done = t.engine_completed(self.engine)
        t.dma_fence_signal(done)
        t.dma_fence_put(done)


@rf.scenario(drivers=[Gpu])
def submit(k: rf.Kernel, gpu: Gpu) -> None:
    bo, entity = k.dma_resv("bo"), k.drm_sched_entity("client", gpu.sched)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        job = t.drm_sched_job(entity)
        with t.if_(job.failed):
            t.return_(-rf.ENOMEM)
        with t.dma_resv_lock(bo):
            t.dma_resv_reserve_fences(bo, 1)
            t.drm_sched_job_arm(job)
            t.dma_resv_add_fence(bo, job.finished, WRITE)
            t.drm_sched_entity_push_job(job)


def code(scenario: rf.Scenario, program: str) -> list[str]:
    """The pseudo-code of one program: what stands between its braces, without declarations."""
    body = re.search(rf"^\w.*\b{program}\([^\n]*\)\n\{{\n(.*?)^\}}", str(scenario), re.DOTALL | re.MULTILINE)
    assert body, str(scenario)
    lines = [line.strip() for line in body[1].splitlines()]
    return [line for line in lines if line and not re.match(r"(int|struct|s64) ", line)]


def entry(scenario: rf.Scenario, name: str, kind: str) -> dict[str, Any]:
    """One object of the scenario's JSON; its numbers are offsets into that."""
    objects: list[dict[str, Any]] = json.loads(scenario.to_json())["objects"]
    return next(entry for entry in objects if entry["kind"] == kind and entry["name"].startswith(name))


def result_of(handler: Described, slot: str = "run_job") -> str | None:
    """The kind of what a handler's program returns."""

    def describe(k: rf.Kernel) -> None:
        handlers: dict[str, Any] = {"run_job": nothing, slot: handler}
        k.drm_sched("sched", **handlers)

    scenario = rf.Scenario.build(describe)
    programs: list[dict[str, Any]] = json.loads(scenario.to_json())["programs"]
    number: int = entry(scenario, "sched", "drm_gpu_scheduler")[slot]
    kind: str | None = programs[number].get("result")
    return kind


# ---- declaring ---------------------------------------------------------------------------------------------


def test_a_scheduler_has_what_it_was_given() -> None:
    def describe(k: rf.Kernel) -> None:
        submit_wq, timeout_wq = k.workqueue("submit", ordered=True), k.workqueue("timeout")
        k.drm_sched(
            "sched",
            run_job=nothing,
            credit_limit=7,
            hang_limit=2,
            timeout=rf.ms(3),
            policy="rr",
            num_rqs=3,
            submit_wq=submit_wq,
            timeout_wq=timeout_wq,
            without=["timeout_unlinks", "spsc_count"],
        )

    scenario = rf.Scenario.build(describe)
    sched = entry(scenario, "sched", "drm_gpu_scheduler")
    assert sched["credit_limit"] == 7
    assert sched["hang_limit"] == 2
    assert sched["timeout"] == 3_000_000
    assert sched["policy"] == "rr"
    assert sched["num_rqs"] == 3
    assert (sched["submit_wq"], sched["timeout_wq"]) == (0, 1)
    assert sched["without"] == ["spsc_count", "timeout_unlinks"]
    assert rf.Scenario.from_json(scenario.to_json()) == scenario
    shown = str(scenario)
    assert ".policy = DRM_SCHED_POLICY_RR" in shown
    assert ".without = { spsc_count, timeout_unlinks }" in shown


def test_a_scheduler_without_options() -> None:
    shown = str(rf.Scenario.build(lambda k: k.drm_sched("sched", run_job=nothing)))
    assert ".credit_limit = 4" in shown
    assert ".timeout = MAX_SCHEDULE_TIMEOUT" in shown
    assert ".policy = DRM_SCHED_POLICY_FIFO" in shown


def test_entities_have_schedulers_a_priority_and_a_guilty_cell() -> None:
    def describe(k: rf.Kernel) -> None:
        scheds = [k.drm_sched(name, run_job=nothing) for name in ("first", "second")]
        k.drm_sched_entity("one", scheds[0])
        k.drm_sched_entity("two", scheds, priority=rf.DRM_SCHED_PRIORITY_HIGH, guilty=k.cell("guilty"))
        k.drm_sched_entity("none")

    shown = str(rf.Scenario.build(describe))
    assert "one = { .scheds = { &first }, .priority = DRM_SCHED_PRIORITY_NORMAL }" in shown
    assert ".scheds = { &first, &second }" in shown
    assert ".priority = DRM_SCHED_PRIORITY_HIGH" in shown
    assert ".guilty = &guilty" in shown
    assert "none = { .priority = DRM_SCHED_PRIORITY_NORMAL }" in shown


def test_constants_are_the_kernels() -> None:
    priorities = (
        rf.DRM_SCHED_PRIORITY_KERNEL,
        rf.DRM_SCHED_PRIORITY_HIGH,
        rf.DRM_SCHED_PRIORITY_NORMAL,
        rf.DRM_SCHED_PRIORITY_LOW,
    )
    assert priorities == (0, 1, 2, 3)
    assert rf.DRM_GPU_SCHED_STAT_NONE == 0
    assert rf.DRM_GPU_SCHED_STAT_NOMINAL == rf.DRM_GPU_SCHED_STAT_RESET == 1
    assert (rf.DRM_GPU_SCHED_STAT_ENODEV, rf.DRM_GPU_SCHED_STAT_NO_HANG) == (2, 3)


def test_a_scenario_with_a_scheduler_comes_back_from_json() -> None:
    assert rf.Scenario.from_json(submit.to_json()) == submit
    assert entry(submit, "core0", "drm_gpu_scheduler")["driver"] == "gpu"


# ---- handlers ----------------------------------------------------------------------------------------------


def test_a_drivers_methods_are_its_handlers() -> None:
    shown = str(submit)
    assert ".run_job = run_job" in shown
    assert ".timedout_job = timedout_job" in shown
    assert "request_irq(core0-irq, irq)" in shown
    assert ".prepare_job" not in shown
    assert code(submit, "timedout_job") == [
        "drm_sched_stop(&core0, job);",
        "engine_reset(&core0-engine);",
        "drm_sched_start(&core0, 0);",
        "return 1;",
    ]


def test_without_free_job_a_job_is_cleaned_up_and_freed() -> None:
    assert code(submit, "free_job") == ["drm_sched_job_cleanup(job);", "drm_sched_job_free(job);"]


def test_what_is_not_written_by_the_user_stands_where_the_scheduler_is_declared() -> None:
    data = json.loads(submit.to_json())
    sched = entry(submit, "core0", "drm_gpu_scheduler")
    places = {statement["at"] for statement in data["programs"][sched["free_job"]]["body"]}
    assert places == {sched["at"]}


def test_what_is_given_goes_before_the_drivers_method() -> None:
    def other_run_job(t: rf.Recorder, job: rf.DrmSchedJob) -> int:
        return -rf.ENODEV

    class Two(rf.Driver):
        def setup(self, k: rf.Kernel) -> None:
            k.drm_sched("own")
            k.drm_sched("given", run_job=other_run_job)

            @k.drm_sched("decorated").run_job
            def decorated_run_job(t: rf.Recorder, job: rf.DrmSchedJob) -> None: ...

        def run_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> None: ...

    scenario = rf.Scenario.build(nothing, drivers=[Two])
    programs = [program["name"] for program in json.loads(scenario.to_json())["programs"]]
    taken = {
        name: programs[entry(scenario, name, "drm_gpu_scheduler")["run_job"]]
        for name in ("own", "given", "decorated")
    }
    assert taken == {"own": "run_job", "given": "other_run_job", "decorated": "decorated_run_job"}


def test_shrinkers_and_notifiers_take_methods_too() -> None:
    class Cache(rf.Driver):
        def setup(self, k: rf.Kernel) -> None:
            self.mm = k.mm("mm")
            k.shrinker("cache")
            k.mmu_interval_notifier("notifier", k.user_range("range", self.mm))
            k.mmu_notifier("exit", self.mm, release=nothing)

        def count_objects(self, t: rf.Recorder) -> int:
            return 3

        def scan_objects(self, t: rf.Recorder, nr_to_scan: rf.Int) -> rf.Int:
            return nr_to_scan

        def invalidate(self, t: rf.Recorder, blockable: rf.Int, seq: rf.Seqno) -> int:
            return 1

    shown = str(rf.Scenario.build(nothing, drivers=[Cache]))
    assert ".count_objects = count_objects" in shown
    assert ".scan_objects = scan_objects" in shown
    assert shown.count("= invalidate") == 1


def test_an_irq_with_a_handler_of_its_own_takes_none() -> None:
    class Lines(rf.Driver):
        def setup(self, k: rf.Kernel) -> None:
            # The name stands for the object from here on; the method is still the next one's handler.
            self.irq = k.irq("first")
            k.irq("second")
            k.irq("threaded", thread=nothing)

            @k.irq("decorated")
            def mine(t: rf.Recorder) -> None: ...

        def irq(self, t: rf.Recorder) -> None: ...  # type: ignore[no-redef]

    scenario = rf.Scenario.build(nothing, drivers=[Lines])
    programs = [program["name"] for program in json.loads(scenario.to_json())["programs"]]
    lines: dict[str, int] = {
        name: entry(scenario, name, "irq")["handler"] for name in ("first", "second", "decorated")
    }
    assert {name: programs[number] for name, number in lines.items()} == {
        "first": "irq",
        "second": "irq",
        "decorated": "mine",
    }
    assert entry(scenario, "threaded", "irq").get("handler") is None


def test_a_part_takes_its_own_methods_only() -> None:
    class Part(rf.Driver):
        def setup(self, k: rf.Kernel) -> None:
            k.drm_sched("part")

    class Whole(rf.Driver):
        def setup(self, k: rf.Kernel) -> None:
            k.driver(Part)
            k.drm_sched("whole")

        def run_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> None: ...

    with pytest.raises(rf.ScenarioError, match="the drm_gpu_scheduler `part` has no run_job"):
        rf.Scenario.build(nothing, drivers=[Whole])


def test_a_handler_can_be_a_parameter() -> None:
    def hangs(t: rf.Recorder, job: rf.DrmSchedJob) -> int:
        return -rf.EIO

    scenario = rf.Scenario.build(nothing, drivers=[Gpu(run_job=hangs)])
    assert ".run_job = hangs" in str(scenario)


def test_methods_with_a_handlers_name_that_nothing_uses_are_told() -> None:
    class Forgotten(rf.Driver):
        def count_objects(self, t: rf.Recorder) -> int:
            return 0

    with pytest.warns(
        rf.ScenarioWarning, match=r"count_objects\(\) of driver `forgotten` is never used: k.shrinker"
    ):
        rf.Scenario.build(nothing, drivers=[Forgotten])

    class PassedOn(rf.Driver):
        def setup(self, k: rf.Kernel) -> None:
            k.work("work", self.timedout_job)
            k.work("other", self.other_fn)

        def other_fn(self, t: rf.Recorder) -> None:
            self.invalidate(t)

        def timedout_job(self, t: rf.Recorder) -> None: ...

        def invalidate(self, t: rf.Recorder) -> None: ...

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rf.Scenario.build(nothing, drivers=[PassedOn])


def test_programs_return_no_more_than_they_do() -> None:
    def fence(t: rf.Recorder, job: rf.DrmSchedJob) -> rf.DmaFence:
        return t.dma_fence_get_stub()

    def error(t: rf.Recorder, job: rf.DrmSchedJob) -> int:
        return -rf.ENODEV

    def sometimes(t: rf.Recorder, job: rf.DrmSchedJob) -> None:
        with t.if_(t.choose("fence", 2)):
            t.return_(t.dma_fence_get_stub())

    def fails(t: rf.Recorder, job: rf.DrmSchedJob) -> None:
        with t.if_(t.choose("fails", 2)):
            t.return_(-rf.ENOMEM)

    def all_three(t: rf.Recorder, job: rf.DrmSchedJob) -> rf.DmaFence:
        with t.if_(t.choose("fails", 2)):
            t.return_(t.dma_resv_reserve_fences(bo[0], 1))
        with t.if_(t.choose("is done", 2)):
            t.return_()
        return t.dma_fence_get_stub()

    bo: list[rf.DmaResv] = []

    def with_bo(k: rf.Kernel) -> None:
        bo.append(k.dma_resv("bo"))
        k.drm_sched("sched", run_job=all_three)

    assert result_of(fence) == "dma_fence"
    assert result_of(error) == "errno"
    assert result_of(sometimes) == "dma_fence"
    assert result_of(fails) == "dma_fence_or_err"
    assert result_of(nothing) is None
    assert '"result":"dma_fence_or_err"' in rf.Scenario.build(with_bo).to_json()


def test_prepare_job_returns_a_fence_or_nothing() -> None:
    def waits(t: rf.Recorder, job: rf.DrmSchedJob, entity: rf.DrmSchedEntity) -> rf.DmaFence:
        t.drm_sched_entity_error(entity)
        return t.dma_fence_get_stub()

    assert result_of(waits, "prepare_job") == "dma_fence"
    assert result_of(nothing, "prepare_job") is None
    with pytest.raises(rf.ScenarioError, match=r"returns a fence or None \(NULL\), not the int -12"):
        result_of(lambda t, job, entity: -rf.ENOMEM, "prepare_job")


def test_timedout_job_returns_what_became_of_the_device() -> None:
    assert result_of(nothing, "timedout_job") == "int"
    assert result_of(lambda t, job: rf.DRM_GPU_SCHED_STAT_ENODEV, "timedout_job") == "int"


# ---- jobs --------------------------------------------------------------------------------------------------


def test_a_job_is_allocated_and_initialised_or_null() -> None:
    assert code(submit, "client")[:8] == [
        "job = drm_sched_job_alloc(NULL);",
        "ret = drm_sched_job_init(job, &client, 1);",
        "if (ret < 0) {",
        "drm_sched_job_free(job);",
        "job = NULL;",
        "}",
        "if (!job) {",
        "return -ENOMEM;",
    ]


def test_a_job_is_no_variable_and_ends_a_chain_of_branches() -> None:
    def assigned(t: Any, entity: Any) -> None:
        t.drm_sched_job(entity).set(None)

    def branched(t: Any, entity: Any) -> None:
        t.drm_sched_job(entity)
        with t.else_():
            pass

    for body, words in ((assigned, "is no variable"), (branched, "right behind the block")):

        def describe(k: Any, body: Any = body) -> None:
            entity = k.drm_sched_entity("entity", k.drm_sched("sched", run_job=nothing))
            k.thread("client", lambda t: body(t, entity))

        with pytest.raises(rf.ScenarioError, match=words):
            rf.Scenario.build(describe)


def test_a_jobs_fences_are_read_where_they_stand() -> None:
    def describe(k: rf.Kernel) -> None:
        def run_job(t: rf.Recorder, job: rf.DrmSchedJob) -> None:
            t.dma_fence_get(job.scheduled)
            t.dma_fence_get(job.finished)
            t.dma_fence_get(job.parent)
            t.kfree(job)

        k.drm_sched("sched", run_job=run_job)

    assert code(rf.Scenario.build(describe), "run_job") == [
        "fence = drm_sched_job_scheduled(job);",
        "dma_fence_get(fence);",
        "fence2 = drm_sched_job_finished(job);",
        "dma_fence_get(fence2);",
        "fence3 = drm_sched_job_parent(job);",
        "dma_fence_get(fence3);",
        "drm_sched_job_free(job);",
    ]


def test_pending_jobs_are_walked() -> None:
    def describe(k: rf.Kernel) -> None:
        sched = k.drm_sched("sched", run_job=nothing)

        @k.thread("reset")
        def reset(t: rf.Recorder) -> None:
            with t.drm_sched_for_each_pending_job(sched) as job:
                t.drm_sched_increase_karma(job)

    assert code(rf.Scenario.build(describe), "reset") == [
        "job = drm_sched_first_pending_job(&sched);",
        "for (;;) {",
        "if (!job) {",
        "break;",
        "}",
        "drm_sched_increase_karma(job);",
        "job = drm_sched_next_pending_job(job);",
        "}",
    ]


# ---- a ring without handlers -------------------------------------------------------------------------------


class Plain(rf.Driver):
    """A driver that only says what there is."""

    engine_reset = True
    full_reset = True

    def setup(self, k: rf.Kernel) -> None:
        device = k.gpu("device", engine_reset=self.engine_reset, full_reset=self.full_reset)
        self.ring = k.ring("core0", k.engine("engine0", gpu=device), slots=3)
        self.sched = k.drm_sched("core0", ring=self.ring, timeout=rf.ms(500))


def guilty_and_innocent(k: rf.Kernel, plain: Plain, *, guilty: int, innocent: int) -> None:
    """The first job hangs, the second one is behind it on the ring; each ends with that status."""
    entity = k.drm_sched_entity("context", plain.sched)
    hangs = k.gpu_job("hangs", run_time=rf.ms(1), hang="infinite")
    works = k.gpu_job("works", run_time=rf.ms(1))

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        fences = []
        for work in (hangs, works):
            job = t.drm_sched_job(entity, work)
            t.drm_sched_job_arm(job)
            fences.append(t.dma_fence_get(job.finished))
            t.dma_fence_publish(fences[-1])
            t.drm_sched_entity_push_job(job)
        for fence, status in zip(fences, (guilty, innocent), strict=True):
            t.dma_fence_wait(fence)
            t.warn_on(t.dma_fence_get_status(fence) != status)
            t.dma_fence_put(fence)


def test_a_ring_brings_handlers_for_what_its_driver_does_not_handle() -> None:
    scenario = rf.Scenario.build(nothing, drivers=[Plain])
    shown = str(scenario)
    assert ".credit_limit = 3" in shown
    assert "request_irq(core0-irq, irq)" in shown
    assert code(scenario, "run_job") == [
        "fence = dma_fence_init(&core0->fences);",
        "fence2 = dma_fence_get(fence);",
        "ret = ring_emit(&core0#2, job, fence2);",
        "if (ret < 0) {",
        "dma_fence_put(fence);",
        "dma_fence_put(fence);",
        "return ERR_PTR(ret);",
        "}",
        "return fence;",
    ]
    assert rf.Scenario.from_json(scenario.to_json()) == scenario


def test_what_the_driver_handles_stays_its_own() -> None:
    class Own(Plain):
        def run_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> rf.DmaFence:
            return t.dma_fence_get_stub()

        def irq(self, t: rf.Recorder) -> None:
            t.dma_fence_put(t.ring_completed(self.ring))

    scenario = rf.Scenario.build(nothing, drivers=[Own])
    assert code(scenario, "run_job") == ["fence = dma_fence_get_stub();", "return fence;"]
    assert code(scenario, "irq") == ["fence = ring_completed(&core0#2);", "dma_fence_put(fence);"]
    assert "drm_sched_insert_pending_job(job);" in code(scenario, "timedout_job")
    assert "core0->fences" not in str(scenario)


def test_rings_that_share_an_interrupt_are_served_together() -> None:
    def describe(k: rf.Kernel) -> None:
        irq = k.irq("shared")
        for name in ("render", "copy"):
            ring = k.ring(name, k.engine(f"{name}-engine", irq=irq))
            k.drm_sched(f"{name}-sched", ring=ring)

    served = "\n".join(code(rf.Scenario.build(describe), "irq"))
    assert "ring_completed(&render)" in served
    assert "ring_completed(&copy)" in served


@pytest.mark.parametrize(
    ("driver", "guilty", "innocent"),
    [
        (Plain, -rf.ETIME, 1),
        (Plain(engine_reset=False), -rf.ETIME, -rf.ECANCELED),
        (Plain(engine_reset=False, full_reset=False), -rf.ETIME, -rf.ECANCELED),
    ],
    ids=["engine reset", "full reset", "no reset"],
)
def test_a_hang_ends_with_the_timeout(driver: Any, guilty: int, innocent: int) -> None:
    scenario = rf.Scenario.build(
        guilty_and_innocent, drivers=[driver], guilty=guilty, innocent=innocent, name="hang"
    )
    report = rf.check(scenario, budget=500)
    assert report.rules == [], str(report)


# ---- mistakes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("describe", "words"),
    [
        (lambda k: k.drm_sched("sched"), "has no run_job"),
        (lambda k: k.drm_sched("sched", run_job=3), "takes a function, not the int 3"),
        (
            lambda k: k.drm_sched("sched", run_job=lambda t: None),
            "the run_job of drm_gpu_scheduler `sched` is called as lambda(t, job)",
        ),
        (
            lambda k: k.drm_sched("sched", run_job=nothing, prepare_job=lambda t, job: None),
            "is called as lambda(t, job, entity)",
        ),
        (
            lambda k: k.drm_sched("sched", run_job=lambda t, job: rf.ENOMEM),
            "returns a fence, None (NULL) or a negative errno (-rf.ENOMEM), not the int 12",
        ),
        (lambda k: k.drm_sched("sched", run_job=lambda t, job: job), "a negative errno"),
        (
            lambda k: k.drm_sched("sched", run_job=nothing, free_job=lambda t, job: 0),
            "returns nothing to its caller",
        ),
        (lambda k: k.drm_sched("sched", run_job=nothing, policy="fiffo"), "did you mean 'fifo'?"),
        (lambda k: k.drm_sched("sched", run_job=nothing, policy=3), "'fifo' or 'rr' or 'fair'"),
        (
            lambda k: k.drm_sched("sched", run_job=nothing, without=["spsc"]),
            "did you mean 'spsc_count'?",
        ),
        (lambda k: k.drm_sched("sched", run_job=nothing, without="spsc_count"), "a list of names"),
        (lambda k: k.drm_sched("sched", run_job=nothing, credit_limit=0), "credit_limit=…) takes a number"),
        (lambda k: k.drm_sched("sched", run_job=nothing, hang_limit=-1), "hang_limit=…) takes a number"),
        (lambda k: k.drm_sched("sched", run_job=nothing, timeout=-1), "timeout=…) takes a number"),
        (lambda k: k.drm_sched("sched", run_job=nothing, num_rqs=5), "from 1 to 4, not the int 5"),
        (
            lambda k: k.drm_sched("sched", run_job=nothing, submit_wq=k.mutex("lock")),
            "takes a declared workqueue, not the mutex `lock`",
        ),
        (lambda k: k.drm_sched("sched", run_jobs=nothing), "did you mean 'run_job'?"),
        (lambda k: k.drm_sched_entity("entity", priority=4), "from 0 to 3, not the int 4"),
        (
            lambda k: k.drm_sched_entity("entity", k.mutex("lock")),
            "k.drm_sched_entity(scheds=…) takes a declared drm_gpu_scheduler, not the mutex `lock`",
        ),
        (lambda k: k.drm_sched_entity("entity", guilty=1), "takes a declared cell, not the int 1"),
        (
            lambda k: k.drm_sched("sched", ring=k.engine("engine")),
            "k.drm_sched(ring=…) takes a declared ring, not the engine `engine`",
        ),
        (lambda k: k.drm_shed("sched"), "did you mean k.drm_sched()?"),
    ],
)
def test_mistakes_in_declarations(describe: Described, words: str) -> None:
    with pytest.raises(rf.ScenarioError, match=re.escape(words)):
        rf.Scenario.build(describe, name="mistakes")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            lambda t, sched, entity: t.drm_sched_job(sched),
            "drm_sched_job_init(entity=…) takes a drm_sched_entity (k.drm_sched_entity()), not the drm_gpu_",
        ),
        (
            lambda t, sched, entity: t.drm_sched_job_arm(entity),
            "takes a drm_sched_job (t.drm_sched_job(), t.drm_sched_job_alloc()), not the drm_sched_entity",
        ),
        (
            lambda t, sched, entity: t.drm_sched_stop(entity, None),
            "takes a drm_gpu_scheduler (k.drm_sched())",
        ),
        (lambda t, sched, entity: t.drm_sched_entity_init(entity, 2, sched), "takes a list, of"),
        (lambda t, sched, entity: t.drm_sched_entity_push_jobs(entity), "t.drm_sched_entity_push_job()"),
        (lambda t, sched, entity: t.drm_sched_job(entity, credit=2), "did you mean 'credits'?"),
        (lambda t, sched, entity: t.drm_sched_job_alloc(sched), "takes a gpu_job"),
    ],
)
def test_mistakes_in_programs(body: Described, words: str) -> None:
    def describe(k: Any) -> None:
        sched = k.drm_sched("sched", run_job=nothing)
        entity = k.drm_sched_entity("entity", sched)
        k.thread("client", lambda t: body(t, sched, entity))

    with pytest.raises(rf.ScenarioError, match=re.escape(words)) as caught:
        rf.Scenario.build(describe)
    assert caught.value.place.startswith("tests/test_scenario_sched.py:")


# ---- a driver's bug, from the description to the proof -----------------------------------------------------


class Allocates(rf.Driver):
    """Allocates in ``run_job``, under a lock that its recovery takes as well."""

    gfp = rf.GFP_KERNEL

    def setup(self, k: rf.Kernel) -> None:
        self.lock = k.mutex("gpu->lock")
        self.fences = k.timeline("gpu->fences")
        self.ring = k.ring("core0", slots=4)
        self.sched = k.drm_sched("core0", ring=self.ring, credit_limit=4, timeout=rf.ms(500))

    def run_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> None:
        with t.mutex_lock(self.lock):
            fence = t.dma_fence_alloc_init(self.fences, self.gfp)
            with t.if_(fence.failed):
                t.return_(-rf.ENOMEM)
            t.warn_on(t.ring_emit(self.ring, job, fence).failed)
            t.return_(fence)

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> None:
        with t.mutex_lock(self.lock):
            t.drm_sched_stop(self.sched, job)
            t.gpu_reset(self.ring)
            t.drm_sched_start(self.sched)


@pytest.mark.parametrize("gfp", [rf.GFP_KERNEL, GFP_NOWAIT])
def test_an_allocation_in_run_job_is_what_hangs(gfp: Any) -> None:
    """The timeout's handler waits for the lock; but it is the allocation that must not be there."""
    others = rf.quiet(foreign_shrinker=True, foreign_resv=True, memory_pressure=True, allocation_failure=True)

    @rf.scenario(drivers=[Allocates(gfp=gfp)], environment=others)
    def submit(k: rf.Kernel, gpu: Allocates) -> None:
        bo, entity = k.dma_resv("bo"), k.drm_sched_entity("client", gpu.sched)

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            job = t.drm_sched_job(entity)
            with t.if_(job.failed):
                t.return_(-rf.ENOMEM)
            with t.dma_resv_lock(bo):
                with t.if_(t.dma_resv_reserve_fences(bo, 1).failed):
                    t.drm_sched_job_cleanup(job)
                    t.kfree(job)
                    t.return_(-rf.ENOMEM)
                t.drm_sched_job_arm(job)
                t.dma_resv_add_fence(bo, job.finished, WRITE)
                t.drm_sched_entity_push_job(job)

    report = rf.check(submit, budget=500)
    found = [(finding.rule, finding.verdict) for finding in report.findings]
    assert found == ([("RF401", "CONFIRMED")] if gfp is rf.GFP_KERNEL else []), str(report)
