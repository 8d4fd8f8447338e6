"""Memory: allocation, reclaim scopes, user memory, notifiers, the GPU's page tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence._core import Gfp
from ringfence._scenario._flow import Flow
from ringfence._scenario._pointers import Memory as Allocated
from ringfence._scenario._results import LockResult, SavedState, TryLock
from ringfence._scenario._sched import DrmSchedJob
from ringfence._scenario._values import Cookie, Errno, GfpMask, Int, Seqno

if TYPE_CHECKING:
    from ringfence._scenario._handled import IntervalNotifier
    from ringfence._scenario._objects import Mm, UserRange
    from ringfence._scenario._section import Lock

__all__ = ["Memory"]

Mask = Gfp | GfpMask


class Memory(Flow):
    """Calls that take memory, or touch that of processes."""

    # ---- include/linux/slab.h, gfp.h, sched/mm.h -----------------------------------------------------------

    def kmalloc(self, gfp: Mask) -> Allocated:
        """``kmalloc()``.

        Args:
            gfp: what it may do to get memory: `GFP_KERNEL`, `GFP_NOWAIT`…

        Returns:
            The memory; NULL if it fails, see ``.failed``.
        """
        return self._value(Allocated, "kmalloc", gfp)

    kzalloc = kmalloc

    def kfree(self, memory: Allocated | DrmSchedJob | None) -> None:
        """``kfree()``.

        Args:
            memory: what was allocated; None or NULL: nothing. A job of the GPU scheduler is freed as
                `drm_sched_job_free` does.
        """
        self._do("drm_sched_job_free" if isinstance(memory, DrmSchedJob) else "kfree", memory)

    def use_memory(self, memory: Allocated) -> None:
        """Looks at allocated memory: a finding if it is NULL or freed."""
        self._do("use_memory", memory)

    def might_alloc(self, gfp: Mask) -> None:
        """``might_alloc()``: tells the validator that memory may be allocated here."""
        self._do("might_alloc", gfp)

    def fs_reclaim_acquire(self, gfp: Mask) -> Lock:
        """``fs_reclaim_acquire()``: reclaim begins; in a ``with`` its end is `fs_reclaim_release`."""
        return self._lock("fs_reclaim_release", "fs_reclaim_acquire", gfp)

    def fs_reclaim_release(self, gfp: Mask) -> None:
        """``fs_reclaim_release()``."""
        self._do("fs_reclaim_release", gfp)

    def memalloc_nofs_save(self) -> SavedState:
        """``memalloc_nofs_save()``: allocations do not enter file systems; in a ``with`` until its end."""
        return self._section(SavedState, ("memalloc_nofs_restore", "always"), "memalloc_nofs_save")

    memalloc_nofs = memalloc_nofs_save

    def memalloc_nofs_restore(self, flags: Cookie) -> None:
        """``memalloc_nofs_restore()``."""
        self._do("memalloc_nofs_restore", flags)

    def memalloc_noio_save(self) -> SavedState:
        """``memalloc_noio_save()``: allocations start no I/O; in a ``with`` until its end."""
        return self._section(SavedState, ("memalloc_noio_restore", "always"), "memalloc_noio_save")

    memalloc_noio = memalloc_noio_save

    def memalloc_noio_restore(self, flags: Cookie) -> None:
        """``memalloc_noio_restore()``."""
        self._do("memalloc_noio_restore", flags)

    def memalloc_noreclaim_save(self) -> SavedState:
        """``memalloc_noreclaim_save()``: allocations do not reclaim; in a ``with`` until its end."""
        return self._section(SavedState, ("memalloc_noreclaim_restore", "always"), "memalloc_noreclaim_save")

    memalloc_noreclaim = memalloc_noreclaim_save

    def memalloc_noreclaim_restore(self, flags: Cookie) -> None:
        """``memalloc_noreclaim_restore()``."""
        self._do("memalloc_noreclaim_restore", flags)

    # ---- include/linux/mmap_lock.h -------------------------------------------------------------------------

    def mmap_read_lock(self, mm: Mm) -> Lock:
        """``mmap_read_lock()``; in a ``with`` its end is `mmap_read_unlock`."""
        return self._lock("mmap_read_unlock", "mmap_read_lock", mm)

    def mmap_read_unlock(self, mm: Mm) -> None:
        """``mmap_read_unlock()``."""
        self._do("mmap_read_unlock", mm)

    def mmap_read_trylock(self, mm: Mm) -> TryLock:
        """``mmap_read_trylock()``: 1 if it got the lock."""
        return self._section(TryLock, ("mmap_read_unlock", "nonzero"), "mmap_read_trylock", mm)

    def mmap_write_lock(self, mm: Mm) -> Lock:
        """``mmap_write_lock()``; in a ``with`` its end is `mmap_write_unlock`."""
        return self._lock("mmap_write_unlock", "mmap_write_lock", mm)

    def mmap_write_unlock(self, mm: Mm) -> None:
        """``mmap_write_unlock()``."""
        self._do("mmap_write_unlock", mm)

    # ---- include/linux/uaccess.h, mm.h ---------------------------------------------------------------------

    def copy_from_user(self, range: UserRange) -> Int:  # noqa: A002 - the engine's name
        """``copy_from_user()``: bytes not copied: 0, or 1 if the memory is gone. May fault."""
        return self._value(Int, "copy_from_user", range)

    def copy_to_user(self, range: UserRange) -> Int:  # noqa: A002
        """``copy_to_user()``: bytes not copied: 0, or 1 if the memory is gone. May fault."""
        return self._value(Int, "copy_to_user", range)

    def get_user(self, range: UserRange) -> Errno:  # noqa: A002
        """``get_user()``: 0 or -EFAULT. May fault."""
        return self._value(Errno, "get_user", range)

    def put_user(self, range: UserRange) -> Errno:  # noqa: A002
        """``put_user()``: 0 or -EFAULT. May fault."""
        return self._value(Errno, "put_user", range)

    def get_user_pages(self, range: UserRange) -> LockResult:  # noqa: A002
        """``get_user_pages()``, with mmap_lock held: 0 or -EFAULT; in a ``with`` its end is `put_pages`."""
        return self._section(LockResult, ("put_pages", "zero"), "get_user_pages", range)

    def get_user_pages_fast(self, range: UserRange) -> LockResult:  # noqa: A002
        """``get_user_pages_fast()``: as `get_user_pages`, but takes mmap_lock itself where needed."""
        return self._section(LockResult, ("put_pages", "zero"), "get_user_pages_fast", range)

    def put_pages(self, range: UserRange) -> None:  # noqa: A002
        """``put_page()`` of what ``get_user_pages()`` has got."""
        self._do("put_pages", range)

    def might_fault(self, mm: Mm) -> None:
        """``might_fault()``: tells the validator that a page fault may happen here."""
        self._do("might_fault", mm)

    def munmap(self, range: UserRange) -> None:  # noqa: A002
        """``munmap()``: takes mmap_lock for writing, invalidates, frees the pages."""
        self._do("munmap", range)

    def mmput(self, mm: Mm) -> None:
        """``mmput()``: drops a reference; the last one runs the notifiers' release."""
        self._do("mmput", mm)

    def mmget(self, mm: Mm) -> None:
        """``mmget()``: takes a reference."""
        self._do("mmget", mm)

    def mmget_not_zero(self, mm: Mm) -> Int:
        """``mmget_not_zero()``: takes a reference unless there is none left; 1 if it did."""
        return self._value(Int, "mmget_not_zero", mm)

    def oom_kill(self, mm: Mm) -> None:
        """The OOM reaper unmaps the mm (``mm/oom_kill.c``); notifiers may not block."""
        self._do("oom_kill", mm)

    # ---- include/linux/mmu_notifier.h ----------------------------------------------------------------------

    def mmu_notifier_invalidate_range_start(self, range: UserRange) -> Lock:  # noqa: A002
        """``mmu_notifier_invalidate_range_start()``: runs all notifiers of the range; blockable.

        In a ``with`` its end is `mmu_notifier_invalidate_range_end`.
        """
        end = "mmu_notifier_invalidate_range_end"
        return self._lock(end, "mmu_notifier_invalidate_range_start", range)

    def mmu_notifier_invalidate_range_end(self, range: UserRange) -> None:  # noqa: A002
        """``mmu_notifier_invalidate_range_end()``."""
        self._do("mmu_notifier_invalidate_range_end", range)

    def mmu_interval_read_begin(self, notifier: IntervalNotifier) -> Seqno:
        """``mmu_interval_read_begin()``: waits until no invalidation runs; returns the sequence number."""
        return self._value(Seqno, "mmu_interval_read_begin", notifier)

    def mmu_interval_read_retry(self, notifier: IntervalNotifier, seq: int | Int) -> Int:
        """``mmu_interval_read_retry()``: 1 if an invalidation came since."""
        return self._value(Int, "mmu_interval_read_retry", notifier, seq)

    def mmu_interval_set_seq(self, notifier: IntervalNotifier, seq: int | Int) -> None:
        """``mmu_interval_set_seq()``: called from ``invalidate()`` with the number it was given."""
        self._do("mmu_interval_set_seq", notifier, seq)

    def mmu_interval_notifier_insert(self, notifier: IntervalNotifier) -> None:
        """``mmu_interval_notifier_insert()``: puts it back after a removal; it is inserted at the start."""
        self._do("mmu_interval_notifier_insert", notifier)

    def mmu_interval_notifier_remove(self, notifier: IntervalNotifier) -> None:
        """``mmu_interval_notifier_remove()``: waits for ``invalidate()``, which is not called again."""
        self._do("mmu_interval_notifier_remove", notifier)

    def hmm_range_fault(self, notifier: IntervalNotifier, seq: int | Int) -> Errno:
        """``hmm_range_fault()`` (``include/linux/hmm.h``): looks pages up, without references.

        The caller holds mmap_lock.

        Args:
            notifier: whose range is faulted in.
            seq: what `mmu_interval_read_begin` returned.

        Returns:
            0, -EBUSY if an invalidation came since, or -EFAULT.
        """
        return self._value(Errno, "hmm_range_fault", notifier, seq)

    # ---- the GPU's page tables -----------------------------------------------------------------------------

    def gpu_map(self, range: UserRange) -> None:  # noqa: A002
        """Enters the range into the GPU's page tables."""
        self._do("gpu_map", range)

    def gpu_unmap(self, range: UserRange) -> None:  # noqa: A002
        """Takes the range out of the GPU's page tables."""
        self._do("gpu_unmap", range)

    def gpu_access(self, range: UserRange) -> None:  # noqa: A002
        """The GPU reads or writes the range through its page tables."""
        self._do("gpu_access", range)
