"""amdgpu: the atomic commit worker allocates with GFP_KERNEL before it signals the flip.

RFC series 20200512085944.222637 ("DC also loves to allocate"): the worker owes others the out-fence of the
flip, and its allocation reclaims, which waits for that fence.
"""

import ringfence as rf


class Amdgpu(rf.Driver):
    allocates_in_tail = True

    def setup(self, k: rf.Kernel) -> None:
        crtc = k.timeline("crtc-0", lock=k.spinlock("crtc->lock"))
        self.flip = k.dma_fence("flip", timeline=crtc)
        self.framebuffer = k.dma_resv("framebuffer")
        self.commit_work = k.work("commit_work", self.commit_tail)
        # As TTM's: it idles buffers before it swaps them out.
        k.shrinker("ttm", 1, self.scan)

    def new_dc_state(self, t: rf.Recorder) -> None:
        state = t.kzalloc(rf.GFP_KERNEL)
        t.kfree(state)

    def atomic_commit(self, t: rf.Recorder) -> None:
        if not self.allocates_in_tail:
            self.new_dc_state(t)
        with t.dma_resv_lock(self.framebuffer):
            t.dma_resv_reserve_fences(self.framebuffer, 1)
            t.dma_resv_add_fence(self.framebuffer, self.flip, rf.WRITE)
        t.schedule_work(self.commit_work)

    def commit_tail(self, t: rf.Recorder) -> None:
        with t.dma_fence_signalling():
            if self.allocates_in_tail:
                self.new_dc_state(t)
            t.dma_fence_signal(self.flip)

    def scan(self, t: rf.Recorder, nr_to_scan: rf.Int) -> int:
        with t.dma_resv_trylock(self.framebuffer):
            t.dma_resv_wait_timeout(self.framebuffer, rf.BOOKKEEP, False, rf.MAX_SCHEDULE_TIMEOUT)
        return 1


def flips(k: rf.Kernel, gpu: Amdgpu) -> None:
    @k.thread("compositor")
    def compositor(t: rf.Recorder) -> None:
        gpu.atomic_commit(t)


buggy = rf.scenario(drivers=[Amdgpu], environment=rf.quiet(memory_pressure=True), name="buggy")(flips)
fixed = rf.scenario(
    drivers=[Amdgpu(allocates_in_tail=False)], environment=rf.quiet(memory_pressure=True), name="fixed"
)(flips)
