"""etnaviv: submit waits for a free event with the lock held that recovery, which frees events, needs.

Fixed by d9853490176c, when the driver had no scheduler yet. While the GPU runs, the interrupt frees events.
When it hangs, only recovery does.
"""

import ringfence as rf


class Etnaviv(rf.Driver):
    waits_under_lock = True

    def setup(self, k: rf.Kernel) -> None:
        self.lock = k.mutex("gpu->lock")
        self.event_free = k.completion("gpu->event_free")
        self.fences = k.timeline("gpu", lock=k.spinlock("gpu->fence_spinlock"))
        self.ring = k.ring("gpu", k.engine("gpu", irq=k.irq("gpu")))
        self.recover_work = k.delayed_work("recover_work", self.recover)

    def event_alloc(self, t: rf.Recorder) -> None:
        t.wait_for_completion(self.event_free)

    def submit(self, t: rf.Recorder, job: rf.GpuJob) -> None:
        """etnaviv_gpu_submit()."""
        if not self.waits_under_lock:
            self.event_alloc(t)
        with t.mutex_lock(self.lock):
            if self.waits_under_lock:
                self.event_alloc(t)
            fence = t.dma_fence_init(self.fences)
            t.dma_fence_publish(fence)
            t.ring_emit(self.ring, job, fence)
            t.schedule_delayed_work(self.recover_work, rf.s(1))

    def irq(self, t: rf.Recorder) -> None:
        """irq_handler()."""
        with t.loop():
            fence = t.ring_completed(self.ring)
            with t.if_(fence.is_null):
                t.break_()
            t.dma_fence_signal(fence)
            t.complete(self.event_free)

    def recover(self, t: rf.Recorder) -> None:
        """recover_worker()."""
        with t.dma_fence_signalling(), t.mutex_lock(self.lock):
            fence = t.ring_head(self.ring)
            with t.if_(fence):
                t.gpu_reset(self.ring)
                t.dma_fence_set_error(fence, -rf.ETIME)
                t.dma_fence_signal(fence)
                t.complete(self.event_free)


def submits_while_hung(k: rf.Kernel, gpu: Etnaviv) -> None:
    hangs, draw = k.gpu_job("hangs", hang="infinite"), k.gpu_job("draw", run_time=rf.us(50))

    @k.thread("probe")
    def probe(t: rf.Recorder) -> None:
        """There is one event."""
        t.complete(gpu.event_free)

    @k.thread("first")
    def first(t: rf.Recorder) -> None:
        gpu.submit(t, hangs)

    @k.thread("second")
    def second(t: rf.Recorder) -> None:
        gpu.submit(t, draw)


buggy = rf.scenario(drivers=[Etnaviv], name="buggy")(submits_while_hung)
fixed = rf.scenario(drivers=[Etnaviv(waits_under_lock=False)], name="fixed")(submits_while_hung)
