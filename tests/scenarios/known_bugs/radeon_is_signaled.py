"""radeon: asking whether a fence is signaled processes the fence queue, whose lock the caller holds.

Fixed by 9eb00b5f5697 (drm/amd issue 4641): the lock of the fences is that of the wait queue. The interrupt
handler wakes the queue under it, and a callback on it asked for the state of another fence, which took it
again.
"""

import ringfence as rf


class Radeon(rf.Driver):
    asks_the_hardware = True

    def setup(self, k: rf.Kernel) -> None:
        self.queue_lock = k.spinlock("rdev->fence_queue.lock")
        ops = k.dma_fence_ops("radeon_fence_ops", signaled=self.is_signaled)
        ring = k.timeline("gfx", lock=self.queue_lock, ops=ops)
        self.first = k.dma_fence("first", timeline=ring)
        self.second = k.dma_fence("second", timeline=ring)

    def is_signaled(self, t: rf.Recorder, fence: rf.DmaFence) -> rf.Int:
        """radeon_fence_is_signaled()."""
        if self.asks_the_hardware:
            with t.spin_lock_irqsave(self.queue_lock):
                t.udelay(1)
        return t.hw_is_done(fence)

    def process(self, t: rf.Recorder) -> None:
        """radeon_fence_process(): signals what is done, and looks at what is next, with the lock held."""
        with t.spin_lock_irqsave(self.queue_lock):
            t.dma_fence_signal_locked(self.first)
            t.dma_fence_is_signaled_locked(self.second)


def renders(k: rf.Kernel, gpu: Radeon) -> None:
    @k.irq("radeon")
    def interrupt(t: rf.Recorder) -> None:
        gpu.process(t)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.hw_done(gpu.first)
        t.raise_irq(interrupt)


buggy = rf.scenario(drivers=[Radeon], name="buggy")(renders)
fixed = rf.scenario(drivers=[Radeon(asks_the_hardware=False)], name="fixed")(renders)
