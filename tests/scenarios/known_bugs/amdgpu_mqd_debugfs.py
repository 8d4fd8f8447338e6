"""amdgpu: debugfs copies to user memory with a buffer reserved.

Fixed by 8678b1060ae2: put_user() may fault, which takes mmap_lock; the driver's own fault handler takes the
reservation under mmap_lock. A writer in the queue of mmap_lock, as munmap() is one, keeps the new reader out.
"""

import ringfence as rf


class Amdgpu(rf.Driver):
    copies_under_resv = True

    def setup(self, k: rf.Kernel) -> None:
        self.mm = k.mm("process")
        self.result = k.user_range("result", self.mm)
        self.mqd = k.dma_resv("mqd")

    def mqd_read(self, t: rf.Recorder) -> None:
        """amdgpu_debugfs_mqd_read()."""
        with t.dma_resv_lock(self.mqd):
            if self.copies_under_resv:
                t.put_user(self.result)
        if not self.copies_under_resv:
            t.put_user(self.result)

    def fault(self, t: rf.Recorder) -> None:
        """ttm_bo_vm_fault(), called with mmap_lock held."""
        with t.dma_resv_lock(self.mqd):
            pass


def reads_debugfs(k: rf.Kernel, gpu: Amdgpu) -> None:
    @k.thread("cat", mm=gpu.mm)
    def cat(t: rf.Recorder) -> None:
        gpu.mqd_read(t)

    @k.thread("render", mm=gpu.mm)
    def render(t: rf.Recorder) -> None:
        with t.mmap_read_lock(gpu.mm):
            gpu.fault(t)


PAGES_CAN_GO = rf.quiet(user_memory=True)
"""Another thread of the process unmaps them."""

buggy = rf.scenario(drivers=[Amdgpu], environment=PAGES_CAN_GO, name="buggy")(reads_debugfs)
fixed = rf.scenario(drivers=[Amdgpu(copies_under_resv=False)], environment=PAGES_CAN_GO, name="fixed")(
    reads_debugfs
)
