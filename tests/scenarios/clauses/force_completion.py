"""Clause: recovery force-completes all fences in flight.

Also when the reset fails, when the hardware has none, and when the device is given up: the hardware will not
tell of what it has lost, and nobody else can.
"""

from typing import Any

import ringfence as rf
from ringfence.drivers import ForceCompletion, GpuDriver, RingGpu, SchedGpu


class Silent(GpuDriver):
    """Gives the GPU up without a word to those who wait."""

    recovery = ForceCompletion
    engine_reset = False
    full_reset = False

    def wedge(self, t: rf.Recorder) -> None:
        t.gpu_wedge(self.device)


class SilentSched(Silent, SchedGpu):
    """With ``drm_sched``."""


class SilentRings(Silent, RingGpu):
    """Without."""


class FailsSched(SchedGpu):
    """If the reset has failed, it leaves the schedulers alone with their jobs."""

    def finish_reset(self, t: rf.Recorder) -> None:
        with t.if_(t.not_(t.gpu_wedged(self.device))):
            super().finish_reset(t)


class FailsRings(RingGpu):
    """If the reset has failed, nobody is told."""

    def wedge(self, t: rf.Recorder) -> None:
        t.gpu_wedge(self.device)


class OneRingOnly(RingGpu):
    """Resets everything, signals what was on the first ring, and takes the other one for idle."""

    rings = 2
    engine_reset = False

    def reset_device(self, t: rf.Recorder) -> rf.Errno:
        ret = t.gpu_reset(self.device)
        self.parts[0].give_up(t, -rf.ECANCELED)
        t.write_once(self.parts[1].in_flight, 0)
        return ret


def clients(k: rf.Kernel, gpu: Any) -> None:
    """One client's job hangs; another one's, on the last ring, runs for long."""
    bo, contexts = k.dma_resv("bo"), [gpu.context(k, "client"), gpu.context(k, "other", gpu.rings - 1)]
    works = [k.gpu_job("hangs", hang="infinite"), k.gpu_job("render", run_time=rf.s(1))]
    for context, work, name in zip(contexts, works, ("client", "other"), strict=True):
        k.thread(name, lambda t, context=context, work=work: gpu.submit(t, context, bo, work))


def healthy(k: rf.Kernel, gpu: Any) -> None:
    """Nothing hangs by itself."""
    bo, context = k.dma_resv("bo"), gpu.context(k, "client")
    draw = k.gpu_job("draw", run_time=rf.ms(1))
    k.thread("client", lambda t: gpu.submit(t, context, bo, draw))


def scenario(name: str, gpu: Any, function: Any = clients, environment: Any = None) -> rf.Scenario:
    return rf.scenario(drivers={"gpu": gpu}, environment=environment, name=name)(function)


FAILING = rf.quiet(gpu_hangs=True, reset_failure=True)

no_reset_sched = scenario("no_reset_sched", SchedGpu(engine_reset=False, full_reset=False))
no_reset_rings = scenario("no_reset_rings", RingGpu(engine_reset=False, full_reset=False))
both_rings_sched = scenario("both_rings_sched", SchedGpu(rings=2, engine_reset=False))
both_rings = scenario("both_rings", RingGpu(rings=2, engine_reset=False))
reset_fails_sched = scenario("reset_fails_sched", SchedGpu(), healthy, FAILING)
reset_fails_rings = scenario("reset_fails_rings", RingGpu(), healthy, FAILING)
contract_sched = scenario("contract_sched", SchedGpu(rings=2), clients, rf.contract())
contract_rings = scenario("contract_rings", RingGpu(rings=2), clients, rf.contract())

silent_sched = scenario("silent_sched", SilentSched())
silent_rings = scenario("silent_rings", SilentRings())
one_ring_only = scenario("one_ring_only", OneRingOnly())
when_reset_fails_sched = scenario("when_reset_fails_sched", FailsSched(), healthy, FAILING)
when_reset_fails_rings = scenario("when_reset_fails_rings", FailsRings(), healthy, FAILING)
contract_silent = scenario("contract_silent", SilentSched(), healthy, rf.contract())
