"""The driver models of the package keep the contract, whatever they are put together from."""

from collections.abc import Iterator
from typing import Any

import pytest

import ringfence as rf
from ringfence.drivers import (
    EngineReset,
    FixedTimeout,
    ForceCompletion,
    ForwardProgress,
    FullReset,
    HangPolicy,
    NoTimeout,
    Recovery,
    RingGpu,
    SchedGpu,
)

BUDGET = 2000

# A recovery, with hardware that can do no more than that.
HARDWARE: dict[type[Recovery], dict[str, bool]] = {
    EngineReset: {},
    FullReset: {"engine_reset": False},
    ForceCompletion: {"engine_reset": False, "full_reset": False},
}
SHAPES: dict[str, dict[str, Any]] = {
    "one ring": {},
    "two rings": {"rings": 2},
    "one engine": {"rings": 2, "shared_engine": True},
}


def models() -> Iterator[Any]:
    for driver in (SchedGpu, RingGpu):
        for policy in (FixedTimeout, ForwardProgress):
            for recovery, hardware in HARDWARE.items():
                for shape, parameters in SHAPES.items():
                    name = f"{driver.__name__}-{policy.__name__}-{recovery.__name__}-{shape}"
                    given = {"policy": policy, "recovery": recovery, **hardware, **parameters}
                    yield pytest.param(driver(**given), id=name)
    shared = SchedGpu(rings=2, shared_workqueue=True, recovery=FullReset, engine_reset=False)
    yield pytest.param(shared, id="SchedGpu-shared workqueue")


def clients(gpu: Any, environment: rf.Environment | None = None, hang: Any = "no") -> rf.Scenario:
    """Three clients; the first one's job may hang."""

    def submit(k: rf.Kernel, gpu: Any) -> None:
        bo = k.dma_resv("bo")
        for number in range(3):
            context = gpu.context(k, f"client{number}", number % gpu.rings)
            draw = k.gpu_job(f"draw{number}", run_time=rf.ms(1), hang=hang if number == 0 else "no")

            def client(t: rf.Recorder, context: Any = context, draw: rf.GpuJob = draw) -> None:
                gpu.submit(t, context, bo, draw)

            k.thread(f"client{number}", client)

    return rf.scenario(drivers={"gpu": gpu}, environment=environment, name="submit")(submit)


@pytest.mark.parametrize("gpu", [*models()])
def test_driver_models_keep_the_contract(gpu: Any) -> None:
    for environment, hang in ((rf.contract(), "no"), (rf.quiet(), "infinite"), (rf.quiet(), rf.s(1))):
        report = rf.check(clients(gpu, environment, hang), budget=BUDGET)
        assert report.ok, str(report)
        assert report.bound == 0


@pytest.mark.parametrize("driver", [SchedGpu, RingGpu])
def test_a_driver_that_never_looks_breaks_the_contract(driver: Any) -> None:
    report = rf.check(clients(driver(policy=NoTimeout), rf.contract()), budget=200)
    assert "RF101" in report.rules, str(report)


@pytest.mark.parametrize("driver", [SchedGpu, RingGpu])
def test_a_driver_without_a_timeout_is_fine_as_long_as_nothing_hangs(driver: Any) -> None:
    report = rf.check(clients(driver(policy=NoTimeout)), budget=200)
    assert {(finding.rule, finding.verdict) for finding in report.findings} <= {("RF101", "CONFIRMED")}
    # Something hangs sooner or later, as the contract allows.
    assert all(finding.against_contract for finding in report.findings)


@pytest.mark.parametrize("driver", [SchedGpu, RingGpu])
def test_what_is_not_supported_is_followed_by_the_next_recovery(driver: Any) -> None:
    for hardware in HARDWARE.values():
        report = rf.check(clients(driver(**hardware), hang="infinite"), budget=200)
        assert report.ok, str(report)


def test_an_extension_is_shorter_each_time_and_there_are_only_so_many() -> None:
    """The engine is kept busy by another ring, 9 ms at a time; the job waits for all of that, for 81 ms."""

    def submit(k: rf.Kernel, gpu: Any) -> None:
        bo, other = k.dma_resv("bo"), k.dma_resv("other")
        semaphore = k.gpu_semaphore("all the others")
        waits = k.gpu_job("waits", waits=[(semaphore, 1)])
        busy = k.gpu_job("busy", run_time=rf.ms(9))
        last = k.gpu_job("last", run_time=rf.ms(9), signals=[(semaphore, 1)])
        contexts = [gpu.context(k, "client", ring) for ring in range(2)]

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            gpu.submit(t, contexts[0], bo, waits)
            for work in [busy] * 8 + [last]:
                gpu.submit(t, contexts[1], other, work)

    def resets(*patience: int) -> bool:
        policy = ForwardProgress(period=rf.ms(10), patience=patience)
        gpu = RingGpu(rings=2, slots=12, shared_engine=True, policy=policy)
        execution = rf.scenario(drivers={"gpu": gpu})(submit).run()
        assert execution.end == "finished", execution.end
        assert not execution.findings, execution.findings
        return any("gpu_engine_reset" in str(step) for step in execution.steps)

    # Something moves in each period of 10 ms. The patience is over after as many as the numbers come to.
    assert not resets(1, 1, 1, 1, 1, 1, 1, 1, 1)
    assert not resets(4, 3, 2)
    assert resets(4, 2, 1)
    assert resets(8)
    assert not resets(9)


@pytest.mark.parametrize("driver", [SchedGpu, RingGpu])
@pytest.mark.parametrize("shared_engine", [False, True])
def test_what_waits_for_something_that_never_comes_is_ended(driver: Any, shared_engine: bool) -> None:
    """It occupies its ring and no engine: there is nothing that an engine reset could find there."""

    @rf.scenario(drivers={"gpu": driver(rings=2, shared_engine=shared_engine)})
    def submit(k: rf.Kernel, gpu: Any) -> None:
        bo, context = k.dma_resv("bo"), gpu.context(k, "client")
        waits = k.gpu_job("waits", waits=[(k.gpu_semaphore("never"), 1)])

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            gpu.submit(t, context, bo, waits)
            fence = t.dma_resv_get_singleton(bo, rf.READ)
            t.dma_fence_wait(fence)
            t.warn_on(t.dma_fence_get_status(fence) != -rf.ETIME)
            t.dma_fence_put(fence)

    report = rf.check(submit, budget=200)
    assert report.ok, str(report)
    assert report.bound == 0


def test_policies_and_recoveries_can_be_ones_own() -> None:
    class Asks(HangPolicy):
        asked = 0

        def has_hung(self, t: rf.Recorder, ring: rf.Ring) -> int:
            type(self).asked += 1
            return 1

    class Resets(Recovery):
        def recover(self, t: rf.Recorder, gpu: Any, ring: Any, hung: rf.DmaFence) -> None:
            t.warn_on(t.gpu_engine_reset(ring.ring, hung).failed)
            ring.give_up(t, -rf.EIO)

    for driver in (SchedGpu, RingGpu):
        report = rf.check(clients(driver(policy=Asks, recovery=Resets), hang="infinite"), budget=200)
        assert report.ok, str(report)
    assert Asks.asked == 2


def test_a_policy_has_to_say_what_it_thinks() -> None:
    scenario = clients(RingGpu(policy=HangPolicy))
    with pytest.raises(NotImplementedError):
        scenario.to_json()


def test_places_in_driver_models_are_named_after_the_package() -> None:
    report = rf.check(clients(RingGpu(policy=NoTimeout), hang="infinite"), budget=10)
    assert report.findings
    for finding in report.findings:
        assert finding.location is not None
        assert finding.location.startswith("ringfence/drivers/_rings.py:")
