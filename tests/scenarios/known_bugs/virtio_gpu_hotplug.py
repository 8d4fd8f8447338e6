"""virtio-gpu: the worker that retires fences runs hotplug, which takes the lock that commits wait under.

Fixed by d1b894c5bbb3: the callback of the display-info command ran in the dequeue worker.
"""

import ringfence as rf


class VirtioGpu(rf.Driver):
    hotplugs_in_worker = True

    def setup(self, k: rf.Kernel) -> None:
        self.mode_config = k.mutex("dev->mode_config.mutex")
        vq = k.timeline("controlq", lock=k.spinlock("drv->lock"))
        self.flush = k.dma_fence("flush", timeline=vq)
        self.dequeue_work = k.work("dequeue_work", self.dequeue_ctrl)
        self.hotplug_work = k.work("hotplug_work", self.hotplug)

    def hotplug(self, t: rf.Recorder) -> None:
        """drm_kms_helper_hotplug_event()."""
        with t.mutex_lock(self.mode_config):
            pass

    def dequeue_ctrl(self, t: rf.Recorder) -> None:
        """virtio_gpu_dequeue_ctrl_func(): the answers of the host, in order."""
        with t.dma_fence_signalling():
            if self.hotplugs_in_worker:
                self.hotplug(t)
            else:
                t.schedule_work(self.hotplug_work)
            t.dma_fence_signal(self.flush)


def commits(k: rf.Kernel, gpu: VirtioGpu) -> None:
    @k.thread("compositor")
    def compositor(t: rf.Recorder) -> None:
        with t.mutex_lock(gpu.mode_config):
            t.dma_fence_publish(gpu.flush)
            t.schedule_work(gpu.dequeue_work)
            t.dma_fence_wait(gpu.flush, False)


buggy = rf.scenario(drivers=[VirtioGpu], name="buggy")(commits)
fixed = rf.scenario(drivers=[VirtioGpu(hotplugs_in_worker=False)], name="fixed")(commits)
