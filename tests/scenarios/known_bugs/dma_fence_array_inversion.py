"""dma-fence-array: its lock is taken outside those of its members, and inside.

Fixed by 03e4e0a9e02c: enabling signalling adds callbacks to the members under the array's lock, and the
callbacks, under a member's lock, signalled the array. Now they leave that to an irq_work.
"""

import ringfence as rf


class FenceArray(rf.Driver):
    """An array that signals with the first of two fences; they are of one timeline, and share its lock."""

    defers = False

    def setup(self, k: rf.Kernel) -> None:
        ring = k.timeline("ring0", lock=k.spinlock("member->lock"))
        self.members = [k.dma_fence(f"member{i}", timeline=ring) for i in range(2)]
        self.callbacks = [k.dma_fence_cb(f"array_cb{i}", self.member_signaled) for i in range(2)]
        self.pending = k.cell("array->num_pending", 1)
        ops = k.dma_fence_ops("dma_fence_array_ops", enable_signaling=self.enable_signaling)
        arrays = k.timeline("array", lock=k.spinlock("array->lock"), ops=ops)
        self.array = k.dma_fence("array", timeline=arrays)
        self.work = k.irq_work("array->work", self.irq_array_work)

    def enable_signaling(self, t: rf.Recorder, fence: rf.DmaFence) -> int:
        """Called with the array's lock held."""
        for member, callback in zip(self.members, self.callbacks, strict=True):
            signaled = t.dma_fence_add_callback(member, callback)
            with t.if_(signaled), t.if_(t.atomic_add_return(self.pending, -1) == 0):
                t.return_(0)
        return 1

    def member_signaled(self, t: rf.Recorder, fence: rf.DmaFence) -> None:
        """Called with a member's lock held."""
        with t.if_(t.atomic_add_return(self.pending, -1) == 0):
            if self.defers:
                t.irq_work_queue(self.work)
            else:
                t.dma_fence_signal(self.array)

    def irq_array_work(self, t: rf.Recorder) -> None:
        t.dma_fence_signal(self.array)


def waits_and_signals(k: rf.Kernel, array: FenceArray) -> None:
    @k.thread("waiter")
    def waiter(t: rf.Recorder) -> None:
        t.dma_fence_wait(array.array, False)

    @k.thread("driver")
    def driver(t: rf.Recorder) -> None:
        for member in array.members:
            t.dma_fence_signal(member)


buggy = rf.scenario(drivers=[FenceArray], name="buggy")(waits_and_signals)
fixed = rf.scenario(drivers=[FenceArray(defers=True)], name="fixed")(waits_and_signals)
