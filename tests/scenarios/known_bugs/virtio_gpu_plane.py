"""virtio-gpu: a fence is added to a reservation whose lock was not got.

Found by syzbot: the interruptible lock of a plane update was interrupted, and its result ignored. The fix
is an uninterruptible lock of a single buffer (backported to 6.12.117, virtgpu_plane.c).
"""

import ringfence as rf


class VirtioGpu(rf.Driver):
    interruptible = True

    def setup(self, k: rf.Kernel) -> None:
        self.bo = k.dma_resv("bo")
        vq = k.timeline("controlq", lock=k.spinlock("drv->lock"))
        self.flush = k.dma_fence("flush", timeline=vq)
        self.dequeue_work = k.work("dequeue_work", self.dequeue_ctrl)

    def resource_flush(self, t: rf.Recorder) -> None:
        """virtio_gpu_resource_flush()."""
        lock = t.dma_resv_lock_interruptible if self.interruptible else t.dma_resv_lock
        ret = lock(self.bo)
        with t.if_(ret == 0):
            t.dma_resv_reserve_fences(self.bo, 1)
        t.dma_resv_add_fence(self.bo, self.flush, rf.WRITE)
        t.dma_resv_unlock(self.bo)
        t.schedule_work(self.dequeue_work)

    def dequeue_ctrl(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            t.dma_fence_signal(self.flush)


def updates_plane(k: rf.Kernel, gpu: VirtioGpu) -> None:
    @k.thread("compositor")
    def compositor(t: rf.Recorder) -> None:
        gpu.resource_flush(t)

    @k.thread("renderer")
    def renderer(t: rf.Recorder) -> None:
        with t.dma_resv_lock(gpu.bo):
            pass


SIGNALS = rf.quiet(interrupts_waits=True)

buggy = rf.scenario(drivers=[VirtioGpu], environment=SIGNALS, name="buggy")(updates_plane)
fixed = rf.scenario(drivers=[VirtioGpu(interruptible=False)], environment=SIGNALS, name="fixed")(
    updates_plane
)
