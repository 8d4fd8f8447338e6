"""The objects of the virtual GPU, besides its engines."""

from __future__ import annotations

from ringfence._scenario._pointers import Pointer

__all__ = ["Gpu", "GpuJob", "GpuLock", "GpuSemaphore", "Ring"]


class Gpu(Pointer):
    """A GPU: the engines that are reset together, and given up together."""

    __slots__ = ()
    KIND = "gpu"


class Ring(Pointer):
    """A queue of slots in front of an engine, which executes what is on it in order."""

    __slots__ = ()
    KIND = "ring"


class GpuJob(Pointer):
    """What work has the GPU do: a description, which can be put on rings any number of times."""

    __slots__ = ()
    KIND = "gpu_job"


class GpuSemaphore(Pointer):
    """A number in memory that work on the GPU waits for and writes; it only grows."""

    __slots__ = ()
    KIND = "gpu_semaphore"


class GpuLock(Pointer):
    """A lock that work on the GPU holds while it runs."""

    __slots__ = ()
    KIND = "gpu_lock"
