"""msm: four links from running a job to reclaim, through runtime power management and the clocks.

Patch 20230822180208.95556-9: running a job takes gmu->lock, under which clocks are enabled with
prepare_lock, under which clock drivers allocate; reclaim waits for jobs. No two of the three know of each
other.
"""

import ringfence as rf


class Clocks(rf.Driver):
    def setup(self, k: rf.Kernel) -> None:
        self.prepare_lock = k.mutex("prepare_lock")

    def clk_prepare(self, t: rf.Recorder) -> None:
        with t.mutex_lock(self.prepare_lock):
            t.cond_resched()

    def clk_register(self, t: rf.Recorder) -> None:
        with t.mutex_lock(self.prepare_lock):
            t.kfree(t.kzalloc(rf.GFP_KERNEL))


class Msm(rf.Driver):
    enables_clocks_under_gmu_lock = True
    clocks: Clocks

    def setup(self, k: rf.Kernel) -> None:
        self.gmu_lock = k.mutex("gmu->lock")
        ring = k.timeline("gpu-ring-0", lock=k.spinlock("ring->lock"))
        self.job = k.dma_fence("job", timeline=ring)
        self.sched_work = k.work("job_run", self.job_run)

    def resume(self, t: rf.Recorder) -> None:
        """a6xx_pm_resume()."""
        if not self.enables_clocks_under_gmu_lock:
            self.clocks.clk_prepare(t)
        with t.mutex_lock(self.gmu_lock):
            if self.enables_clocks_under_gmu_lock:
                self.clocks.clk_prepare(t)

    def job_run(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            with t.mutex_lock(self.gmu_lock):
                pass
            t.dma_fence_signal(self.job)


def three_corners(k: rf.Kernel, clocks: Clocks, msm: Msm) -> None:
    msm.clocks = clocks

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        t.dma_fence_publish(msm.job)
        t.schedule_work(msm.sched_work)

    @k.thread("resume")
    def resume(t: rf.Recorder) -> None:
        msm.resume(t)

    @k.thread("probe")
    def probe(t: rf.Recorder) -> None:
        clocks.clk_register(t)


buggy = rf.scenario(drivers=[Clocks, Msm], environment=rf.contract(), name="buggy")(three_corners)
fixed = rf.scenario(
    drivers=[Clocks, Msm(enables_clocks_under_gmu_lock=False)], environment=rf.contract(), name="fixed"
)(three_corners)
