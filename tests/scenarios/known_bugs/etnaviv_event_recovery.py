"""etnaviv: submit waits for a free event with the lock held that recovery, which frees events, needs.

Fixed by d9853490176c. While the GPU runs, the interrupt frees events. When it hangs, only recovery does.
"""

import ringfence as rf


class Etnaviv(rf.Driver):
    waits_under_lock = True

    def setup(self, k: rf.Kernel) -> None:
        self.lock = k.mutex("gpu->lock")
        self.event_free = k.completion("gpu->event_free")
        ring = k.timeline("gpu", lock=k.spinlock("gpu->fence_spinlock"))
        self.hung_job = k.dma_fence("hung_job", timeline=ring)
        self.recover_work = k.delayed_work("recover_work", self.recover)

    def submit_hanging(self, t: rf.Recorder) -> None:
        """Takes the only event, and hangs."""
        with t.dma_fence_signalling():
            t.dma_fence_publish(self.hung_job)
            t.schedule_delayed_work(self.recover_work, rf.s(1))

    def submit(self, t: rf.Recorder) -> None:
        if not self.waits_under_lock:
            t.wait_for_completion(self.event_free)
        with t.mutex_lock(self.lock):
            if self.waits_under_lock:
                t.wait_for_completion(self.event_free)

    def recover(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            with t.mutex_lock(self.lock):
                t.complete(self.event_free)
            t.dma_fence_set_error(self.hung_job, -rf.ETIME)
            t.dma_fence_signal(self.hung_job)


def submits_while_hung(k: rf.Kernel, gpu: Etnaviv) -> None:
    @k.thread("first")
    def first(t: rf.Recorder) -> None:
        gpu.submit_hanging(t)

    @k.thread("second")
    def second(t: rf.Recorder) -> None:
        gpu.submit(t)


buggy = rf.scenario(drivers=[Etnaviv], name="buggy")(submits_while_hung)
fixed = rf.scenario(drivers=[Etnaviv(waits_under_lock=False)], name="fixed")(submits_while_hung)
