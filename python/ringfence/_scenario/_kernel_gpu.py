"""Declaring the virtual GPU: engines, rings, what jobs have it do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from ringfence._scenario._checks import MAX, checked_choice, checked_number
from ringfence._scenario._gpu import Gpu, GpuJob, GpuLock, GpuSemaphore, Ring
from ringfence._scenario._handled import Irq
from ringfence._scenario._kernel_base import KernelBase
from ringfence._scenario._objects import Engine, UserRange
from ringfence._scenario._where import mistake
from ringfence._scenario._wording import described

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ringfence._scenario._pointers import Pointer

__all__ = ["Hang", "KernelGpu"]

# mypy.stubtest takes an alias of a `Literal` with several values for a union, and wants one at run time.
Hang = Literal["no"] | Literal["infinite", "after_preemption"] | int  # noqa: PYI030
"""Whether work ends: after its run time; never; never, if it was preempted; so many nanoseconds later."""

_HANGS: Final = ("no", "infinite", "after_preemption")
_SLOTS: Final = (1 << 32) - 1


class KernelGpu(KernelBase):
    """The part of a `Kernel` that declares the virtual GPU."""

    def gpu(self, name: str, *, engine_reset: bool = True, full_reset: bool = True) -> Gpu:
        """A GPU, for ``k.engine(gpu=…)``: what is reset as a whole.

        Args:
            name: its name in reports.
            engine_reset: one engine can be reset alone, which spares the work of others.
            full_reset: the whole can be reset.
        """
        return self._declare(Gpu, name, engine_reset=bool(engine_reset), full_reset=bool(full_reset))

    def engine(
        self, name: str, *, irq: Irq | None = None, gpu: Gpu | None = None, preemption: bool = False
    ) -> Engine:
        """A part of a GPU that executes work: of its rings, one after the other, and what is submitted to it.

        Args:
            name: its name in reports.
            irq: raised after each completion, and when work faults.
            gpu: what it is a part of; without, a GPU of its own, which can do everything.
            preemption: it can leave work for that of another ring, in the middle (``t.ring_preempt()``).

        Raises:
            ScenarioError: that is no interrupt or no GPU of this scenario.
        """
        return self._declare(
            Engine,
            name,
            irq=self._optional("k.engine(irq=…)", irq, Irq),
            gpu=self._optional("k.engine(gpu=…)", gpu, Gpu),
            preemption=bool(preemption),
        )

    def ring(
        self, name: str, engine: Engine | None = None, *, slots: int = 4, irq: Irq | None = None
    ) -> Ring:
        """A queue of slots in front of an engine: work is executed in the order in which it was put there.

        Args:
            name: its name in reports.
            engine: who executes it; without, one of its own, of a GPU of its own.
            slots: how much can be on it at once.
            irq: raised after each completion; without, its engine's.

        Raises:
            ScenarioError: the engine or interrupt is none of this scenario, or there are no slots.
        """
        owner = self.engine(name) if engine is None else engine
        return self._declare(
            Ring,
            name,
            engine=self._reference("k.ring(engine=…)", owner, Engine),
            slots=checked_number("k.ring(slots=…)", slots, 1, _SLOTS),
            irq=self._optional("k.ring(irq=…)", irq, Irq),
        )

    def gpu_job(
        self,
        name: str,
        *,
        run_time: int = 0,
        hang: Hang = "no",
        waits: Iterable[tuple[GpuSemaphore, int]] = (),
        signals: Iterable[tuple[GpuSemaphore, int]] = (),
        locks: Sequence[GpuLock] = (),
        uses: Sequence[UserRange] = (),
        fault: bool = False,
    ) -> GpuJob:
        """What work has the GPU do, for ``t.ring_emit()`` and ``t.drm_sched_job_alloc()``.

        Args:
            name: its name in reports.
            run_time: virtual nanoseconds.
            hang: ``"infinite"``, ``"after_preemption"`` (never ends, if it was preempted), or how many
                virtual nanoseconds later it ends.
            waits: semaphores and values: it begins once each is at least that. Meanwhile it blocks its ring,
                and no other one.
            signals: semaphores and values, written when it is done.
            locks: taken one after the other when it begins, given back when it ends, one way or the other.
                While it waits for one, it occupies its engine.
            uses: user memory that it uses while it runs; the driver keeps the GPU's page tables up to date
                with ``t.gpu_map()`` and ``t.gpu_unmap()``.
            fault: it accesses memory that is not mapped: it stops, and the engine's interrupt is raised.

        Raises:
            ScenarioError: an object is of another kind or scenario, or a number is out of range.
        """
        time = checked_number("k.gpu_job(run_time=…)", run_time, 0, MAX)
        longer = hang if isinstance(hang, str) else checked_number("k.gpu_job(hang=…)", hang, 0, MAX - time)
        return self._declare(
            GpuJob,
            name,
            run_time=time,
            hang=checked_choice("k.gpu_job(hang=…)", longer, _HANGS) if isinstance(longer, str) else longer,
            waits=self._points("k.gpu_job(waits=…)", waits),
            signals=self._points("k.gpu_job(signals=…)", signals),
            locks=self._several("k.gpu_job(locks=…)", locks, GpuLock),
            uses=self._several("k.gpu_job(uses=…)", uses, UserRange),
            fault=bool(fault),
        )

    def gpu_semaphore(self, name: str) -> GpuSemaphore:
        """A number in memory, at first 0, that work waits for and writes."""
        return self._declare(GpuSemaphore, name)

    def gpu_lock(self, name: str) -> GpuLock:
        """A lock that work holds while it runs. Work on several engines can deadlock on such locks."""
        return self._declare(GpuLock, name)

    def _several(self, what: str, listed: Sequence[Pointer], kind: type[Pointer]) -> list[int]:
        if not isinstance(listed, (list, tuple)):
            message = f"{what} takes a list, not {described(listed)}"
            raise mistake(message)
        return [self._reference(what, one, kind) for one in listed]

    def _points(self, what: str, listed: Iterable[tuple[GpuSemaphore, int]]) -> list[list[int]]:
        if not isinstance(listed, (list, tuple)):
            message = f"{what} takes a list of pairs (semaphore, value), not {described(listed)}"
            raise mistake(message)
        for pair in listed:
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                message = f"{what} takes pairs (semaphore, value), not {described(pair)}"
                raise mistake(message)
        return [
            [self._reference(what, semaphore, GpuSemaphore), checked_number(what, value, -MAX, MAX)]
            for semaphore, value in listed
        ]
