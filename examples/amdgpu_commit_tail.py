"""amdgpu's display code takes the dma_resv lock on its way to signalling a fence.

A compositor flips to a framebuffer and gets an out-fence, which signals when the flip is done. It imports
the fence into the framebuffer's reservation (DMA_BUF_IOCTL_IMPORT_SYNC_FILE), so that whoever writes to the
buffer next waits for the flip. From then on others wait for it, and the contract says how: for example with
the reservation's lock held, as TTM does when it evicts the buffer.

The flip is programmed by a worker, amdgpu_dm_atomic_commit_tail(). Until 2020 it locked the reservation to
read the buffer's tiling flags. When eviction comes first, it holds the lock and waits for the fence; the
worker, which would signal the fence, waits for the lock. Nothing moves any more:

    ringfence check examples/amdgpu_commit_tail.py::buggy

The fix reads the flags before the fence is published; the worker finds them ready:

    ringfence check examples/amdgpu_commit_tail.py::fixed

Found by Daniel Vetter while he annotated the signalling sections of the drivers:
https://lore.kernel.org/dri-devel/20200604081224.863494-14-daniel.vetter@ffwll.ch/
"""

import ringfence as rf


class Amdgpu(rf.Driver):
    """A display with one CRTC, as far as an atomic commit goes."""

    reads_flags_first = False
    """The fix."""

    def setup(self, k: rf.Kernel) -> None:
        self.framebuffer = k.dma_resv("framebuffer")
        crtc = k.timeline("crtc-0", lock=k.spinlock("crtc->fence_lock"))
        self.out_fence = k.dma_fence("out_fence", timeline=crtc)
        self.commit_work = k.work("commit_work", self.commit_tail)

    def get_tiling_flags(self, t: rf.Recorder) -> None:
        """amdgpu_bo_get_tiling_flags(), which wants the reservation locked."""
        with t.dma_resv_lock(self.framebuffer):
            pass

    def atomic_commit(self, t: rf.Recorder) -> None:
        """drm_mode_atomic_ioctl(), non-blocking, with an out-fence."""
        if self.reads_flags_first:
            self.get_tiling_flags(t)
        # From here on others can wait for the fence: no way back, and no lock that they may hold.
        with t.dma_resv_lock(self.framebuffer):
            t.dma_resv_reserve_fences(self.framebuffer, 1)
            t.dma_resv_add_fence(self.framebuffer, self.out_fence, rf.WRITE)
        t.schedule_work(self.commit_work)

    def commit_tail(self, t: rf.Recorder) -> None:
        """amdgpu_dm_atomic_commit_tail(): programs the flip and signals that it is done."""
        with t.dma_fence_signalling():
            if not self.reads_flags_first:
                self.get_tiling_flags(t)
            t.dma_fence_signal(self.out_fence)


def flip_and_evict(k: rf.Kernel, gpu: Amdgpu) -> None:
    @k.thread("compositor")
    def compositor(t: rf.Recorder) -> None:
        gpu.atomic_commit(t)

    @k.thread("evict")
    def evict(t: rf.Recorder) -> None:
        """ttm_bo_evict(): idles the buffer under its lock."""
        with t.dma_resv_lock(gpu.framebuffer):
            t.dma_resv_wait_timeout(gpu.framebuffer, rf.BOOKKEEP, False, rf.MAX_SCHEDULE_TIMEOUT)


buggy = rf.scenario(drivers=[Amdgpu], name="buggy")(flip_and_evict)
fixed = rf.scenario(drivers=[Amdgpu(reads_flags_first=True)], name="fixed")(flip_and_evict)
