"""Clause: the way to signalling a published fence is annotated.

From publication to dma_fence_signal(), whatever runs is a signalling section, so that the validator sees
what the section needs. A section ends where it began, with the cookie that it began with.
"""

import ringfence as rf


class Gpu(rf.Driver):
    """Submits to a worker that signals."""

    annotates_work = True
    publishes_inside = True
    ends_section = True
    swaps_cookies = False

    def setup(self, k: rf.Kernel) -> None:
        self.bo = k.dma_resv("bo")
        ring = k.timeline("ring0", lock=k.spinlock("ring0->lock"))
        self.done = k.dma_fence("done", timeline=ring)
        self.work = k.work("job_work", self.run_job)

    def run_job(self, t: rf.Recorder) -> None:
        if not self.annotates_work:
            t.dma_fence_signal(self.done)
            return
        cookie = t.dma_fence_begin_signalling()
        if self.swaps_cookies:
            inner = t.dma_fence_begin_signalling()
            t.dma_fence_signal(self.done)
            t.dma_fence_end_signalling(cookie)
            t.dma_fence_end_signalling(inner)
            return
        t.dma_fence_signal(self.done)
        if self.ends_section:
            t.dma_fence_end_signalling(cookie)

    def submit(self, t: rf.Recorder) -> None:
        """The work is done by a worker."""
        with t.dma_resv_lock(self.bo):
            t.dma_resv_reserve_fences(self.bo, 1)
            t.dma_resv_add_fence(self.bo, self.done, rf.WRITE)
        t.schedule_work(self.work)

    def submit_directly(self, t: rf.Recorder) -> None:
        """The work is done at once, by whoever submits."""
        with t.dma_resv_lock(self.bo):
            t.dma_resv_reserve_fences(self.bo, 1)
            if not self.publishes_inside:
                t.dma_resv_add_fence(self.bo, self.done, rf.WRITE)
            with t.dma_fence_signalling():
                if self.publishes_inside:
                    t.dma_resv_add_fence(self.bo, self.done, rf.WRITE)
                t.dma_fence_signal(self.done)


def queued(k: rf.Kernel, gpu: Gpu) -> None:
    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit(t)


def direct(k: rf.Kernel, gpu: Gpu) -> None:
    @k.thread("client")
    def client(t: rf.Recorder) -> None:
        gpu.submit_directly(t)


annotated_work = rf.scenario(drivers=[Gpu], name="annotated_work")(queued)
annotated_submission = rf.scenario(drivers=[Gpu], name="annotated_submission")(direct)
bare_work = rf.scenario(drivers=[Gpu(annotates_work=False)], name="bare_work")(queued)
published_before = rf.scenario(drivers=[Gpu(publishes_inside=False)], name="published_before")(direct)
cookies_swapped = rf.scenario(drivers=[Gpu(swaps_cookies=True)], name="cookies_swapped")(queued)
left_open = rf.scenario(drivers=[Gpu(ends_section=False)], name="left_open")(queued)
