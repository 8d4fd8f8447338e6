"""What all driver models have in common: rings, their fences, their interrupt, resets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ringfence as rf
from ringfence.drivers._policy import FixedTimeout
from ringfence.drivers._recovery import EngineReset

if TYPE_CHECKING:
    from ringfence.drivers._policy import HangPolicy
    from ringfence.drivers._recovery import Recovery

__all__ = ["GpuDriver", "GpuRing"]


class GpuRing(rf.Driver):
    """A ring of a GPU, with the fences of what is on it."""

    def __init__(self, gpu: GpuDriver, engine: rf.Engine) -> None:
        super().__init__()
        self.gpu = gpu
        self.engine = engine

    def setup(self, k: rf.Kernel) -> None:
        """The ring itself, and a timeline."""
        self.ring = k.ring(self.name, self.engine, slots=self.gpu.slots)
        self.fences = k.timeline(f"{self.name}->fences")

    def complete(self, t: rf.Recorder) -> rf.Int:
        """Signals what the GPU has completed; 1 if there was anything."""
        found = t.var(0)
        with t.loop():
            fence = t.ring_completed(self.ring)
            with t.if_(fence.is_null):
                t.break_()
            found.set(1)
            self.end(t, fence)
        return found

    def give_up(self, t: rf.Recorder, error: int) -> rf.Int:
        """Signals what a reset has taken off the ring, if it has; 1 if so. Nobody else ever will.

        The GPU may have completed more, before and after that. Fences of a timeline are signaled in order.
        """
        done, lost = t.var(t.ring_completed(self.ring)), t.var(t.ring_lost(self.ring))
        found = t.var(0)
        with t.loop():
            with t.if_(lost.is_null):
                t.break_()
            older = t.var(0)
            with t.if_(done):
                older.set(t.dma_fence_is_later(lost, done))
            with t.if_(older):
                self.end(t, done)
                done.set(t.ring_completed(self.ring))
            with t.else_():
                self.blame(t, lost, error)
                t.dma_fence_set_error(lost, error)
                self.end(t, lost)
                found.set(1)
                lost.set(t.ring_lost(self.ring))
        with t.if_(done):
            self.end(t, done)
        self.complete(t)
        return found

    def end(self, t: rf.Recorder, fence: rf.DmaFence) -> None:
        """Signals a fence, and drops the ring's reference to it."""
        t.dma_fence_signal(fence)
        t.dma_fence_put(fence)

    def blame(self, t: rf.Recorder, fence: rf.DmaFence, error: int) -> None:
        """Remembers whose work was lost, and why; before its fence is signaled."""


class GpuDriver(rf.Driver):
    """A driver of a GPU with rings; how work gets there is what `SchedGpu` and `RingGpu` are about."""

    rings: int = 1
    """How many there are."""
    slots: int = 2
    """How much work can be on each ring."""
    shared_engine: bool = False
    """All rings are of one engine, which executes their work in turn; otherwise each has its own."""
    engine_reset: bool = True
    """The hardware can reset one engine alone."""
    full_reset: bool = True
    """The hardware can be reset as a whole."""
    policy: HangPolicy | type[HangPolicy] = FixedTimeout
    """When work has hung."""
    recovery: Recovery | type[Recovery] = EngineReset
    """What is done about it."""

    ring_model: type[GpuRing] = GpuRing
    """What its rings are."""

    def setup(self, k: rf.Kernel) -> None:
        """The hardware, then a policy for all rings, then the rings."""
        self.device = k.gpu(self.name, engine_reset=self.engine_reset, full_reset=self.full_reset)
        self.line = k.irq(f"{self.name}-irq", self.handle_irq)
        self.hangs = k.driver(self.policy)
        self.resets = self.recovery() if isinstance(self.recovery, type) else self.recovery
        self.parts: list[GpuRing] = []
        shared = self._engine(k, "engine") if self.shared_engine else None
        for number in range(self.rings):
            engine = shared or self._engine(k, f"engine{number}")
            self.parts.append(k.driver(self.ring_model(self, engine), f"ring{number}"))
        for part in self.parts:
            self.hangs.watch(k, part.ring, [other.ring for other in self.beside(part) if other is not part])

    def _engine(self, k: rf.Kernel, name: str) -> rf.Engine:
        return k.engine(name, irq=self.line, gpu=self.device)

    def beside(self, ring: GpuRing) -> list[GpuRing]:
        """The rings of its engine."""
        return [part for part in self.parts if part.engine is ring.engine]

    def handle_irq(self, t: rf.Recorder) -> None:
        """Work was completed, on some ring."""
        for part in self.parts:
            part.complete(t)

    # ---- recovery: nobody submits, and the interrupt is off ------------------------------------------------

    def reset_engine(self, t: rf.Recorder, ring: GpuRing, hung: rf.DmaFence) -> rf.Errno:
        """Resets one engine: what has hung there is lost.

        On an engine with several rings that is what it is at, which need not be what has waited too long. If
        it is at nothing, that waits for something that does not come.
        """
        if not self.shared_engine:
            ret = t.gpu_engine_reset(ring.ring, hung)
            self.lose(t, ring)
            return ret
        ret = t.gpu_engine_reset(ring.ring)
        lost = self.lose(t, ring)
        with t.if_(t.not_(ret.failed | lost)), t.if_(t.ring_head(ring.ring) == hung):
            t.gpu_engine_reset(ring.ring, hung)
            self.lose(t, ring)
        return ret

    def lose(self, t: rf.Recorder, ring: GpuRing) -> rf.Int:
        """Signals what the reset of an engine has taken off its rings; 1 if there was anything."""
        lost = t.var(0)
        for part in self.beside(ring):
            lost |= part.give_up(t, -rf.ETIME)
            self.hangs.forget(t, part.ring)
        return lost

    def reset_device(self, t: rf.Recorder) -> rf.Errno:
        """Resets everything: all work is lost."""
        ret = t.gpu_reset(self.device)
        for part in self.parts:
            part.give_up(t, -rf.ECANCELED)
            self.hangs.forget(t, part.ring)
        return ret

    def wedge(self, t: rf.Recorder) -> None:
        """Gives the GPU up: it takes no work any more, and everything in flight is signaled."""
        t.gpu_wedge(self.device)
        for part in self.parts:
            t.ring_clear(part.ring)
            part.give_up(t, -rf.ENODEV)

    def prepare_reset(self, t: rf.Recorder, hung: rf.DmaFence) -> None:
        """Before the whole GPU is reset, because of what has hung."""

    def finish_reset(self, t: rf.Recorder) -> None:
        """After it was reset, or given up."""
