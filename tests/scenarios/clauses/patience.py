"""Clause: what a reasonable time is, each driver decides for itself, as long as it ends.

Some use a fixed timeout, others watch whether the hardware gets ahead, and become stricter each time. None of
them is patient for ever.
"""

from typing import Any

import ringfence as rf
from ringfence.drivers import FixedTimeout, ForwardProgress, HangPolicy, RingGpu, SchedGpu


class OnceMore(HangPolicy):
    """It surely ends soon. Comes to an end itself, but not before everybody else has given up hope."""

    period = rf.s(3)

    def watch(self, k: rf.Kernel, ring: rf.Ring, others: list[rf.Ring]) -> None:
        self.looks = k.cell("looks")

    def has_hung(self, t: rf.Recorder, ring: rf.Ring) -> rf.Int:
        return t.atomic_add_return(self.looks, 1) >= 5


class Strict(ForwardProgress):
    """Two extensions at most, the second one half as long."""

    period = rf.ms(100)
    patience = (2, 2, 1)


def scenario(name: str, gpu: Any, run_time: int = rf.ms(1), hang: Any = "no", **checks: Any) -> rf.Scenario:
    """One client's job; on the last ring another one submits several, one after the other."""
    status, environment = checks.get("status"), checks.get("environment")

    def clients(k: rf.Kernel, gpu: Any) -> None:
        bo, other_bo = k.dma_resv("bo"), k.dma_resv("other_bo")
        job = k.gpu_job("job", run_time=run_time, hang=hang)
        context = gpu.context(k, "client")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            t.msleep(rf.ms(1))
            gpu.submit(t, context, bo, job)
            if status is not None:
                fence = t.dma_resv_get_singleton(bo, rf.READ)
                t.dma_fence_wait(fence)
                t.warn_on(t.dma_fence_get_status(fence) != status)
                t.dma_fence_put(fence)

        if gpu.rings > 1:
            busy, other = k.gpu_job("busy", run_time=rf.ms(140)), gpu.context(k, "other", gpu.rings - 1)

            @k.thread("other")
            def busy_client(t: rf.Recorder) -> None:
                for _ in range(gpu.slots):
                    gpu.submit(t, other, other_bo, busy)

    return rf.scenario(drivers={"gpu": gpu}, environment=environment, name=name)(clients)


fixed = scenario("fixed", SchedGpu(policy=FixedTimeout(period=rf.s(2))), rf.ms(1900), status=1)
fixed_ends = scenario("fixed_ends", RingGpu(policy=FixedTimeout(period=rf.s(2))), rf.s(3), status=-rf.ETIME)
patient = scenario("patient", SchedGpu(policy=ForwardProgress), rf.ms(350), status=1)
patient_ends = scenario("patient_ends", SchedGpu(policy=ForwardProgress), rf.ms(450), status=-rf.ETIME)
# The job waits for up to 280 ms behind those of the other ring: the engine gets ahead, and it gets more time.
extends_sched = scenario("extends_sched", SchedGpu(rings=2, shared_engine=True, policy=Strict), status=1)
extends_rings = scenario("extends_rings", RingGpu(rings=2, shared_engine=True, policy=Strict), status=1)
contract_patient = scenario(
    "contract_patient",
    SchedGpu(rings=2, shared_engine=True, policy=Strict),
    environment=rf.contract(),
)

once_more = scenario("once_more", SchedGpu(policy=OnceMore), hang="infinite")
too_late = scenario("too_late", SchedGpu(policy=FixedTimeout(period=rf.s(20))), hang="infinite")
too_late_rings = scenario("too_late_rings", RingGpu(policy=OnceMore), hang="infinite")
contract_once_more = scenario("contract_once_more", SchedGpu(policy=OnceMore), environment=rf.contract())
