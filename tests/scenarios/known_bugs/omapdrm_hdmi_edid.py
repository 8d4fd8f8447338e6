"""omapdrm: hdmi->lock is held over an allocation in detect, and taken in the commit tail.

Found when the commit helpers were annotated; the annotation was taken back in 9d7c8c066916. The driver
itself never waits for a fence: reclaim does, while detect holds the lock that the commit worker needs.
"""

import ringfence as rf


class Omapdrm(rf.Driver):
    reads_edid_under_lock = True

    def setup(self, k: rf.Kernel) -> None:
        self.lock = k.mutex("hdmi->lock")
        crtc = k.timeline("crtc-0", lock=k.spinlock("crtc->lock"))
        self.flip = k.dma_fence("flip", timeline=crtc)
        self.commit_work = k.work("commit_work", self.commit_tail)

    def read_edid(self, t: rf.Recorder) -> None:
        edid = t.kmalloc(rf.GFP_KERNEL)
        t.kfree(edid)

    def detect(self, t: rf.Recorder) -> None:
        if self.reads_edid_under_lock:
            with t.mutex_lock(self.lock):
                self.read_edid(t)
        else:
            self.read_edid(t)
            with t.mutex_lock(self.lock):
                pass

    def commit_tail(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            with t.mutex_lock(self.lock):
                pass
            t.dma_fence_signal(self.flip)


def plugs_and_flips(k: rf.Kernel, omap: Omapdrm) -> None:
    @k.thread("compositor")
    def compositor(t: rf.Recorder) -> None:
        t.dma_fence_publish(omap.flip)
        t.schedule_work(omap.commit_work)

    @k.thread("hotplug")
    def hotplug(t: rf.Recorder) -> None:
        omap.detect(t)


buggy = rf.scenario(drivers=[Omapdrm], environment=rf.contract(), name="buggy")(plugs_and_flips)
fixed = rf.scenario(drivers=[Omapdrm(reads_edid_under_lock=False)], environment=rf.contract(), name="fixed")(
    plugs_and_flips
)
