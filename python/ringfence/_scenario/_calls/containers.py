"""What fences are handed around in: arrays, chains, stubs, sync_file, drm_syncobj, sw_sync."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence._scenario._flow import Flow
from ringfence._scenario._objects import DmaFence, SwSync, Syncobj
from ringfence._scenario._pointers import SyncFile
from ringfence._scenario._values import Errno, Int, Seqno

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Containers"]

Number = int | Int


class Containers(Flow):
    """Calls on fences made of fences, and on what user space sees of fences."""

    # ---- dma-fence-array.h, dma-fence-chain.h, dma-fence-unwrap.h ------------------------------------------

    def dma_fence_array_create(
        self, fences: Sequence[DmaFence], seqno: Number, signal_on_any: Number = False
    ) -> DmaFence:
        """``dma_fence_array_create()``: takes over the references.

        Args:
            fences: what it is made of.
            seqno: its number, in a context of its own.
            signal_on_any: signaled with the first of them, not with the last.

        Returns:
            The array; NULL if the allocation fails.
        """
        return self._value(DmaFence, "dma_fence_array_create", fences, seqno, signal_on_any)

    def dma_fence_chain_init(self, prev: DmaFence | None, fence: DmaFence, seqno: Number) -> DmaFence:
        """``dma_fence_chain_init()``: a new node; takes over both references."""
        return self._value(DmaFence, "dma_fence_chain_init", prev, fence, seqno)

    def dma_fence_chain_find_seqno(self, chain: DmaFence | None, seqno: Number) -> Errno:
        """``dma_fence_chain_find_seqno()``: 0 or -EINVAL; `dma_fence_chain_found` is what was found."""
        return self._value(Errno, "dma_fence_chain_find_seqno", chain, seqno)

    def dma_fence_chain_found(self) -> DmaFence:
        """What the latest `dma_fence_chain_find_seqno` of this thread found; NULL: already signaled."""
        return self._value(DmaFence, "dma_fence_chain_found")

    def dma_fence_chain_walk(self, fence: DmaFence | None) -> DmaFence:
        """``dma_fence_chain_walk()``: to the unsignaled node before it, with a reference, or NULL.

        Args:
            fence: where from; its reference is dropped.
        """
        return self._value(DmaFence, "dma_fence_chain_walk", fence)

    def dma_fence_chain_contained(self, fence: DmaFence | None) -> DmaFence:
        """``dma_fence_chain_contained()``: what a node contains; any other fence itself. No reference."""
        return self._value(DmaFence, "dma_fence_chain_contained", fence)

    def dma_fence_chain_prev_seqno(self, chain: DmaFence) -> Seqno:
        """``chain->prev_seqno``; 0 for any other fence."""
        return self._value(Seqno, "dma_fence_chain_prev_seqno", chain)

    def dma_fence_array_first(self, fence: DmaFence | None) -> DmaFence:
        """``dma_fence_array_first()``: the first fence in an array; any other fence itself. No reference."""
        return self._value(DmaFence, "dma_fence_array_first", fence)

    def dma_fence_array_next(self, fence: DmaFence | None, index: Number) -> DmaFence:
        """``dma_fence_array_next()``: the fence at that position of an array, or NULL. No reference."""
        return self._value(DmaFence, "dma_fence_array_next", fence, index)

    def dma_fence_unwrap_merge(self, fences: Sequence[DmaFence]) -> DmaFence:
        """``dma_fence_unwrap_merge()``: merges; NULL if the allocation fails."""
        return self._value(DmaFence, "dma_fence_unwrap_merge", fences)

    def dma_fence_get_stub(self) -> DmaFence:
        """``dma_fence_get_stub()``: the fence that is always signaled."""
        return self._value(DmaFence, "dma_fence_get_stub")

    def dma_fence_allocate_private_stub(self, timestamp: Number) -> DmaFence:
        """``dma_fence_allocate_private_stub()``: a signaled fence; NULL if the allocation fails."""
        return self._value(DmaFence, "dma_fence_allocate_private_stub", timestamp)

    # ---- drivers/dma-buf/sync_file.c -----------------------------------------------------------------------

    def sync_file_create(self, fence: DmaFence) -> SyncFile:
        """``sync_file_create()``: wraps a fence; NULL if the allocation fails. `fd_install` publishes it."""
        return self._value(SyncFile, "sync_file_create", fence)

    def fd_install(self, file: SyncFile) -> None:
        """``fd_install()``: user space sees the sync_file from here on."""
        self._do("fd_install", file)

    def sync_file_get_fence(self, file: SyncFile) -> DmaFence:
        """``sync_file_get_fence()``: the fence, with a reference."""
        return self._value(DmaFence, "sync_file_get_fence", file)

    def sync_file_merge(self, a: SyncFile, b: SyncFile) -> SyncFile:
        """``SYNC_IOC_MERGE``: NULL if an allocation fails."""
        return self._value(SyncFile, "sync_file_merge", a, b)

    def sync_file_poll(self, file: SyncFile) -> Int:
        """``poll()``: 1 if signaled; enables signalling."""
        return self._value(Int, "sync_file_poll", file)

    def sync_file_put(self, file: SyncFile) -> None:
        """``close()``."""
        self._do("sync_file_put", file)

    # ---- drivers/gpu/drm/drm_syncobj.c ---------------------------------------------------------------------

    def drm_syncobj_replace_fence(self, syncobj: Syncobj, fence: DmaFence | None) -> None:
        """``drm_syncobj_replace_fence()``: publishes the fence."""
        self._do("drm_syncobj_replace_fence", syncobj, fence)

    def drm_syncobj_add_point(self, syncobj: Syncobj, fence: DmaFence, point: Number) -> None:
        """``drm_syncobj_add_point()``: adds a point to the timeline; publishes the fence."""
        self._do("drm_syncobj_add_point", syncobj, fence, point)

    def drm_syncobj_find_fence(
        self, syncobj: Syncobj, point: Number, wait_for_submit: Number = False
    ) -> Errno:
        """``drm_syncobj_find_fence()``: 0, -EINVAL or -ERESTARTSYS; `drm_syncobj_found` is the fence.

        Args:
            syncobj: where.
            point: which; 0 for one that is no timeline.
            wait_for_submit: ``DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT``.
        """
        return self._value(Errno, "drm_syncobj_find_fence", syncobj, point, wait_for_submit)

    def drm_syncobj_found(self) -> DmaFence:
        """What the latest `drm_syncobj_find_fence` of this thread found, with a reference."""
        return self._value(DmaFence, "drm_syncobj_found")

    def drm_syncobj_wait(
        self, syncobj: Syncobj, point: Number, wait_for_submit: Number, timeout: Number
    ) -> Int:
        """``DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT``: virtual nanoseconds left, or -ETIME, -EINVAL, -ERESTARTSYS."""
        return self._value(Int, "drm_syncobj_wait", syncobj, point, wait_for_submit, timeout)

    def drm_syncobj_signal(self, syncobj: Syncobj) -> None:
        """``DRM_IOCTL_SYNCOBJ_SIGNAL``: replaces the fence by one that is signaled."""
        self._do("drm_syncobj_signal", syncobj)

    def drm_syncobj_reset(self, syncobj: Syncobj) -> None:
        """``DRM_IOCTL_SYNCOBJ_RESET``: drops the fence."""
        self._do("drm_syncobj_reset", syncobj)

    def drm_syncobj_query(self, syncobj: Syncobj) -> Seqno:
        """``DRM_IOCTL_SYNCOBJ_QUERY``: the last signaled point."""
        return self._value(Seqno, "drm_syncobj_query", syncobj)

    # ---- drivers/dma-buf/sw_sync.c -------------------------------------------------------------------------

    def sw_sync_create_fence(self, timeline: SwSync, value: Number) -> DmaFence:
        """``SW_SYNC_IOC_CREATE_FENCE``: a fence for that value, published."""
        return self._value(DmaFence, "sw_sync_create_fence", timeline, value)

    def sw_sync_inc(self, timeline: SwSync, value: Number = 1) -> None:
        """``SW_SYNC_IOC_INC``: moves the timeline on, and signals."""
        self._do("sw_sync_inc", timeline, value)

    # ---- foreign drivers -----------------------------------------------------------------------------------

    def foreign_fence(self) -> DmaFence:
        """Some published fence, with a reference, or NULL: a choice. For models of foreign drivers."""
        return self._value(DmaFence, "foreign_fence")
