"""nouveau: a fence that somebody's question has signaled stays on the list, and then gets an error.

Fixed by bbe5679f30d7. Asked whether a fence is signaled, nouveau reads from the channel how far it is, and
dma_fence_is_signaled() signals the fence. The list of pending fences does not learn of it. When the channel
is killed, everything on the list gets an error: also what others have seen to be done.
"""

import ringfence as rf


class Nouveau(rf.Driver):
    asks_first = False

    def setup(self, k: rf.Kernel) -> None:
        self.lock = k.spinlock("fctx->lock")
        ops = k.dma_fence_ops("nouveau_fence_ops", signaled=self.is_signaled)
        self.fctx = k.timeline("channel", lock=self.lock, ops=ops)
        self.channel = k.ring("channel", k.engine("channel", irq=k.irq("channel")))
        self.kill_work = k.work("kill", self.context_kill)

    def is_signaled(self, t: rf.Recorder, fence: rf.DmaFence) -> rf.Int:
        """nouveau_fence_is_signaled()."""
        return t.hw_is_done(fence)

    def pushbuf(self, t: rf.Recorder, bo: rf.DmaResv, work: rf.GpuJob) -> None:
        """nouveau_gem_ioctl_pushbuf()."""
        with t.dma_resv_lock(bo):
            t.dma_resv_reserve_fences(bo, 1)
            fence = t.dma_fence_init(self.fctx)
            t.dma_resv_add_fence(bo, fence, rf.WRITE)
            # The channel keeps one reference, as long as the fence is on its list.
            t.ring_emit(self.channel, work, fence)

    def irq(self, t: rf.Recorder) -> None:
        """nouveau_fence_update()."""
        with t.spin_lock_irqsave(self.lock), t.loop():
            fence = t.ring_completed(self.channel)
            with t.if_(fence.is_null):
                t.break_()
            t.dma_fence_signal_locked(fence)

    def context_kill(self, t: rf.Recorder) -> None:
        """nouveau_fence_context_kill()."""
        with t.spin_lock_irqsave(self.lock), t.loop():
            fence = t.ring_completed(self.channel)
            with t.if_(fence.is_null):
                t.break_()
            if self.asks_first:
                with t.if_(t.dma_fence_is_signaled_locked(fence)):
                    t.continue_()
            t.dma_fence_set_error(fence, -rf.ENODEV)
            t.dma_fence_signal_locked(fence)


def kills_after_a_poll(k: rf.Kernel, gpu: Nouveau) -> None:
    bo = k.dma_resv("bo")
    draw = k.gpu_job("draw", run_time=rf.us(50))

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.pushbuf(t, bo, draw)
        t.msleep(rf.us(50))
        t.dma_resv_test_signaled(bo, rf.WRITE)

    @k.thread("server")
    def server(t: rf.Recorder) -> None:
        """The GPU's firmware says that the channel is gone."""
        t.msleep(rf.us(50))
        t.schedule_work(gpu.kill_work)


buggy = rf.scenario(drivers=[Nouveau], name="buggy")(kills_after_a_poll)
fixed = rf.scenario(drivers=[Nouveau(asks_first=True)], name="fixed")(kills_after_a_poll)
