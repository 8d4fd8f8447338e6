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
        self.gfx = k.ring("gfx")
        self.sched = k.drm_sched("gfx", ring=self.gfx, timeout=rf.s(5))

    def submit(self, t: rf.Recorder, entity: rf.DrmSchedEntity, work: rf.GpuJob, bo: rf.DmaResv) -> None:
        job = t.drm_sched_job(entity, work)
        with t.dma_resv_lock(bo):
            t.dma_resv_reserve_fences(bo, 1)
            t.drm_sched_job_arm(job)
            t.dma_resv_add_fence(bo, job.finished, rf.WRITE)
            t.drm_sched_entity_push_job(job)

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> None:
        """amdgpu_job_timedout() and amdgpu_device_gpu_recover()."""
        t.drm_sched_stop(self.sched, job)
        if self.suspends_display:
            with t.ww_acquire(self.crtc_ww_class) as ctx, t.ww_mutex_lock(self.crtc, ctx):
                pass
        t.gpu_reset(self.gfx)
        t.drm_sched_start(self.sched, -rf.ETIME)


def hangs_during_commit(k: rf.Kernel, gpu: Amdgpu) -> None:
    framebuffer = k.dma_resv("framebuffer")
    entity = k.drm_sched_entity("client", gpu.sched)
    hangs = k.gpu_job("draw", hang="infinite")

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t, entity, hangs, framebuffer)

    @k.thread("commit")
    def commit(t: rf.Recorder) -> None:
        """drm_atomic_helper_wait_for_fences(): not before what is drawn is there."""
        with t.ww_acquire(gpu.crtc_ww_class) as ctx, t.ww_mutex_lock(gpu.crtc, ctx):
            t.dma_resv_wait_timeout(framebuffer, rf.WRITE, False, rf.MAX_SCHEDULE_TIMEOUT)


buggy = rf.scenario(drivers=[Amdgpu], name="buggy")(hangs_during_commit)
fixed = rf.scenario(drivers=[Amdgpu(suspends_display=False)], name="fixed")(hangs_during_commit)
