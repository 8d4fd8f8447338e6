"""Clause: a published fence signals in reasonable time, whatever happens.

Whoever publishes a fence promises that it will signal: when the work is done, or when it has timed out and
the hardware was reset. Others wait for it without limit.
"""

import ringfence as rf


class Gpu(rf.Driver):
    """A GPU with one ring, an interrupt for each completed job, and a hang timer."""

    hangs = False
    """The hardware gets stuck on the first job."""
    has_timeout = True
    resets_slowly = False
    wakes_idle_waiters = True

    def setup(self, k: rf.Kernel) -> None:
        self.bo = k.dma_resv("bo")
        self.ring0 = k.timeline("ring0", lock=k.spinlock("ring0->fence_lock"), bound=rf.s(10))
        self.irq = k.irq("gpu", self.irq_handler)
        self.engine = k.engine("ring0", irq=self.irq)
        self.fence = k.dma_fence("job", timeline=self.ring0)
        self.timeout_work = k.delayed_work("timeout_work", self.timedout_job)
        self.idle = k.wait_queue("gpu->idle_wq")
        self.done = k.cell("gpu->done")

    def submit(self, t: rf.Recorder) -> None:
        with t.dma_resv_lock(self.bo):
            t.dma_resv_reserve_fences(self.bo, 1)
            with t.dma_fence_signalling():
                t.dma_resv_add_fence(self.bo, self.fence, rf.WRITE)
                if self.hangs:
                    t.engine_hang(self.engine)
                t.engine_submit(self.engine, self.fence, rf.ms(5))
                if self.has_timeout:
                    t.schedule_delayed_work(self.timeout_work, rf.s(5))

    def irq_handler(self, t: rf.Recorder) -> None:
        fence = t.engine_completed(self.engine)
        with t.if_(fence):
            t.dma_fence_signal(fence)
            t.write_once(self.done, 1)
            if self.wakes_idle_waiters:
                t.wake_up(self.idle)

    def timedout_job(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling(), t.if_(t.not_(t.dma_fence_is_signaled(self.fence))):
            if self.resets_slowly:
                t.msleep(rf.s(60))
            t.engine_reset(self.engine)
            t.dma_fence_set_error(self.fence, -rf.ETIME)
            t.dma_fence_signal(self.fence)


@rf.scenario(drivers=[Gpu])
def completes(k: rf.Kernel, gpu: Gpu) -> None:
    """The job runs, the interrupt signals."""

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)
        t.wait_event(gpu.idle, gpu.done, 1)


@rf.scenario(drivers=[Gpu(hangs=True)])
def recovers(k: rf.Kernel, gpu: Gpu) -> None:
    """The hardware hangs; the timeout resets it and signals with an error."""

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)
        t.dma_fence_wait(gpu.fence, False)


@rf.scenario(drivers=[Gpu(hangs=True, has_timeout=False)])
def never_signals(k: rf.Kernel, gpu: Gpu) -> None:
    """The hardware hangs, and nobody looks after it."""

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)


@rf.scenario(drivers=[Gpu(hangs=True, has_timeout=False)])
def waits_for_ever(k: rf.Kernel, gpu: Gpu) -> None:
    """The same with somebody who waits."""

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)
        t.dma_fence_wait(gpu.fence, False)


@rf.scenario(drivers=[Gpu(hangs=True, resets_slowly=True)])
def signals_late(k: rf.Kernel, gpu: Gpu) -> None:
    """Recovery takes longer than anybody has patience."""

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)


@rf.scenario(drivers=[Gpu(wakes_idle_waiters=False)])
def forgets_to_wake(k: rf.Kernel, gpu: Gpu) -> None:
    """The condition comes true, but nobody tells whoever sleeps on it."""

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)
        t.wait_event(gpu.idle, gpu.done, 1)


def submits(k: rf.Kernel, gpu: Gpu) -> None:
    """Only the driver's own side; others wait for the fence."""

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)


submits_well = rf.scenario(drivers=[Gpu(hangs=True)], environment=rf.contract(), name="submits_well")(submits)
others_wait = rf.scenario(
    drivers=[Gpu(hangs=True, has_timeout=False)], environment=rf.contract(), name="others_wait"
)(submits)
