"""gfp masks, under the names of ``include/linux/gfp_types.h``.

Python rewrites names such as ``__GFP_NOLOCKDEP`` inside a class, so single flags are called ``FLAG_…`` here.

>>> str(GFP_KERNEL & ~FLAG_FS)
'GFP_NOFS'
>>> GFP_NOFS | FLAG_FS == GFP_KERNEL
True
"""

from typing import Final

from ringfence._core import Gfp

__all__ = [
    "FLAG_DIRECT_RECLAIM",
    "FLAG_FS",
    "FLAG_IO",
    "FLAG_KSWAPD_RECLAIM",
    "FLAG_NOFAIL",
    "FLAG_NOLOCKDEP",
    "FLAG_NORETRY",
    "FLAG_NOWARN",
    "FLAG_RECLAIM",
    "FLAG_ZERO",
    "GFP_ATOMIC",
    "GFP_HIGHUSER",
    "GFP_KERNEL",
    "GFP_KERNEL_ACCOUNT",
    "GFP_NOFS",
    "GFP_NOIO",
    "GFP_NOWAIT",
    "GFP_USER",
    "Gfp",
]

GFP_KERNEL: Final = Gfp("GFP_KERNEL")
"""May do everything, file systems included. Enters ``fs_reclaim`` and the MMU notifier map."""
GFP_KERNEL_ACCOUNT: Final = Gfp("GFP_KERNEL_ACCOUNT")
"""As `GFP_KERNEL`, charged to the memory cgroup."""
GFP_USER: Final = Gfp("GFP_USER")
"""As `GFP_KERNEL`, for user space."""
GFP_HIGHUSER: Final = Gfp("GFP_HIGHUSER")
"""As `GFP_USER`, from high memory too."""
GFP_NOFS: Final = Gfp("GFP_NOFS")
"""May do I/O but not enter file systems. Still enters the MMU notifier map."""
GFP_NOIO: Final = Gfp("GFP_NOIO")
"""May reclaim but start no I/O. Still enters the MMU notifier map."""
GFP_ATOMIC: Final = Gfp("GFP_ATOMIC")
"""Never sleeps, may use the reserves, may fail."""
GFP_NOWAIT: Final = Gfp("GFP_NOWAIT")
"""Never sleeps, may fail: what a signalling section may use."""

FLAG_RECLAIM: Final = Gfp("__GFP_RECLAIM")
"""``__GFP_RECLAIM``: direct reclaim and kswapd."""
FLAG_DIRECT_RECLAIM: Final = Gfp("__GFP_DIRECT_RECLAIM")
"""``__GFP_DIRECT_RECLAIM``: the caller may reclaim, and therefore sleep."""
FLAG_KSWAPD_RECLAIM: Final = Gfp("__GFP_KSWAPD_RECLAIM")
"""``__GFP_KSWAPD_RECLAIM``: kswapd may be woken."""
FLAG_IO: Final = Gfp("__GFP_IO")
"""``__GFP_IO``: may start I/O."""
FLAG_FS: Final = Gfp("__GFP_FS")
"""``__GFP_FS``: may call into file systems."""
FLAG_NOLOCKDEP: Final = Gfp("__GFP_NOLOCKDEP")
"""``__GFP_NOLOCKDEP``: not to be looked at by lockdep."""
FLAG_NOWARN: Final = Gfp("__GFP_NOWARN")
"""``__GFP_NOWARN``: no warning on failure."""
FLAG_NORETRY: Final = Gfp("__GFP_NORETRY")
"""``__GFP_NORETRY``: gives up early."""
FLAG_NOFAIL: Final = Gfp("__GFP_NOFAIL")
"""``__GFP_NOFAIL``: never fails."""
FLAG_ZERO: Final = Gfp("__GFP_ZERO")
"""``__GFP_ZERO``: zeroed memory."""
