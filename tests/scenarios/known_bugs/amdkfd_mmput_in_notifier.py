"""amdkfd: the notifier drops what may be the last reference to the address space it is called for.

Fixed by a29e067bd389 for fa582c6f3684: the last mmput() takes the address space apart, the driver removes its
notifiers, and that waits until none of them runs, this one included. The fix leaves the mmput() to a worker.
"""

import ringfence as rf


class Amdkfd(rf.Driver):
    puts_in_notifier = True

    def setup(self, k: rf.Kernel) -> None:
        self.mm = k.mm("process")
        self.svm_range = k.user_range("svm_range", self.mm)
        self.notifier = k.mmu_interval_notifier("svm_notifier", self.svm_range, self.invalidate)
        k.mmu_notifier("kfd_process_notifier", self.mm, release=self.notifier_release)
        self.put_work = k.work("mmput_async", self.mmput_async_fn)

    def mmput_async_fn(self, t: rf.Recorder) -> None:
        t.mmput(self.mm)

    def notifier_release(self, t: rf.Recorder) -> None:
        """kfd_process_notifier_release(): the process is gone, and with it its ranges."""
        t.mmu_interval_notifier_remove(self.notifier)

    def invalidate(self, t: rf.Recorder, blockable: rf.Int, seq: rf.Seqno) -> int:
        """svm_range_cpu_invalidate_pagetables(): takes a reference for as long as it works."""
        t.mmu_interval_set_seq(self.notifier, seq)
        with t.if_(t.mmget_not_zero(self.mm)):
            if self.puts_in_notifier:
                t.mmput(self.mm)
            else:
                t.schedule_work(self.put_work)
        return 1


def exits_while_reclaimed(k: rf.Kernel, kfd: Amdkfd) -> None:
    """The process exits while somebody else invalidates its memory."""

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.mmput(kfd.mm)

    @k.thread("migrate")
    def migrate(t: rf.Recorder) -> None:
        with t.mmu_notifier_invalidate_range_start(kfd.svm_range):
            pass


buggy = rf.scenario(drivers=[Amdkfd], name="buggy")(exits_while_reclaimed)
fixed = rf.scenario(drivers=[Amdkfd(puts_in_notifier=False)], name="fixed")(exits_while_reclaimed)
