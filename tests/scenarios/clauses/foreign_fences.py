"""Clause: a foreign fence is not second-guessed.

Only the driver that made a fence ends it, and says how it went. Whoever does not want to wait for it any
longer stops waiting and goes on as it can; it neither signals the fence nor sets an error on it.
"""

import ringfence as rf


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
