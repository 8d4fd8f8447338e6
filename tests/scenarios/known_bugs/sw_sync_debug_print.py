"""sw_sync: printing for debugfs switches interrupts on inside a section that had them off.

Fixed by b79491896151, after a6aa8fca4d79: the printing function took its lock with spin_lock_irq(), and was
called with another lock held that an interrupt takes.
"""

import ringfence as rf


class SwSync(rf.Driver):
    saves_flags = False

    def setup(self, k: rf.Kernel) -> None:
        self.file_lock = k.spinlock("sync_file_list_lock")
        self.timeline_lock = k.spinlock("obj->lock")
        self.irq = k.irq("consumer", self.interrupt)

    def interrupt(self, t: rf.Recorder) -> None:
        with t.spin_lock(self.file_lock):
            pass

    def print_obj(self, t: rf.Recorder) -> None:
        """sync_print_obj()."""
        if self.saves_flags:
            with t.spin_lock_irqsave(self.timeline_lock):
                pass
        else:
            with t.spin_lock_irq(self.timeline_lock):
                pass

    def debugfs_show(self, t: rf.Recorder) -> None:
        with t.spin_lock_irqsave(self.file_lock):
            self.print_obj(t)


def reads_debugfs(k: rf.Kernel, sync: SwSync) -> None:
    @k.thread("cat")
    def cat(t: rf.Recorder) -> None:
        sync.debugfs_show(t)

    @k.thread("device")
    def device(t: rf.Recorder) -> None:
        t.raise_irq(sync.irq)


buggy = rf.scenario(drivers=[SwSync], name="buggy")(reads_debugfs)
fixed = rf.scenario(drivers=[SwSync(saves_flags=True)], name="fixed")(reads_debugfs)
