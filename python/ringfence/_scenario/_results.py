"""Results that also are sections: the value of a call, and a way to close what it opened."""

from __future__ import annotations

from ringfence._scenario._pointers import Pointer
from ringfence._scenario._section import Section
from ringfence._scenario._values import Cookie, Errno, Int

__all__ = ["LockResult", "ResvIterator", "SavedState", "TryLock", "WwAcquireCtx"]


class LockResult(Section, Errno):
    """0 if the lock was taken, or a negative errno; in a ``with`` its block runs if it was taken."""

    __slots__ = ()


class TryLock(Section, Int):
    """1 if the lock was taken, or 0; in a ``with`` its block runs if it was taken."""

    __slots__ = ()


class SavedState(Section, Cookie):
    """What was saved, for the call that restores it; the end of a ``with`` restores it."""

    __slots__ = ()


class WwAcquireCtx(Section, Pointer):
    """A ``struct ww_acquire_ctx`` (``include/linux/ww_mutex.h``); the end of a ``with`` finishes it."""

    __slots__ = ()
    KIND = "ww_acquire_ctx"


class ResvIterator(Section, Pointer):
    """A ``struct dma_resv_iter``, a cursor over the fences of a ``dma_resv``; a ``with`` ends it."""

    __slots__ = ()
    KIND = "dma_resv_iter"
