"""msm: the hang recovery allocates its crash dump under the lock that running a job takes.

Fixed by 4625fe5bbdac. Reclaim waits for the jobs of other rings, and those can't run while recovery holds
gpu->lock.
"""

import ringfence as rf


class Msm(rf.Driver):
    dumps_under_lock = True

    def setup(self, k: rf.Kernel) -> None:
        self.lock = k.mutex("gpu->lock")
        ring = k.timeline("gpu-ring-1", lock=k.spinlock("ring->lock"))
        self.job = k.dma_fence("job", timeline=ring)
        self.bo = k.dma_resv("bo")
        self.sched = k.kthread_worker("drm_sched")
        self.sched_work = k.kthread_work("job_run", self.job_run)
        self.worker = k.kthread_worker("gpu-worker")
        self.recover_work = k.kthread_work("recover_worker", self.recover)
        k.shrinker("msm", 1, self.scan)

    def crash_dump(self, t: rf.Recorder) -> None:
        t.kfree(t.kmalloc(rf.GFP_KERNEL))

    def recover(self, t: rf.Recorder) -> None:
        with t.mutex_lock(self.lock):
            if self.dumps_under_lock:
                self.crash_dump(t)
        if not self.dumps_under_lock:
            self.crash_dump(t)

    def job_run(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            with t.mutex_lock(self.lock):
                pass
            t.dma_fence_signal(self.job)

    def scan(self, t: rf.Recorder, nr_to_scan: rf.Int) -> int:
        """msm_gem_shrinker_scan(): waits for buffers in use."""
        with t.dma_resv_trylock(self.bo):
            t.dma_resv_wait_timeout(self.bo, rf.BOOKKEEP, False, rf.MAX_SCHEDULE_TIMEOUT)
        return 1


def hangs_while_others_run(k: rf.Kernel, msm: Msm) -> None:
    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        with t.dma_resv_lock(msm.bo):
            t.dma_resv_reserve_fences(msm.bo, 1)
            t.dma_resv_add_fence(msm.bo, msm.job, rf.WRITE)
        t.kthread_queue_work(msm.sched, msm.sched_work)

    @k.irq("hang")
    def hang(t: rf.Recorder) -> None:
        t.kthread_queue_work(msm.worker, msm.recover_work)

    @k.thread("gpu")
    def gpu(t: rf.Recorder) -> None:
        t.raise_irq(hang)


PRESSURE = rf.quiet(memory_pressure=True)

buggy = rf.scenario(drivers=[Msm], environment=PRESSURE, name="buggy")(hangs_while_others_run)
fixed = rf.scenario(drivers=[Msm(dumps_under_lock=False)], environment=PRESSURE, name="fixed")(
    hangs_while_others_run
)
