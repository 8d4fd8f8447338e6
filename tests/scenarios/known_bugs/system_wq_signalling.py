"""dma-buf file I/O (v5 review): a fence is promised from a worker on system_wq.

The promised fence signals from an ordinary work. The queue has no rescuer: when memory is short, no worker
can be made for it, and those that exist may be busy, in reclaim, with waiting for that very fence. A queue
with WQ_MEM_RECLAIM has a rescuer.
"""

import ringfence as rf


class Exporter(rf.Driver):
    mem_reclaim = False

    def setup(self, k: rf.Kernel) -> None:
        self.bo = k.dma_resv("bo")
        io = k.timeline("file-io", lock=k.spinlock("io->lock"))
        self.moved = k.dma_fence("moved", timeline=io)
        self.wq = k.workqueue("dma_buf_io", mem_reclaim=self.mem_reclaim, max_active=2)
        self.io_work = k.work("io_work", self.io)
        self.other_work = k.work("other_work", self.other)
        k.shrinker("exporter", 1, self.scan)

    def io(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            t.dma_fence_signal(self.moved)

    def other(self, t: rf.Recorder) -> None:
        """Some other work of the queue allocates, as works do."""
        t.kfree(t.kmalloc(rf.GFP_KERNEL))

    def invalidate_mappings(self, t: rf.Recorder) -> None:
        with t.dma_resv_lock(self.bo):
            t.dma_resv_reserve_fences(self.bo, 1)
            t.dma_resv_add_fence(self.bo, self.moved, rf.KERNEL)
        t.queue_work(self.wq, self.io_work)

    def scan(self, t: rf.Recorder, nr_to_scan: rf.Int) -> int:
        with t.dma_resv_trylock(self.bo):
            t.dma_resv_wait_timeout(self.bo, rf.BOOKKEEP, False, rf.MAX_SCHEDULE_TIMEOUT)
        return 1


def moves(k: rf.Kernel, exporter: Exporter) -> None:
    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.queue_work(exporter.wq, exporter.other_work)
        exporter.invalidate_mappings(t)


PRESSURE = rf.quiet(memory_pressure=True)

buggy = rf.scenario(drivers=[Exporter], environment=PRESSURE, name="buggy")(moves)
fixed = rf.scenario(drivers=[Exporter(mem_reclaim=True)], environment=PRESSURE, name="fixed")(moves)
