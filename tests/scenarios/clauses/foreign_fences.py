"""Clause: a foreign fence is not second-guessed.

Only the driver that made a fence ends it, and says how it went. Whoever does not want to wait for it any
longer stops waiting and goes on as it can; it neither signals the fence nor sets an error on it.
"""

from typing import Any

import ringfence as rf
from ringfence.drivers import FixedTimeout, ForwardProgress, SchedGpu, UserContext


class Exporter(rf.Driver):
    """Renders into a buffer that others show."""

    def setup(self, k: rf.Kernel) -> None:
        ops = k.dma_fence_ops("exporter_fence_ops", signaled=self.is_rendered)
        ring = k.timeline("ring0", lock=k.spinlock("ring0->lock"), ops=ops)
        self.rendered = k.dma_fence("rendered", timeline=ring)
        self.work = k.work("render_work", self.render)

    def submit(self, t: rf.Recorder) -> None:
        t.dma_fence_publish(self.rendered)
        t.schedule_work(self.work)

    def is_rendered(self, t: rf.Recorder, fence: rf.DmaFence) -> rf.Int:
        return t.hw_is_done(fence)

    def render(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            t.msleep(rf.ms(20))
            t.hw_done(self.rendered)
            t.dma_fence_signal(self.rendered)


class Display(rf.Driver):
    """Shows a buffer once it is rendered, and has no patience."""

    sets_error = False
    signals = False
    in_fence: rf.DmaFence

    def setup(self, k: rf.Kernel) -> None:
        crtc = k.timeline("crtc-0", lock=k.spinlock("crtc->lock"))
        self.out_fence = k.dma_fence("out_fence", timeline=crtc)
        self.flip_work = k.work("flip_work", self.flip)

    def atomic_commit(self, t: rf.Recorder) -> None:
        t.dma_fence_publish(self.out_fence)
        t.schedule_work(self.flip_work)

    def flip(self, t: rf.Recorder) -> None:
        # Asking may signal, but then it is the exporter's code that says so.
        t.dma_fence_is_signaled(self.in_fence)
        left = t.dma_fence_wait_timeout(self.in_fence, False, rf.ms(10))
        with t.dma_fence_signalling():
            with t.if_(left == 0):
                # The old frame stays. What becomes of the new one is its renderer's business.
                if self.sets_error:
                    t.dma_fence_set_error(self.in_fence, -rf.ETIMEDOUT)
                if self.signals:
                    t.dma_fence_signal(self.in_fence)
                t.dma_fence_set_error(self.out_fence, -rf.ETIMEDOUT)
            t.dma_fence_signal(self.out_fence)


def render_and_show(k: rf.Kernel, exporter: Exporter, display: Display) -> None:
    display.in_fence = exporter.rendered

    @k.thread("compositor")
    def compositor(t: rf.Recorder) -> None:
        exporter.submit(t)
        display.atomic_commit(t)


gives_up = rf.scenario(drivers=[Exporter, Display], name="gives_up")(render_and_show)
signals_foreign = rf.scenario(drivers=[Exporter, Display(signals=True)], name="signals_foreign")(
    render_and_show
)
sets_foreign_error = rf.scenario(drivers=[Exporter, Display(sets_error=True)], name="sets_foreign_error")(
    render_and_show
)


class Encoder(SchedGpu):
    """Encodes what another GPU renders: its job waits for a job there, and somebody looks after that."""

    signals = False
    sets_error = False
    patience = rf.ms(700)
    in_bo: rf.DmaResv
    client: UserContext

    def setup(self, k: rf.Kernel) -> None:
        super().setup(k)
        self.watch_work = k.work("watch_work", self.watch)

    def encode(self, t: rf.Recorder, bo: rf.DmaResv, work: rf.GpuJob) -> None:
        """Submits a job that depends on the fences of the buffer that it reads."""
        job = t.drm_sched_job(self.client.entity, work)
        with t.if_(job):
            with t.dma_resv_lock(self.in_bo):
                ret = t.drm_sched_job_add_resv_dependencies(job, self.in_bo, rf.READ)
            with t.dma_resv_lock(bo):
                with t.if_(ret.failed | t.dma_resv_reserve_fences(bo, 1).failed):
                    t.drm_sched_job_cleanup(job)
                    t.kfree(job)
                    t.return_()
                self.push(t, job, bo)
            t.schedule_work(self.watch_work)

    def watch(self, t: rf.Recorder) -> None:
        """Loses its patience with the renderer: what now?"""
        rendered = t.dma_resv_get_singleton(self.in_bo, rf.READ)
        with t.if_(rendered):
            with t.if_(t.dma_fence_wait_timeout(rendered, False, self.patience) == 0):
                if self.sets_error:
                    t.dma_fence_set_error(rendered, -rf.ETIMEDOUT)
                elif self.signals:
                    with t.dma_fence_signalling():
                        t.dma_fence_signal(rendered)
                else:
                    # Takes back what it has submitted itself. That ends when the renderer's job has.
                    t.drm_sched_entity_destroy(self.client.entity)
            t.dma_fence_put(rendered)


def two_gpus(
    name: str, encoder: Encoder, hang: Any = "no", environment: rf.Environment | None = None
) -> rf.Scenario:
    """The renderer needs a second, or hangs, which it will notice after two."""

    def render_and_encode(k: rf.Kernel, renderer: SchedGpu, encoder: Encoder) -> None:
        encoder.in_bo, out = k.dma_resv("bo"), k.dma_resv("bitstream")
        renders, encoder.client = renderer.context(k, "renders"), encoder.context(k, "encodes")
        frame = k.gpu_job("frame", run_time=rf.s(1), hang=hang)
        encode = k.gpu_job("encode", run_time=rf.ms(1))

        @k.thread("player")
        def player(t: rf.Recorder) -> None:
            renderer.submit(t, renders, encoder.in_bo, frame)
            encoder.encode(t, out, encode)

    drivers = {"renderer": SchedGpu(policy=FixedTimeout(period=rf.s(2))), "encoder": encoder}
    return rf.scenario(drivers=drivers, environment=environment, name=name)(render_and_encode)


sched_waits = two_gpus("sched_waits", Encoder(policy=ForwardProgress, patience=rf.s(3)), "infinite")
sched_gives_up = two_gpus("sched_gives_up", Encoder())
sched_gives_up_hang = two_gpus("sched_gives_up_hang", Encoder(), "infinite")
contract_sched_gives_up = two_gpus("contract_sched_gives_up", Encoder(), environment=rf.contract())
sched_signals_foreign = two_gpus("sched_signals_foreign", Encoder(signals=True))
sched_sets_foreign_error = two_gpus("sched_sets_foreign_error", Encoder(sets_error=True))
