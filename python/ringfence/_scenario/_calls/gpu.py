"""The virtual GPU: rings, engines, resets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ringfence._scenario._flow import Flow
from ringfence._scenario._objects import DmaFence, Engine
from ringfence._scenario._values import Errno, Int

if TYPE_CHECKING:
    from ringfence._scenario._gpu import Gpu, GpuJob, GpuSemaphore, Ring
    from ringfence._scenario._sched import DrmSchedJob

__all__ = ["Device"]

Number = int | Int


class Device(Flow):
    """Calls on GPUs. What they stand for are registers and memory that the GPU shares with its driver."""

    # ---- rings ---------------------------------------------------------------------------------------------

    def ring_emit(
        self, ring: Ring, work: GpuJob | DrmSchedJob | None = None, fence: DmaFence | None = None
    ) -> Errno:
        """Puts work on the ring; takes over no reference.

        Args:
            ring: where to.
            work: what it has the GPU do; of a ``drm_sched_job``, what that was allocated for. None: nothing,
                which takes no time.
            fence: what `ring_completed` gives back when the work is done.

        Returns:
            0, -ENOSPC if no slot is free, -ENODEV if the GPU was given up.
        """
        return self._value(Errno, "ring_emit", ring, work, fence)

    def ring_space(self, ring: Ring) -> Int:
        """How many slots are free."""
        return self._value(Int, "ring_space", ring)

    def ring_completed(self, ring: Ring) -> DmaFence:
        """The fence of the oldest completed work nobody has asked for, or NULL."""
        return self._value(DmaFence, "ring_completed", ring)

    def ring_seqno(self, ring: Ring) -> Int:
        """What the GPU has written back: the number of the last work that it has completed, from 1."""
        return self._value(Int, "ring_seqno", ring)

    def ring_emitted(self, ring: Ring) -> Int:
        """How much was ever put on the ring: the number of the last work there."""
        return self._value(Int, "ring_emitted", ring)

    def ring_idle(self, ring: Ring) -> Int:
        """1 if nothing is on it."""
        return self._value(Int, "ring_idle", ring)

    def ring_head(self, ring: Ring) -> DmaFence:
        """The fence of the oldest work on the ring, or NULL."""
        return self._value(DmaFence, "ring_head", ring)

    def ring_lost(self, ring: Ring) -> DmaFence:
        """The fence of the oldest work that is lost and nobody has asked for, or NULL.

        Work is lost when a reset or `ring_clear` takes it off the ring: nothing will ever complete it.
        Whoever has put it there signals its fence, with an error.
        """
        return self._value(DmaFence, "ring_lost", ring)

    def ring_clear(self, ring: Ring) -> None:
        """Takes everything off the ring, whatever the engine is at."""
        self._do("ring_clear", ring)

    def ring_preempt(self, ring: Ring) -> None:
        """Asks the engine to leave this ring's work for that of another one; it goes on with it later.

        An engine without preemption takes no notice.
        """
        self._do("ring_preempt", ring)

    # ---- hangs and recovery --------------------------------------------------------------------------------

    def gpu_engine_reset(
        self, engine: Engine | Ring, guilty: DmaFence | DrmSchedJob | GpuJob | None = None
    ) -> Errno:
        """Resets one engine and takes the guilty work off it; all other work goes on.

        It takes a while, in which the engine stands still; what is put on its rings meanwhile is lost.

        Args:
            engine: which; that of a ring.
            guilty: whose work, by its fence, its job, or what it does; None: whatever the engine is at.

        Returns:
            0, -EIO if it fails (what the engine was at never ends then), -EOPNOTSUPP if the GPU can't do
            that, -ENODEV if it was given up.
        """
        return self._value(Errno, "gpu_engine_reset", engine, guilty)

    def gpu_reset(self, gpu: Gpu | Engine | Ring) -> Errno:
        """Resets the whole GPU: everything on its rings is gone, with what is put there meanwhile.

        Args:
            gpu: which; that of an engine or ring.

        Returns:
            0, -EIO if it fails (what its engines were at never ends then), -EOPNOTSUPP if the GPU can't do
            that, -ENODEV if it was given up.
        """
        return self._value(Errno, "gpu_reset", gpu)

    def gpu_wedge(self, gpu: Gpu | Engine | Ring) -> None:
        """Gives the GPU up: it stops with what is on its rings, and takes no work any more."""
        self._do("gpu_wedge", gpu)

    def gpu_wedged(self, gpu: Gpu | Engine | Ring) -> Int:
        """1 if it was given up."""
        return self._value(Int, "gpu_wedged", gpu)

    def gpu_hang(self, engine: Engine | Ring) -> None:
        """What the engine is at never ends, unless it is reset."""
        self._do("gpu_hang", engine)

    def gpu_faulted(self, engine: Engine | Ring) -> DmaFence:
        """The fence of the work that has stopped at a memory fault, or NULL."""
        return self._value(DmaFence, "gpu_faulted", engine)

    def gpu_fault_resume(self, engine: Engine | Ring) -> None:
        """The memory is mapped now: the work that has stopped goes on."""
        self._do("gpu_fault_resume", engine)

    # ---- semaphores ----------------------------------------------------------------------------------------

    def gpu_semaphore_signal(self, semaphore: GpuSemaphore, value: Number) -> None:
        """The CPU writes the semaphore; work that waits for it can begin. A smaller value changes nothing."""
        self._do("gpu_semaphore_signal", semaphore, value)

    def gpu_semaphore_read(self, semaphore: GpuSemaphore) -> Int:
        """The semaphore's value."""
        return self._value(Int, "gpu_semaphore_read", semaphore)

    # ---- engines without rings -----------------------------------------------------------------------------

    def engine_submit(self, engine: Engine, fence: DmaFence | None, run_time: Number) -> None:
        """Queues work for the engine, without a ring; it takes over no reference.

        Args:
            engine: the engine.
            fence: what `engine_completed` gives back when the work is done.
            run_time: virtual nanoseconds.
        """
        self._do("engine_submit", engine, fence, run_time)

    def engine_completed(self, engine: Engine) -> DmaFence:
        """The fence of the oldest completed work without a ring nobody has asked for, or NULL."""
        return self._value(DmaFence, "engine_completed", engine)

    def engine_idle(self, engine: Engine) -> Int:
        """1 if nothing is queued, on any of its rings either."""
        return self._value(Int, "engine_idle", engine)

    def engine_hang(self, engine: Engine) -> None:
        """From here on the engine completes nothing."""
        self._do("engine_hang", engine)

    def engine_reset(self, engine: Engine) -> None:
        """The engine forgets what is queued, at once and without fail, and can be used again."""
        self._do("engine_reset", engine)
