"""i915: the userptr notifier takes struct_mutex, which is held over get_user_pages().

Fixed by 484d9a844d0d: pages are got by a worker that does not hold it.
"""

import ringfence as rf


class I915(rf.Driver):
    pins_under_struct_mutex = True

    def setup(self, k: rf.Kernel) -> None:
        self.struct_mutex = k.mutex("dev->struct_mutex")
        self.mm = k.mm("client")
        self.userptr = k.user_range("userptr", self.mm)
        k.mmu_notifier("i915_mmu_notifier", self.mm, self.invalidate_range_start)

    def invalidate_range_start(self, t: rf.Recorder, blockable: rf.Int) -> int:
        with t.if_(t.not_(blockable)):
            t.return_(-rf.EAGAIN)
        with t.mutex_lock(self.struct_mutex):
            pass
        return 0

    def get_pages(self, t: rf.Recorder) -> None:
        with t.mmap_read_lock(self.mm), t.get_user_pages(self.userptr):
            pass

    def execbuffer(self, t: rf.Recorder) -> None:
        with t.mutex_lock(self.struct_mutex):
            if self.pins_under_struct_mutex:
                self.get_pages(t)
        if not self.pins_under_struct_mutex:
            self.get_pages(t)


def pins_and_unmaps(k: rf.Kernel, i915: I915) -> None:
    @k.thread("client", mm=i915.mm)
    def client(t: rf.Recorder) -> None:
        i915.execbuffer(t)

    @k.thread("free", mm=i915.mm)
    def free(t: rf.Recorder) -> None:
        t.munmap(i915.userptr)


buggy = rf.scenario(drivers=[I915], name="buggy")(pins_and_unmaps)
fixed = rf.scenario(drivers=[I915(pins_under_struct_mutex=False)], name="fixed")(pins_and_unmaps)
