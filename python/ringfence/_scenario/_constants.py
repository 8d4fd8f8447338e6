"""Numbers with the kernel's names: errnos, usages, times."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from ringfence._scenario._where import mistake

__all__ = [
    "BOOKKEEP",
    "DMA_RESV_USAGE_BOOKKEEP",
    "DMA_RESV_USAGE_KERNEL",
    "DMA_RESV_USAGE_READ",
    "DMA_RESV_USAGE_WRITE",
    "DRM_GPU_SCHED_STAT_ENODEV",
    "DRM_GPU_SCHED_STAT_NOMINAL",
    "DRM_GPU_SCHED_STAT_NONE",
    "DRM_GPU_SCHED_STAT_NO_HANG",
    "DRM_GPU_SCHED_STAT_RESET",
    "DRM_SCHED_PRIORITY_HIGH",
    "DRM_SCHED_PRIORITY_KERNEL",
    "DRM_SCHED_PRIORITY_LOW",
    "DRM_SCHED_PRIORITY_NORMAL",
    "EAGAIN",
    "EALREADY",
    "EBUSY",
    "ECANCELED",
    "EDEADLK",
    "EFAULT",
    "EINTR",
    "EINVAL",
    "EIO",
    "ENODEV",
    "ENOENT",
    "ENOMEM",
    "ENOSPC",
    "EOPNOTSUPP",
    "ERESTARTSYS",
    "ETIME",
    "ETIMEDOUT",
    "IRQ_HANDLED",
    "IRQ_NONE",
    "IRQ_WAKE_THREAD",
    "KERNEL",
    "MAX_SCHEDULE_TIMEOUT",
    "READ",
    "SHRINK_STOP",
    "WRITE",
    "Usage",
    "ms",
    "ns",
    "s",
    "us",
]

# include/uapi/asm-generic/errno-base.h, errno.h and include/linux/errno.h; positive, returned as -EINTR.
ENOENT: Final = 2
EINTR: Final = 4
EIO: Final = 5
EAGAIN: Final = 11
ENOMEM: Final = 12
EFAULT: Final = 14
EBUSY: Final = 16
ENODEV: Final = 19
EINVAL: Final = 22
ENOSPC: Final = 28
EDEADLK: Final = 35
ETIME: Final = 62
EOPNOTSUPP: Final = 95
ETIMEDOUT: Final = 110
EALREADY: Final = 114
ECANCELED: Final = 125
ERESTARTSYS: Final = 512

SHRINK_STOP: Final = -1
"""What ``scan_objects`` returns if it can't free anything now (``include/linux/shrinker.h``)."""

IRQ_NONE: Final = 0
"""The interrupt was not the handler's."""
IRQ_HANDLED: Final = 0
"""The interrupt was handled; nothing else is to be done, so that it is the same as `IRQ_NONE` here."""
IRQ_WAKE_THREAD: Final = 1
"""The threaded handler is to run (``include/linux/irqreturn.h``)."""

MAX_SCHEDULE_TIMEOUT: Final = (1 << 63) - 1
"""No timeout: waits as long as it takes."""


# enum drm_sched_priority: what a smaller number has goes first (include/drm/gpu_scheduler.h).
DRM_SCHED_PRIORITY_KERNEL: Final = 0
DRM_SCHED_PRIORITY_HIGH: Final = 1
DRM_SCHED_PRIORITY_NORMAL: Final = 2
DRM_SCHED_PRIORITY_LOW: Final = 3

# enum drm_gpu_sched_stat: what timedout_job returns.
DRM_GPU_SCHED_STAT_NONE: Final = 0
"""Reserved."""
DRM_GPU_SCHED_STAT_NOMINAL: Final = 1
"""The hang was dealt with, and the device works."""
DRM_GPU_SCHED_STAT_RESET: Final = 1
"""`DRM_GPU_SCHED_STAT_NOMINAL` by its name since 6.17."""
DRM_GPU_SCHED_STAT_ENODEV: Final = 2
"""The device is gone: no timeout runs any more."""
DRM_GPU_SCHED_STAT_NO_HANG: Final = 3
"""It was a false alarm: the scheduler takes the job back (since 6.17)."""


class Usage(IntEnum):
    """``enum dma_resv_usage`` (``include/linux/dma-resv.h``): asking for one includes all before it."""

    KERNEL = 0
    """Memory management of the kernel: everybody waits for it, always."""
    WRITE = 1
    """Implicit sync: writes."""
    READ = 2
    """Implicit sync: reads."""
    BOOKKEEP = 3
    """No implicit sync; only memory management waits for it."""


KERNEL: Final = Usage.KERNEL
WRITE: Final = Usage.WRITE
READ: Final = Usage.READ
BOOKKEEP: Final = Usage.BOOKKEEP
DMA_RESV_USAGE_KERNEL: Final = Usage.KERNEL
DMA_RESV_USAGE_WRITE: Final = Usage.WRITE
DMA_RESV_USAGE_READ: Final = Usage.READ
DMA_RESV_USAGE_BOOKKEEP: Final = Usage.BOOKKEEP


def _whole(count: float, unit: int, name: str) -> int:
    nanoseconds = count * unit
    if nanoseconds != int(nanoseconds):
        message = f"rf.{name}({count}) is no whole number of nanoseconds"
        raise mistake(message)
    return int(nanoseconds)


def ns(count: float) -> int:
    """That many virtual nanoseconds.

    Raises:
        ScenarioError: it is no whole number.
    """
    return _whole(count, 1, "ns")


def us(count: float) -> int:
    """That many virtual microseconds, in nanoseconds.

    Raises:
        ScenarioError: it is no whole number of nanoseconds.

    >>> us(1.5)
    1500
    """
    return _whole(count, 1_000, "us")


def ms(count: float) -> int:
    """That many virtual milliseconds, in nanoseconds.

    Raises:
        ScenarioError: it is no whole number of nanoseconds.
    """
    return _whole(count, 1_000_000, "ms")


def s(count: float) -> int:
    """That many virtual seconds, in nanoseconds.

    Raises:
        ScenarioError: it is no whole number of nanoseconds.
    """
    return _whole(count, 1_000_000_000, "s")
