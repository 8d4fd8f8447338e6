"""Clause: work that can run for ever is backed by a timeout and by recovery from hangs.

User space submits it, so that nobody knows whether it ends; and interrupts get lost. Whoever waits for a
published fence relies on the driver to find out.
"""

from typing import Any

import ringfence as rf
from ringfence.drivers import HangcheckRing, NoTimeout, RingGpu, SchedGpu

Gpu = SchedGpu | RingGpu


def draws(name: str, gpu: Gpu, hang: Any = "no", environment: rf.Environment | None = None) -> rf.Scenario:
    """One client submits one job."""

    def client(k: rf.Kernel, gpu: Any) -> None:
        bo, context = k.dma_resv("bo"), gpu.context(k, "client")
        draw = k.gpu_job("draw", run_time=rf.ms(1), hang=hang)
        k.thread("client", lambda t: gpu.submit(t, context, bo, draw))

    return rf.scenario(drivers={"gpu": gpu}, environment=environment, name=name)(client)


class LookedAfter(HangcheckRing):
    """Its hang check runs, and looks at completed work only."""

    def hangcheck(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            self.complete(t)


class LooksAway(RingGpu):
    """Takes what is not completed for what takes its time."""

    ring_model = LookedAfter


sched = draws("sched", SchedGpu(), "infinite")
rings = draws("rings", RingGpu(), "infinite")
slow = draws("slow", SchedGpu(), rf.ms(400))
contract_sched = draws("contract_sched", SchedGpu(), environment=rf.contract())
contract_rings = draws("contract_rings", RingGpu(), environment=rf.contract())
lost_irq_sched = draws("lost_irq_sched", SchedGpu(), environment=rf.quiet(irq_loss=True))
lost_irq_rings = draws("lost_irq_rings", RingGpu(), environment=rf.quiet(irq_loss=True))

no_timeout = draws("no_timeout", SchedGpu(policy=NoTimeout), "infinite")
# It ends, this time.
so_far_so_good = draws("so_far_so_good", SchedGpu(policy=NoTimeout))
no_hangcheck = draws("no_hangcheck", RingGpu(policy=NoTimeout), "infinite")
looks_away = draws("looks_away", LooksAway(), "infinite")
hangs_some_day = draws("hangs_some_day", RingGpu(policy=NoTimeout), environment=rf.quiet(gpu_hangs=True))
contract_no_timeout = draws("contract_no_timeout", SchedGpu(policy=NoTimeout), environment=rf.contract())
lost_irq_no_hangcheck = draws(
    "lost_irq_no_hangcheck", RingGpu(policy=NoTimeout), environment=rf.quiet(irq_loss=True)
)
