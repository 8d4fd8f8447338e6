"""vmwgfx: the last reference to a fence is dropped under the lock that its release takes.

Fixed by e58337100721: polling a dma-buf walked the list of fences with fman->lock held.
"""

import ringfence as rf


class Vmwgfx(rf.Driver):
    puts_under_lock = True

    def setup(self, k: rf.Kernel) -> None:
        self.lock = k.spinlock("fman->lock")
        ops = k.dma_fence_ops("vmw_fence_ops", release=self.release)
        self.device = k.timeline("device", lock=k.spinlock("fence->lock"), ops=ops)

    def release(self, t: rf.Recorder, fence: rf.DmaFence) -> None:
        """vmw_fence_obj_destroy(): off the list of the fence manager."""
        with t.spin_lock_irqsave(self.lock):
            pass

    def update(self, t: rf.Recorder, fence: rf.DmaFence) -> None:
        """vmw_fences_update(): signals what has passed, and forgets it."""
        with t.spin_lock_irqsave(self.lock):
            t.dma_fence_signal(fence)
            if self.puts_under_lock:
                t.dma_fence_put(fence)
        if not self.puts_under_lock:
            t.dma_fence_put(fence)


def polls(k: rf.Kernel, gpu: Vmwgfx) -> None:
    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        fence = t.dma_fence_init(gpu.device)
        gpu.update(t, fence)


buggy = rf.scenario(drivers=[Vmwgfx], name="buggy")(polls)
fixed = rf.scenario(drivers=[Vmwgfx(puts_under_lock=False)], name="fixed")(polls)
