"""amdxdna: the notifier waits interruptibly, and ignores that it was interrupted.

xdna-driver pull request 1540: invalidate() returns as if the device was idle. The pages are freed, and the
device goes on using them.
"""

import ringfence as rf


class Amdxdna(rf.Driver):
    interruptible = True

    def setup(self, k: rf.Kernel) -> None:
        self.mm = k.mm("client")
        self.userptr = k.user_range("userptr", self.mm)
        self.bo = k.dma_resv("bo")
        self.lock = k.mutex("aie4->notifier_lock")
        self.job = k.dma_fence("job", timeline=k.timeline("aie4", lock=k.spinlock("aie4->fence_lock")))
        self.notifier = k.mmu_interval_notifier("aie4_notifier", self.userptr, self.invalidate)
        self.run = k.work("job_work", self.run_job)

    def invalidate(self, t: rf.Recorder, blockable: rf.Int, seq: rf.Seqno) -> int:
        with t.if_(t.not_(blockable)):
            t.return_(0)
        with t.mutex_lock(self.lock):
            t.mmu_interval_set_seq(self.notifier, seq)
        left = t.dma_resv_wait_timeout(self.bo, rf.BOOKKEEP, self.interruptible, rf.MAX_SCHEDULE_TIMEOUT)
        with t.if_(left > 0):
            t.gpu_unmap(self.userptr)
        return 1

    def submit(self, t: rf.Recorder) -> None:
        """As Documentation/mm/hmm.rst has it: look the pages up, then look whether they are still there."""
        with t.loop():
            seq = t.mmu_interval_read_begin(self.notifier)
            with t.mmap_read_lock(self.mm):
                ret = t.hmm_range_fault(self.notifier, seq)
            with t.if_(ret == -rf.EBUSY):
                t.continue_()
            with t.elif_(ret):
                t.return_(ret)
            with t.dma_resv_lock(self.bo):
                t.dma_resv_reserve_fences(self.bo, 1)
                with t.mutex_lock(self.lock):
                    with t.if_(t.mmu_interval_read_retry(self.notifier, seq)):
                        t.continue_()
                    t.gpu_map(self.userptr)
                    t.dma_resv_add_fence(self.bo, self.job, rf.BOOKKEEP)
            t.break_()
        t.schedule_work(self.run)

    def run_job(self, t: rf.Recorder) -> None:
        """The device at work."""
        with t.dma_fence_signalling():
            t.gpu_access(self.userptr)
            t.dma_fence_signal(self.job)


def frees_while_busy(k: rf.Kernel, npu: Amdxdna) -> None:
    @k.thread("client", mm=npu.mm)
    def client(t: rf.Recorder) -> None:
        npu.submit(t)

    @k.thread("free", mm=npu.mm)
    def free(t: rf.Recorder) -> None:
        t.munmap(npu.userptr)


SIGNALS = rf.quiet(interrupts_waits=True)

buggy = rf.scenario(drivers=[Amdxdna], environment=SIGNALS, name="buggy")(frees_while_busy)
fixed = rf.scenario(drivers=[Amdxdna(interruptible=False)], environment=SIGNALS, name="fixed")(
    frees_while_busy
)
