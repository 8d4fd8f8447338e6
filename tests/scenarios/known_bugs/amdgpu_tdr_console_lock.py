"""amdgpu: the timeout handler takes console_lock, under which the console allocates memory.

Annotated in 2020, and reverted (565d19415577) for that: the handler suspends the framebuffer console, which
takes console_lock. Others hold it over a GFP_KERNEL allocation, whose reclaim may wait for the job that
hangs.
"""

import ringfence as rf


class Fbcon(rf.Driver):
    def setup(self, k: rf.Kernel) -> None:
        self.console_lock = k.mutex("console_lock")

    def resize(self, t: rf.Recorder) -> None:
        """vc_do_resize()."""
        with t.mutex_lock(self.console_lock):
            t.kfree(t.kzalloc(rf.GFP_KERNEL))

    def set_suspend(self, t: rf.Recorder) -> None:
        """drm_fb_helper_set_suspend_unlocked()."""
        with t.mutex_lock(self.console_lock):
            t.cond_resched()


class Amdgpu(rf.Driver):
    suspends_console = True
    fbcon: Fbcon

    def setup(self, k: rf.Kernel) -> None:
        self.gfx = k.ring("gfx")
        self.sched = k.drm_sched("gfx", ring=self.gfx, timeout=rf.s(5))
        self.shared = k.dma_resv("shared")

    def submit(self, t: rf.Recorder, entity: rf.DrmSchedEntity, work: rf.GpuJob) -> None:
        job = t.drm_sched_job(entity, work)
        with t.dma_resv_lock(self.shared):
            t.dma_resv_reserve_fences(self.shared, 1)
            t.drm_sched_job_arm(job)
            t.dma_resv_add_fence(self.shared, job.finished, rf.BOOKKEEP)
            t.drm_sched_entity_push_job(job)

    def timedout_job(self, t: rf.Recorder, job: rf.DrmSchedJob) -> None:
        """amdgpu_job_timedout() and amdgpu_device_gpu_recover()."""
        t.drm_sched_stop(self.sched, job)
        if self.suspends_console:
            self.fbcon.set_suspend(t)
        t.gpu_reset(self.gfx)
        t.drm_sched_start(self.sched, -rf.ETIME)


def hangs_during_resize(k: rf.Kernel, fbcon: Fbcon, gpu: Amdgpu) -> None:
    gpu.fbcon = fbcon
    entity = k.drm_sched_entity("client", gpu.sched)
    hangs = k.gpu_job("draw", hang="infinite")

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t, entity, hangs)

    @k.thread("console")
    def console(t: rf.Recorder) -> None:
        fbcon.resize(t)


PRESSURE = rf.quiet(memory_pressure=True, foreign_shrinker=True)

buggy = rf.scenario(drivers=[Fbcon, Amdgpu], environment=PRESSURE, name="buggy")(hangs_during_resize)
fixed = rf.scenario(drivers=[Fbcon, Amdgpu(suspends_console=False)], environment=PRESSURE, name="fixed")(
    hangs_during_resize
)
