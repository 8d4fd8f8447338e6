"""vgem: a fence's release waits for the fence's timer, and the last reference may go in a hard interrupt.

Fixed by 9dc3c78d21e1 for 407779848445: the timer becomes TIMER_IRQSAFE, which may be waited for there.
"""

import ringfence as rf


class Vgem(rf.Driver):
    irqsafe = False

    def setup(self, k: rf.Kernel) -> None:
        self.timer = k.timer("fence->timer", self.timeout, irqsafe=self.irqsafe)
        ops = k.dma_fence_ops("vgem_fence_ops", release=self.release)
        self.vgem = k.timeline("vgem", lock=k.spinlock("fence->lock"), ops=ops)
        self.armed = k.cell("armed")

    def timeout(self, t: rf.Recorder) -> None:
        """vgem_fence_timeout(): user space did not signal in time."""
        t.write_once(self.armed, 0)

    def release(self, t: rf.Recorder, fence: rf.DmaFence) -> None:
        """vgem_fence_release()."""
        t.timer_delete_sync(self.timer)


def last_reference_in_irq(k: rf.Kernel, vgem: Vgem) -> None:
    """Another driver drops its reference in an interrupt handler, and has the last one."""
    handed_over = k.dma_fence("handed_over", timeline=vgem.vgem)

    @k.irq("importer")
    def importer(t: rf.Recorder) -> None:
        t.dma_fence_put(handed_over)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.mod_timer(vgem.timer, rf.s(10))
        t.dma_fence_signal(handed_over)
        t.raise_irq(importer)


buggy = rf.scenario(drivers=[Vgem], name="buggy")(last_reference_in_irq)
fixed = rf.scenario(drivers=[Vgem(irqsafe=True)], name="fixed")(last_reference_in_irq)
