"""Clause: fences are waited for in shrinkers and notifiers, and so in every allocation that reclaims.

A shrinker runs inside GFP_KERNEL; an MMU notifier also inside GFP_NOFS and GFP_NOIO, since reclaim takes user
memory without entering a file system or starting I/O. Whoever has to signal allocates before the fence is
published, or with GFP_NOWAIT or GFP_ATOMIC, and handles failure.
"""

import ringfence as rf


class Gpu(rf.Driver):
    """Runs a job in a worker; the job needs some memory."""

    gfp: rf.Gfp | None = None
    """How the worker allocates; None: the memory was allocated before."""
    nofs_scope = False
    handles_failure = True

    def setup(self, k: rf.Kernel) -> None:
        self.bo = k.dma_resv("bo")
        ring = k.timeline("ring0", lock=k.spinlock("ring0->lock"))
        self.done = k.dma_fence("done", timeline=ring)
        self.work = k.work("job_work", self.run_job)

    def submit(self, t: rf.Recorder) -> None:
        if self.gfp is None:
            memory = t.kmalloc(rf.GFP_KERNEL)
            with t.if_(memory.failed):
                t.return_(-rf.ENOMEM)
            t.kfree(memory)
        with t.dma_resv_lock(self.bo):
            t.dma_resv_reserve_fences(self.bo, 1)
            t.dma_resv_add_fence(self.bo, self.done, rf.WRITE)
        t.schedule_work(self.work)

    def run_job(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            if self.gfp is not None and self.nofs_scope:
                with t.memalloc_nofs():
                    self.use_memory(t, self.gfp)
            elif self.gfp is not None:
                self.use_memory(t, self.gfp)
            t.dma_fence_signal(self.done)

    def use_memory(self, t: rf.Recorder, gfp: rf.Gfp) -> None:
        memory = t.kmalloc(gfp)
        if self.handles_failure:
            with t.if_(memory.failed):
                t.dma_fence_set_error(self.done, -rf.ENOMEM)
                t.dma_fence_signal(self.done)
                t.return_()
        t.use_memory(memory)
        t.kfree(memory)


class WithShrinker(Gpu):
    """Its shrinker waits for jobs, as TTM's and i915's do, and its notifier, as for userptr."""

    def setup(self, k: rf.Kernel) -> None:
        super().setup(k)
        self.shrinker = k.shrinker("gpu", 1, self.scan)

    def scan(self, t: rf.Recorder, nr_to_scan: rf.Int) -> int:
        with t.dma_resv_trylock(self.bo):
            t.dma_resv_wait_timeout(self.bo, rf.BOOKKEEP, False, rf.MAX_SCHEDULE_TIMEOUT)
        return 1


class WithNotifier(Gpu):
    """Buffers are user memory: when it goes, jobs are waited for."""

    def setup(self, k: rf.Kernel) -> None:
        super().setup(k)
        self.mm = k.mm("client")
        self.userptr = k.user_range("userptr", self.mm)
        k.mmu_notifier("userptr_notifier", self.mm, self.invalidate)

    def invalidate(self, t: rf.Recorder, blockable: rf.Int) -> int:
        with t.if_(t.not_(blockable)):
            t.return_(-rf.EAGAIN)
        t.dma_resv_wait_timeout(self.bo, rf.BOOKKEEP, False, rf.MAX_SCHEDULE_TIMEOUT)
        return 0


class WithIntervalNotifier(Gpu):
    """The same with a notifier of the range."""

    def setup(self, k: rf.Kernel) -> None:
        super().setup(k)
        self.mm = k.mm("client")
        self.userptr = k.user_range("userptr", self.mm)
        self.notifier = k.mmu_interval_notifier("userptr_notifier", self.userptr, self.invalidate)

    def invalidate(self, t: rf.Recorder, blockable: rf.Int, seq: rf.Seqno) -> int:
        with t.if_(t.not_(blockable)):
            t.return_(0)
        t.mmu_interval_set_seq(self.notifier, seq)
        t.dma_resv_wait_timeout(self.bo, rf.BOOKKEEP, False, rf.MAX_SCHEDULE_TIMEOUT)
        return 1


def submits(k: rf.Kernel, gpu: Gpu) -> None:
    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)


def _scenario(name: str, driver: Gpu, environment: rf.Environment) -> rf.Scenario:
    return rf.scenario(drivers=[driver], environment=environment, name=name)(submits)


PRESSURE = rf.quiet(memory_pressure=True, user_memory=True, allocation_failure=True)
"""Memory is short, but nobody else is there: the driver meets its own shrinker and notifier."""

shrinker_preallocated = _scenario("shrinker_preallocated", WithShrinker(), PRESSURE)
shrinker_nowait = _scenario("shrinker_nowait", WithShrinker(gfp=rf.GFP_NOWAIT), PRESSURE)
shrinker_kernel = _scenario("shrinker_kernel", WithShrinker(gfp=rf.GFP_KERNEL), PRESSURE)

notifier_preallocated = _scenario("notifier_preallocated", WithNotifier(), PRESSURE)
notifier_nofs = _scenario("notifier_nofs", WithNotifier(gfp=rf.GFP_NOFS), PRESSURE)
notifier_noio = _scenario("notifier_noio", WithNotifier(gfp=rf.GFP_NOIO), PRESSURE)
notifier_scope = _scenario("notifier_scope", WithNotifier(gfp=rf.GFP_KERNEL, nofs_scope=True), PRESSURE)

interval_preallocated = _scenario("interval_preallocated", WithIntervalNotifier(), PRESSURE)
interval_nofs = _scenario("interval_nofs", WithIntervalNotifier(gfp=rf.GFP_NOFS), PRESSURE)
interval_noio = _scenario("interval_noio", WithIntervalNotifier(gfp=rf.GFP_NOIO), PRESSURE)

atomic_handled = _scenario("atomic_handled", Gpu(gfp=rf.GFP_ATOMIC), PRESSURE)
atomic_unhandled = _scenario("atomic_unhandled", Gpu(gfp=rf.GFP_ATOMIC, handles_failure=False), PRESSURE)

contract_preallocated = _scenario("contract_preallocated", Gpu(), rf.contract())
contract_nowait = _scenario("contract_nowait", Gpu(gfp=rf.GFP_NOWAIT), rf.contract())
contract_atomic = _scenario("contract_atomic", Gpu(gfp=rf.GFP_ATOMIC), rf.contract())
contract_kernel = _scenario("contract_kernel", Gpu(gfp=rf.GFP_KERNEL), rf.contract())
contract_shrinker = _scenario(
    "contract_shrinker", Gpu(gfp=rf.GFP_KERNEL), rf.contract(foreign_notifier=False, user_memory=False)
)
contract_nofs = _scenario("contract_nofs", Gpu(gfp=rf.GFP_NOFS), rf.contract(foreign_shrinker=False))
contract_noio = _scenario("contract_noio", Gpu(gfp=rf.GFP_NOIO), rf.contract(foreign_shrinker=False))
contract_unhandled = _scenario(
    "contract_unhandled", Gpu(gfp=rf.GFP_ATOMIC, handles_failure=False), rf.contract()
)
