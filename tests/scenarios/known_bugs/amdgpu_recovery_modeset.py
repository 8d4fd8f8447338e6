"""amdgpu: recovering a hung GPU takes the modeset locks, which commits hold while they wait for its jobs.

From the list of the RFC series that annotated the drivers (2020): the hang handler suspends the display,
and with that takes all ww_mutexes of the mode configuration.
"""

import ringfence as rf


class Amdgpu(rf.Driver):
    suspends_display = True

    def setup(self, k: rf.Kernel) -> None:
        self.crtc_ww_class = k.ww_class("crtc_ww_class")
        self.crtc = k.ww_mutex("crtc->mutex", self.crtc_ww_class)
        ring = k.timeline("gfx", lock=k.spinlock("ring->lock"))
        self.job = k.dma_fence("job", timeline=ring)
        self.tdr_work = k.delayed_work("tdr_work", self.timedout_job)

    def submit(self, t: rf.Recorder) -> None:
        """The job hangs: only the timeout ends it."""
        with t.dma_fence_signalling():
            t.dma_fence_publish(self.job)
            t.schedule_delayed_work(self.tdr_work, rf.s(5))

    def timedout_job(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            if self.suspends_display:
                with t.ww_acquire(self.crtc_ww_class) as ctx, t.ww_mutex_lock(self.crtc, ctx):
                    pass
            t.dma_fence_set_error(self.job, -rf.ETIME)
            t.dma_fence_signal(self.job)


def hangs_during_commit(k: rf.Kernel, gpu: Amdgpu) -> None:
    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)

    @k.thread("commit")
    def commit(t: rf.Recorder) -> None:
        with t.ww_acquire(gpu.crtc_ww_class) as ctx, t.ww_mutex_lock(gpu.crtc, ctx):
            t.dma_fence_wait(gpu.job, False)


buggy = rf.scenario(drivers=[Amdgpu], name="buggy")(hangs_during_commit)
fixed = rf.scenario(drivers=[Amdgpu(suspends_display=False)], name="fixed")(hangs_during_commit)
