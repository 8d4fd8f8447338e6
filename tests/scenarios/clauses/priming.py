"""Clause: what the kernel teaches its validator at boot, and how CONFIG_MMU_NOTIFIER changes it.

With notifiers, reclaim of any kind may wait for fences: a signalling section allocates neither with
GFP_NOFS nor with GFP_NOIO. Without, only shrinkers wait, and they run inside GFP_KERNEL only. Nobody waits
in these scenarios, and memory is never short: the prediction is all there is.
"""

import ringfence as rf


def allocates(gfp: rf.Gfp) -> rf.Scenario:
    def signals(k: rf.Kernel) -> None:
        done = k.dma_fence("done", timeline=k.timeline("ring0", lock=k.spinlock("ring0->lock")))

        @k.thread("worker")
        def worker(t: rf.Recorder) -> None:
            with t.dma_fence_signalling():
                t.dma_fence_publish(done)
                t.kfree(t.kmalloc(gfp))
                t.dma_fence_signal(done)

    return rf.scenario(name=f"signals with {gfp}")(signals)


kernel = allocates(rf.GFP_KERNEL)
nofs = allocates(rf.GFP_NOFS)
noio = allocates(rf.GFP_NOIO)
nowait = allocates(rf.GFP_NOWAIT)
