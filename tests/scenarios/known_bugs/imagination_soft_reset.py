"""imagination: the interrupt's thread resets the GPU, which waits for the interrupt's thread.

Fixed by a55c2a5c8d68 (2026). The firmware asks for a soft reset, and the thread that handles its messages
does it. For a reset interrupts are disabled, by disable_irq(): that waits until no handler runs any more.
"""

import ringfence as rf


class Powervr(rf.Driver):
    waits_for_handlers = True

    def setup(self, k: rf.Kernel) -> None:
        self.line = k.irq("pvr", thread=self.irq_thread)
        self.geometry = k.ring("geometry", k.engine("geometry", irq=self.line))
        self.sched = k.drm_sched("pvr-geometry", ring=self.geometry, timeout=rf.ms(500))

    def irq_thread(self, t: rf.Recorder) -> None:
        """pvr_device_irq_thread_handler()."""
        with t.if_(t.gpu_faulted(self.geometry)):
            self.reset(t)
        with t.loop():
            fence = t.ring_completed(self.geometry)
            with t.if_(fence.is_null):
                t.break_()
            t.dma_fence_signal(fence)
            t.dma_fence_put(fence)

    def reset(self, t: rf.Recorder) -> None:
        """pvr_power_reset()."""
        if self.waits_for_handlers:
            t.disable_irq(self.line)
        else:
            t.disable_irq_nosync(self.line)
        fence = t.ring_head(self.geometry)
        t.gpu_reset(self.geometry)
        t.dma_fence_set_error(fence, -rf.EIO)
        t.dma_fence_signal(fence)
        t.dma_fence_put(fence)
        t.enable_irq(self.line)


def faults(k: rf.Kernel, gpu: Powervr) -> None:
    entity = k.drm_sched_entity("client", gpu.sched)
    bad = k.gpu_job("bad", fault=True)

    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        job = t.drm_sched_job(entity, bad)
        t.drm_sched_job_arm(job)
        t.drm_sched_entity_push_job(job)


buggy = rf.scenario(drivers=[Powervr], name="buggy")(faults)
fixed = rf.scenario(drivers=[Powervr(waits_for_handlers=False)], name="fixed")(faults)
