"""amdkfd: three threads, a reservation, an eviction fence and mmap_lock.

Fixed by ec6abe831a84. TTM holds the reservation of a buffer and waits for its eviction fence. The restore
worker holds mmap_lock and wants the reservation. The eviction worker, which signals the fence, wants
mmap_lock.
"""

import ringfence as rf


class Amdkfd(rf.Driver):
    evict_takes_mmap_lock = True

    def setup(self, k: rf.Kernel) -> None:
        self.mm = k.mm("process")
        self.bo = k.dma_resv("bo")
        self.eviction = k.dma_fence("eviction", timeline=k.timeline("process", lock=k.spinlock("kfd->lock")))
        self.evict_work = k.work("evict_process_worker", self.evict_process)
        self.restore_work = k.work("svm_restore_work", self.svm_restore)

    def evict_process(self, t: rf.Recorder) -> None:
        """Stops the queues of the process; then its memory may be moved."""
        with t.dma_fence_signalling():
            if self.evict_takes_mmap_lock:
                with t.mmap_read_lock(self.mm):
                    pass
            t.dma_fence_signal(self.eviction)

    def svm_restore(self, t: rf.Recorder) -> None:
        with t.mmap_write_lock(self.mm), t.dma_resv_lock(self.bo):
            pass


def moves(k: rf.Kernel, kfd: Amdkfd) -> None:
    @k.thread("ttm")
    def ttm(t: rf.Recorder) -> None:
        with t.dma_resv_lock(kfd.bo):
            t.dma_fence_publish(kfd.eviction)
            t.schedule_work(kfd.evict_work)
            t.dma_fence_wait(kfd.eviction, False)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.schedule_work(kfd.restore_work)


buggy = rf.scenario(drivers=[Amdkfd], name="buggy")(moves)
fixed = rf.scenario(drivers=[Amdkfd(evict_takes_mmap_lock=False)], name="fixed")(moves)
