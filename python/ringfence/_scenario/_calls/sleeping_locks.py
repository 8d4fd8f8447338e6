"""Sleeping locks: ``include/linux/mutex.h``, ``rwsem.h``, ``ww_mutex.h``; and what lockdep is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence._scenario._flow import Flow
from ringfence._scenario._objects import Mutex, RawSpinlock, Rwlock, Rwsem, Spinlock, WwClass, WwMutex
from ringfence._scenario._results import LockResult, TryLock, WwAcquireCtx

if TYPE_CHECKING:
    from ringfence._scenario._section import Guard, Lock
    from ringfence._scenario._values import Int

__all__ = ["SleepingLocks"]

AnyLock = Spinlock | RawSpinlock | Rwlock | Mutex | Rwsem | WwMutex


class SleepingLocks(Flow):
    """Calls on ``struct mutex``, ``struct rw_semaphore`` and ``struct ww_mutex``.

    A call that takes a lock can stand in a ``with``, whose end gives it back. If the call can fail, the block
    of the ``with`` runs if it did not.
    """

    # ---- struct mutex --------------------------------------------------------------------------------------

    def mutex_lock(self, lock: Mutex) -> Lock:
        """``mutex_lock()``."""
        return self._lock("mutex_unlock", "mutex_lock", lock)

    def mutex_lock_nested(self, lock: Mutex, subclass: int | Int) -> Lock:
        """``mutex_lock_nested()``: several of one class, each with a subclass of its own, 0 to 7."""
        return self._lock("mutex_unlock", "mutex_lock_nested", lock, subclass)

    def mutex_lock_interruptible(self, lock: Mutex) -> LockResult:
        """``mutex_lock_interruptible()``: 0, or -EINTR."""
        return self._section(LockResult, ("mutex_unlock", "zero"), "mutex_lock_interruptible", lock)

    def mutex_trylock(self, lock: Mutex) -> TryLock:
        """``mutex_trylock()``: 1 if it got the lock."""
        return self._section(TryLock, ("mutex_unlock", "nonzero"), "mutex_trylock", lock)

    def mutex_unlock(self, lock: Mutex) -> None:
        """``mutex_unlock()``."""
        self._do("mutex_unlock", lock)

    # ---- struct rw_semaphore -------------------------------------------------------------------------------

    def down_read(self, lock: Rwsem) -> Lock:
        """``down_read()``."""
        return self._lock("up_read", "down_read", lock)

    def down_read_interruptible(self, lock: Rwsem) -> LockResult:
        """``down_read_interruptible()``: 0, or -EINTR."""
        return self._section(LockResult, ("up_read", "zero"), "down_read_interruptible", lock)

    def down_read_trylock(self, lock: Rwsem) -> TryLock:
        """``down_read_trylock()``: 1 if it got the lock."""
        return self._section(TryLock, ("up_read", "nonzero"), "down_read_trylock", lock)

    def down_write(self, lock: Rwsem) -> Lock:
        """``down_write()``."""
        return self._lock("up_write", "down_write", lock)

    def down_write_killable(self, lock: Rwsem) -> LockResult:
        """``down_write_killable()``: 0, or -EINTR."""
        return self._section(LockResult, ("up_write", "zero"), "down_write_killable", lock)

    def down_write_trylock(self, lock: Rwsem) -> TryLock:
        """``down_write_trylock()``: 1 if it got the lock."""
        return self._section(TryLock, ("up_write", "nonzero"), "down_write_trylock", lock)

    def up_read(self, lock: Rwsem) -> None:
        """``up_read()``."""
        self._do("up_read", lock)

    def up_write(self, lock: Rwsem) -> None:
        """``up_write()``."""
        self._do("up_write", lock)

    def downgrade_write(self, lock: Rwsem) -> Lock:
        """``downgrade_write()``: from now on held for reading; in a ``with`` its end is `up_read`."""
        return self._lock("up_read", "downgrade_write", lock)

    # ---- struct ww_mutex -----------------------------------------------------------------------------------

    def ww_acquire_init(self, class_: WwClass | None = None) -> WwAcquireCtx:
        """``ww_acquire_init()``: begins an acquire context; in a ``with`` its end is `ww_acquire_fini`.

        Args:
            class_: the class of the locks; None: ``reservation_ww_class``, that of every dma_resv.

        Returns:
            The context, for ``ww_mutex_lock()`` or ``dma_resv_lock()``.
        """
        return self._section(WwAcquireCtx, ("ww_acquire_fini", "always"), "ww_acquire_init", class_)

    def ww_acquire(self, class_: WwClass | None = None) -> WwAcquireCtx:
        """An acquire context: ``with t.ww_acquire() as ctx: …``; the same as `ww_acquire_init`."""
        return self.ww_acquire_init(class_)

    def ww_acquire_done(self, ctx: WwAcquireCtx) -> None:
        """``ww_acquire_done()``: no further locks will be taken in this context."""
        self._do("ww_acquire_done", ctx)

    def ww_acquire_fini(self, ctx: WwAcquireCtx) -> None:
        """``ww_acquire_fini()``: ends the context."""
        self._do("ww_acquire_fini", ctx)

    def ww_mutex_lock(self, lock: WwMutex, ctx: WwAcquireCtx | None = None) -> LockResult:
        """``ww_mutex_lock()``: 0, -EDEADLK (release all, then `ww_mutex_lock_slow`) or -EALREADY.

        Args:
            lock: the lock.
            ctx: the acquire context; without one it always succeeds.
        """
        guard: Guard = "always" if ctx is None else "zero"
        return self._section(LockResult, ("ww_mutex_unlock", guard), "ww_mutex_lock", lock, ctx)

    def ww_mutex_lock_interruptible(self, lock: WwMutex, ctx: WwAcquireCtx | None = None) -> LockResult:
        """``ww_mutex_lock_interruptible()``: 0, -EDEADLK, -EALREADY or -EINTR."""
        return self._section(
            LockResult, ("ww_mutex_unlock", "zero"), "ww_mutex_lock_interruptible", lock, ctx
        )

    def ww_mutex_lock_slow(self, lock: WwMutex, ctx: WwAcquireCtx) -> Lock:
        """``ww_mutex_lock_slow()``: after -EDEADLK, with nothing held: waits for the contended lock."""
        return self._lock("ww_mutex_unlock", "ww_mutex_lock_slow", lock, ctx)

    def ww_mutex_lock_slow_interruptible(self, lock: WwMutex, ctx: WwAcquireCtx) -> LockResult:
        """``ww_mutex_lock_slow_interruptible()``: 0 or -EINTR."""
        return self._section(
            LockResult, ("ww_mutex_unlock", "zero"), "ww_mutex_lock_slow_interruptible", lock, ctx
        )

    def ww_mutex_trylock(self, lock: WwMutex, ctx: WwAcquireCtx | None = None) -> TryLock:
        """``ww_mutex_trylock()``: 1 if it got the lock."""
        return self._section(TryLock, ("ww_mutex_unlock", "nonzero"), "ww_mutex_trylock", lock, ctx)

    def ww_mutex_unlock(self, lock: WwMutex) -> None:
        """``ww_mutex_unlock()``."""
        self._do("ww_mutex_unlock", lock)

    # ---- lockdep -------------------------------------------------------------------------------------------

    def lockdep_assert_held(self, lock: AnyLock) -> None:
        """``lockdep_assert_held()``: a finding unless this task holds it (``include/linux/lockdep.h``)."""
        self._do("lockdep_assert_held", lock)

    def might_lock(self, lock: Mutex | Rwsem | Spinlock | RawSpinlock) -> None:
        """``might_lock()``: tells the validator that the lock may be taken here."""
        self._do("might_lock", lock)

    def free_lock(self, lock: AnyLock) -> None:
        """The memory of the lock is freed (``debug_check_no_locks_freed()``)."""
        self._do("free_lock", lock)
