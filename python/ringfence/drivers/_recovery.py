"""Recoveries: what is done about work that has hung, the gentlest first.

Whatever is tried, in the end all fences of what was lost are signaled: a reset can fail, or there may be
none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ringfence as rf
    from ringfence.drivers._gpu import GpuDriver, GpuRing

__all__ = ["EngineReset", "ForceCompletion", "FullReset", "Recovery"]


class Recovery:
    """What is done about a hang. Derive from it for another one."""

    def recover(self, t: rf.Recorder, gpu: GpuDriver, ring: GpuRing, hung: rf.DmaFence) -> None:
        """Called while nobody submits and the interrupt is off.

        Args:
            t: the handler.
            gpu: the driver.
            ring: where the work has hung, or waits for what has.
            hung: the fence of that work.
        """
        raise NotImplementedError


class ForceCompletion(Recovery):
    """Signals every fence there is with an error, and gives the GPU up: all that is left without a reset."""

    def recover(self, t: rf.Recorder, gpu: GpuDriver, ring: GpuRing, hung: rf.DmaFence) -> None:  # noqa: ARG002
        """Nothing that can fail."""
        gpu.wedge(t)


class FullReset(ForceCompletion):
    """Resets the whole GPU; if that fails, `ForceCompletion`."""

    def recover(self, t: rf.Recorder, gpu: GpuDriver, ring: GpuRing, hung: rf.DmaFence) -> None:
        """All work is lost, that of the innocent included, which a scheduler can submit again."""
        gpu.prepare_reset(t, hung)
        with t.if_(gpu.reset_device(t).failed):
            super().recover(t, gpu, ring, hung)
        gpu.finish_reset(t)


class EngineReset(FullReset):
    """Resets the engine, which spares all other contexts; if that fails or can't be done, `FullReset`."""

    def recover(self, t: rf.Recorder, gpu: GpuDriver, ring: GpuRing, hung: rf.DmaFence) -> None:
        """Only the guilty work is lost."""
        with t.if_(gpu.reset_engine(t, ring, hung).failed):
            super().recover(t, gpu, ring, hung)
