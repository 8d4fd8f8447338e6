"""msm: the hang recovery allocates its crash dump under the lock that running a job takes.

Fixed by 4625fe5bbdac. Reclaim waits for the jobs of other rings, and the scheduler can't hand those to the
GPU while recovery holds gpu->lock.
"""

from functools import partial

import ringfence as rf


class Msm(rf.Driver):
    dumps_under_lock = True

    def setup(self, k: rf.Kernel) -> None:
        self.lock = k.mutex("gpu->lock")
        self.irq = k.irq("gpu", self.retire)
        self.fences = k.timeline("gpu->fctx", lock=k.spinlock("fctx->spinlock"))
        self.rings = [k.ring(name, k.engine(name, irq=self.irq)) for name in ("gpu-ring-0", "gpu-ring-1")]
        # No timeout: the driver looks after its hardware itself.
        self.scheds = [
            k.drm_sched(ring.name, run_job=partial(self.run_on, ring), credit_limit=4) for ring in self.rings
        ]
        self.worker = k.kthread_worker("gpu-worker")
        self.recover_work = k.kthread_work("recover_worker", self.recover)
        self.hangcheck_timer = k.timer("hangcheck_timer", self.hangcheck)
        self.active_bo = k.dma_resv("bo")
        k.shrinker("msm", 1, self.scan)

    def submit(self, t: rf.Recorder, entity: rf.DrmSchedEntity, work: rf.GpuJob, bo: rf.DmaResv) -> None:
        """msm_ioctl_gem_submit()."""
        job = t.drm_sched_job(entity, work)
        with t.dma_resv_lock(bo):
            t.dma_resv_reserve_fences(bo, 1)
            t.drm_sched_job_arm(job)
            t.dma_resv_add_fence(bo, job.finished, rf.WRITE)
            t.drm_sched_entity_push_job(job)

    def run_on(self, ring: rf.Ring, t: rf.Recorder, job: rf.DrmSchedJob) -> rf.DmaFence:
        """msm_job_run()."""
        fence = t.dma_fence_init(self.fences)
        with t.mutex_lock(self.lock):
            t.ring_emit(ring, job, t.dma_fence_get(fence))
            t.mod_timer(self.hangcheck_timer, rf.ms(500))
        return fence

    def retire(self, t: rf.Recorder) -> None:
        """retire_worker()."""
        for ring in self.rings:
            with t.loop():
                fence = t.ring_completed(ring)
                with t.if_(fence.is_null):
                    t.break_()
                t.dma_fence_signal(fence)
                t.dma_fence_put(fence)

    def hangcheck(self, t: rf.Recorder) -> None:
        t.kthread_queue_work(self.worker, self.recover_work)

    def crash_dump(self, t: rf.Recorder) -> None:
        """msm_gpu_crashstate_capture()."""
        t.kfree(t.kmalloc(rf.GFP_KERNEL))

    def recover(self, t: rf.Recorder) -> None:
        """recover_worker(): what ring 0 is at has hung."""
        with t.mutex_lock(self.lock):
            if self.dumps_under_lock:
                self.crash_dump(t)
            fence = t.ring_head(self.rings[0])
            t.gpu_engine_reset(self.rings[0])
        with t.if_(fence):
            t.dma_fence_set_error(fence, -rf.EIO)
            t.dma_fence_signal(fence)
            t.dma_fence_put(fence)
        if not self.dumps_under_lock:
            self.crash_dump(t)

    def scan(self, t: rf.Recorder, nr_to_scan: rf.Int) -> int:
        """msm_gem_shrinker_scan(): waits for buffers in use."""
        with t.dma_resv_trylock(self.active_bo):
            t.dma_resv_wait_timeout(self.active_bo, rf.BOOKKEEP, False, rf.MAX_SCHEDULE_TIMEOUT)
        return 1


def hangs_while_others_run(k: rf.Kernel, msm: Msm) -> None:
    entities = [k.drm_sched_entity(f"client-{n}", sched) for n, sched in enumerate(msm.scheds)]
    other_bo = k.dma_resv("other_bo")
    hangs, draw = k.gpu_job("hangs", hang="infinite"), k.gpu_job("draw", run_time=rf.us(50))

    @k.thread("first")
    def first(t: rf.Recorder) -> None:
        msm.submit(t, entities[0], hangs, other_bo)

    @k.thread("second")
    def second(t: rf.Recorder) -> None:
        t.msleep(rf.ms(500))
        msm.submit(t, entities[1], draw, msm.active_bo)


PRESSURE = rf.quiet(memory_pressure=True)

buggy = rf.scenario(drivers=[Msm], environment=PRESSURE, name="buggy")(hangs_while_others_run)
fixed = rf.scenario(drivers=[Msm(dumps_under_lock=False)], environment=PRESSURE, name="fixed")(
    hangs_while_others_run
)
