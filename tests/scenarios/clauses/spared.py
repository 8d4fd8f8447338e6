"""Clause: recovery affects only the offending context, if the hardware can do that.

What others have submitted was fine, and is still there: they neither lose their work nor see an error. Where
only the whole GPU can be reset, their work can be submitted again.
"""

from typing import Any

import ringfence as rf
from ringfence.drivers import FixedTimeout, ForceCompletion, FullReset, RingGpu, SchedGpu


class BlamesAnother(RingGpu):
    """Takes the youngest work off the engine, whatever has hung."""

    rings = 2
    shared_engine = True

    def reset_engine(self, t: rf.Recorder, ring: Any, hung: rf.DmaFence) -> rf.Errno:
        ret = t.gpu_engine_reset(ring.ring, t.ring_head(self.parts[1].ring))
        for part in self.parts:
            part.give_up(t, -rf.ETIME)
        return ret


def scenario(name: str, gpu: Any, status: int | None = None, environment: Any = None) -> rf.Scenario:
    """The guilty client's job hangs; `status` is what becomes of the innocent one's."""

    def clients(k: rf.Kernel, gpu: Any) -> None:
        guilty, innocent = gpu.context(k, "guilty"), gpu.context(k, "innocent", gpu.rings - 1)
        bo, other_bo = k.dma_resv("bo"), k.dma_resv("other_bo")
        hangs = k.gpu_job("hangs", run_time=rf.ms(1), hang="infinite")
        render = k.gpu_job("render", run_time=rf.ms(200))

        @k.thread("guilty")
        def submits_guilty(t: rf.Recorder) -> None:
            gpu.submit(t, guilty, bo, hangs)

        @k.thread("innocent")
        def submits_innocent(t: rf.Recorder) -> None:
            t.msleep(rf.ms(250))
            with t.if_(gpu.submit(t, innocent, other_bo, render).failed):
                t.return_()
            if status is not None:
                fence = t.dma_resv_get_singleton(other_bo, rf.READ)
                t.dma_fence_wait(fence)
                t.warn_on(t.dma_fence_get_status(fence) != status)
                t.dma_fence_put(fence)

    return rf.scenario(drivers={"gpu": gpu}, environment=environment, name=name)(clients)


engine_reset_sched = scenario("engine_reset_sched", SchedGpu(), 1)
engine_reset_rings = scenario("engine_reset_rings", RingGpu(), 1)
shared_engine_sched = scenario("shared_engine_sched", SchedGpu(rings=2, shared_engine=True), 1)
shared_engine_rings = scenario("shared_engine_rings", RingGpu(rings=2, shared_engine=True), 1)
# It runs twice, and nobody notices.
submitted_again = scenario("submitted_again", SchedGpu(recovery=FullReset, engine_reset=False), 1)
submitted_again_rings = scenario(
    "submitted_again_rings", SchedGpu(rings=2, shared_workqueue=True, engine_reset=False), 1
)
contract_engine_reset = scenario("contract_engine_reset", SchedGpu(rings=2), environment=rf.contract())
contract_shared_engine = scenario(
    "contract_shared_engine", RingGpu(rings=2, shared_engine=True), environment=rf.contract()
)

QUICK = FixedTimeout(period=rf.ms(400))

cancels_all_rings = scenario("cancels_all_rings", RingGpu(rings=2, recovery=FullReset, policy=QUICK))
cancels_all_sched = scenario("cancels_all_sched", SchedGpu(recovery=ForceCompletion))
blames_another = scenario("blames_another", BlamesAnother())
contract_cancels_all = scenario(
    "contract_cancels_all", RingGpu(rings=2, recovery=FullReset), environment=rf.contract()
)
