"""Clause: fences are waited for under the dma_resv lock, and so under all that it is taken in.

The order is mmap_lock, ww_acquire_ctx, dma_resv lock, reclaim; a fence may be waited for inside each.
Whoever has to signal therefore takes none of them, and touches no user memory, which takes mmap_lock.
"""

import ringfence as rf


class Gpu(rf.Driver):
    """Finishes jobs in a worker, after some bookkeeping that needs no lock of others."""

    def setup(self, k: rf.Kernel) -> None:
        self.lock = k.mutex("gpu->lock")
        self.mm = k.mm("client")
        self.result = k.user_range("result", self.mm)
        self.bo = k.dma_resv("bo")
        ring = k.timeline("ring0", lock=k.spinlock("ring0->lock"))
        self.done = k.dma_fence("done", timeline=ring)
        self.work = k.work("done_work", self.finish_job)

    def submit(self, t: rf.Recorder) -> None:
        with t.dma_resv_lock(self.bo):
            t.dma_resv_reserve_fences(self.bo, 1)
            t.dma_resv_add_fence(self.bo, self.done, rf.WRITE)
        t.schedule_work(self.work)

    def finish_job(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            self.account(t)
            t.dma_fence_signal(self.done)

    def account(self, t: rf.Recorder) -> None:
        with t.mutex_lock(self.lock):
            pass


class TakesResv(Gpu):
    def account(self, t: rf.Recorder) -> None:
        with t.dma_resv_lock(self.bo):
            pass


class TakesResvWithCtx(Gpu):
    def account(self, t: rf.Recorder) -> None:
        with t.ww_acquire() as ctx, t.dma_resv_lock(self.bo, ctx):
            pass


class BeginsCtx(Gpu):
    def account(self, t: rf.Recorder) -> None:
        with t.ww_acquire():
            pass


class TriesResv(Gpu):
    """Fine: it does not wait for the lock."""

    def account(self, t: rf.Recorder) -> None:
        with t.dma_resv_trylock(self.bo):
            pass


class TakesMmapLock(Gpu):
    def account(self, t: rf.Recorder) -> None:
        with t.mmap_read_lock(self.mm):
            pass


class Faults(Gpu):
    def account(self, t: rf.Recorder) -> None:
        t.copy_to_user(self.result)


def waits_under_resv(k: rf.Kernel, gpu: Gpu) -> None:
    """Somebody else waits for the job with the reservation locked."""

    @k.thread("client", mm=gpu.mm)
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)

    @k.thread("evict")
    def evict(t: rf.Recorder) -> None:
        with t.dma_resv_lock(gpu.bo):
            t.dma_resv_wait_timeout(gpu.bo, rf.BOOKKEEP, False, rf.MAX_SCHEDULE_TIMEOUT)


def waits_under_mmap_lock(k: rf.Kernel, gpu: Gpu) -> None:
    """The client faults in a mapping of the buffer, which waits for the job under mmap_lock."""

    @k.thread("client", mm=gpu.mm)
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)
        with t.mmap_write_lock(gpu.mm):
            t.dma_fence_wait(gpu.done, False)


def submits(k: rf.Kernel, gpu: Gpu) -> None:
    """Only the driver's own side; others wait for the fence."""

    @k.thread("client", mm=gpu.mm)
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)


quiet_lock = rf.scenario(drivers=[Gpu], name="quiet_lock")(waits_under_resv)
quiet_trylock = rf.scenario(drivers=[TriesResv], name="quiet_trylock")(waits_under_resv)
resv = rf.scenario(drivers=[TakesResv], name="resv")(waits_under_resv)
resv_ctx = rf.scenario(drivers=[TakesResvWithCtx], name="resv_ctx")(waits_under_resv)
ww_ctx = rf.scenario(drivers=[BeginsCtx], name="ww_ctx")(waits_under_resv)
mmap_lock = rf.scenario(drivers=[TakesMmapLock], name="mmap_lock")(waits_under_mmap_lock)
page_fault = rf.scenario(drivers=[Faults], environment=rf.quiet(user_memory=True), name="page_fault")(
    waits_under_mmap_lock
)

contract_lock = rf.scenario(drivers=[Gpu], environment=rf.contract(), name="contract_lock")(submits)
contract_trylock = rf.scenario(drivers=[TriesResv], environment=rf.contract(), name="contract_trylock")(
    submits
)
contract_resv = rf.scenario(drivers=[TakesResv], environment=rf.contract(), name="contract_resv")(submits)
contract_resv_ctx = rf.scenario(
    drivers=[TakesResvWithCtx], environment=rf.contract(), name="contract_resv_ctx"
)(submits)
contract_mmap_lock = rf.scenario(
    drivers=[TakesMmapLock], environment=rf.contract(), name="contract_mmap_lock"
)(submits)
contract_page_fault = rf.scenario(drivers=[Faults], environment=rf.contract(), name="contract_page_fault")(
    submits
)
