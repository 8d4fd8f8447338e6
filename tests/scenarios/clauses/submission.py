"""Clause: recovery prevents further submission.

From the moment a hang is declared until the recovery is over nobody else puts work on the hardware: it would
be lost with the reset. A GPU that was given up takes none any more: what is submitted to it is refused, or
ends with an error.
"""

from typing import Any

import ringfence as rf
from ringfence.drivers import EngineReset, FixedTimeout, FullReset, RingGpu, SchedGpu, SchedRing


class AloneInTheWorld(SchedRing):
    """Resets the whole GPU, but stops only the scheduler whose job has hung."""

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> rf.Int:
        t.drm_sched_stop(self.sched, job)
        t.gpu_reset(self.ring)
        for part in self.gpu.parts:
            part.give_up(t, -rf.ECANCELED)
        t.drm_sched_start(self.sched)
        return t.var(rf.DRM_GPU_SCHED_STAT_NOMINAL)


class StopsItsOwn(SchedGpu):
    """There are two of them."""

    engine_reset = False
    rings = 2
    ring_model = AloneInTheWorld


class NoLock(RingGpu):
    """Submits without the lock that the recovery holds."""

    def submit(self, t: rf.Recorder, context: Any, bo: rf.DmaResv, work: Any = None) -> rf.Errno:
        with t.dma_resv_lock(bo):
            t.dma_resv_reserve_fences(bo, 1)
            with t.dma_fence_signalling():
                fence = t.dma_fence_init(context.fences)
                t.dma_resv_add_fence(bo, fence, rf.WRITE)
                context.emit(t, work, fence)
        return t.var(rf.Errno)


def hang_and_go_on(name: str, gpu: Any, environment: rf.Environment | None = None) -> rf.Scenario:
    """While the first client's job hangs, a second one submits to another ring, if there is one."""

    def clients(k: rf.Kernel, gpu: Any) -> None:
        first, second = gpu.context(k, "first"), gpu.context(k, "second", gpu.rings - 1)
        bos = [k.dma_resv("bo"), k.dma_resv("other_bo")]
        hangs = k.gpu_job("hangs", run_time=rf.ms(1), hang="infinite")
        draw = k.gpu_job("draw", run_time=rf.ms(1))

        @k.thread("first")
        def submits_first(t: rf.Recorder) -> None:
            gpu.submit(t, first, bos[0], hangs)

        @k.thread("second")
        def submits_second(t: rf.Recorder) -> None:
            t.msleep(gpu.hangs.period)
            gpu.submit(t, second, bos[1], draw)

    return rf.scenario(drivers={"gpu": gpu}, environment=environment, name=name)(clients)


def wedge_and_go_on(name: str, gpu: Any) -> rf.Scenario:
    """The GPU is given up; a client that comes later is told so."""

    def clients(k: rf.Kernel, gpu: Any) -> None:
        bo, context, late = k.dma_resv("bo"), gpu.context(k, "client"), gpu.context(k, "late")
        hangs = k.gpu_job("hangs", hang="infinite")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            gpu.submit(t, context, bo, hangs)
            t.dma_resv_wait_timeout(bo, rf.READ, False, rf.MAX_SCHEDULE_TIMEOUT)
            t.warn_on(gpu.submit(t, late, bo) != -rf.ENODEV)

    return rf.scenario(drivers={"gpu": gpu}, name=name)(clients)


def guilty_and_go_on(name: str) -> rf.Scenario:
    """A context whose job has hung submits again; another one of the same process may."""

    def clients(k: rf.Kernel, gpu: SchedGpu) -> None:
        bo, context, other = k.dma_resv("bo"), gpu.context(k, "client"), gpu.context(k, "other")
        hangs = k.gpu_job("hangs", hang="infinite")

        @k.thread("client")
        def client(t: rf.Recorder) -> None:
            gpu.submit(t, context, bo, hangs)
            t.dma_resv_wait_timeout(bo, rf.READ, False, rf.MAX_SCHEDULE_TIMEOUT)
            t.warn_on(gpu.submit(t, context, bo) != -rf.ECANCELED)
            t.warn_on(gpu.submit(t, other, bo).failed)

    return rf.scenario(drivers={"gpu": SchedGpu()}, name=name)(clients)


stops_all = hang_and_go_on("stops_all", SchedGpu(rings=2, engine_reset=False))
locks_out = hang_and_go_on("locks_out", RingGpu(policy=FixedTimeout(period=rf.ms(20))))
contract_stops_all = hang_and_go_on(
    "contract_stops_all", SchedGpu(rings=2, recovery=FullReset, engine_reset=False), rf.contract()
)
contract_locks_out = hang_and_go_on("contract_locks_out", RingGpu(recovery=EngineReset), rf.contract())
refuses_sched = wedge_and_go_on("refuses_sched", SchedGpu(engine_reset=False, full_reset=False))
refuses_rings = wedge_and_go_on("refuses_rings", RingGpu(engine_reset=False, full_reset=False))
refuses_guilty = guilty_and_go_on("refuses_guilty")

stops_its_own = hang_and_go_on("stops_its_own", StopsItsOwn())
locks_nobody_out = hang_and_go_on("locks_nobody_out", NoLock())
