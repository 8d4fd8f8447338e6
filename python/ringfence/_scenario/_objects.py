"""The kernel objects that a scenario declares; each is made by the method of `Kernel` with its name."""

from __future__ import annotations

from ringfence._scenario._pointers import Pointer

__all__ = [
    "Cell",
    "Completion",
    "DmaFence",
    "DmaResv",
    "Engine",
    "KthreadWorker",
    "LocalLock",
    "Mm",
    "Mutex",
    "RawSpinlock",
    "Rwlock",
    "Rwsem",
    "Spinlock",
    "SwSync",
    "Syncobj",
    "Timeline",
    "UserRange",
    "WaitQueue",
    "Workqueue",
    "WwClass",
    "WwMutex",
]


class RawSpinlock(Pointer):
    """``raw_spinlock_t``."""

    __slots__ = ()
    KIND = "raw_spinlock"


class Spinlock(Pointer):
    """``spinlock_t``."""

    __slots__ = ()
    KIND = "spinlock"


class Rwlock(Pointer):
    """``rwlock_t``."""

    __slots__ = ()
    KIND = "rwlock"


class Mutex(Pointer):
    """``struct mutex``."""

    __slots__ = ()
    KIND = "mutex"


class Rwsem(Pointer):
    """``struct rw_semaphore``."""

    __slots__ = ()
    KIND = "rwsem"


class LocalLock(Pointer):
    """``local_lock_t``."""

    __slots__ = ()
    KIND = "local_lock"


class WwClass(Pointer):
    """``struct ww_class``."""

    __slots__ = ()
    KIND = "ww_class"


class WwMutex(Pointer):
    """``struct ww_mutex``."""

    __slots__ = ()
    KIND = "ww_mutex"


class Completion(Pointer):
    """``struct completion``."""

    __slots__ = ()
    KIND = "completion"


class WaitQueue(Pointer):
    """``wait_queue_head_t``."""

    __slots__ = ()
    KIND = "wait_queue_head"


class Cell(Pointer):
    """A shared variable: a number that every program can read and write."""

    __slots__ = ()
    KIND = "cell"


class Workqueue(Pointer):
    """``struct workqueue_struct``."""

    __slots__ = ()
    KIND = "workqueue"


class KthreadWorker(Pointer):
    """``struct kthread_worker``."""

    __slots__ = ()
    KIND = "kthread_worker"


class Mm(Pointer):
    """``struct mm_struct``: the memory of a process."""

    __slots__ = ()
    KIND = "mm"


class UserRange(Pointer):
    """A range of user memory of an mm."""

    __slots__ = ()
    KIND = "user_range"


class Timeline(Pointer):
    """A fence context (``dma_fence_context_alloc()``) with its lock and ops."""

    __slots__ = ()
    KIND = "timeline"


class DmaFence(Pointer):
    """``struct dma_fence``, containers included; declared, or made by a call. NULL where the call says so."""

    __slots__ = ()
    KIND = "dma_fence"


class Syncobj(Pointer):
    """``struct drm_syncobj``."""

    __slots__ = ()
    KIND = "drm_syncobj"


class SwSync(Pointer):
    """A ``sw_sync`` timeline (``drivers/dma-buf/sw_sync.c``)."""

    __slots__ = ()
    KIND = "sw_sync"


class DmaResv(Pointer):
    """``struct dma_resv``: the reservation of a buffer."""

    __slots__ = ()
    KIND = "dma_resv"


class Engine(Pointer):
    """A part of a GPU that executes work, each for its run time: of its rings, or submitted to itself."""

    __slots__ = ()
    KIND = "engine"
