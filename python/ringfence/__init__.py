"""A test and fuzzing toolkit for the Linux dma-fence cross-driver contract.

`ringfence.lockdep` is a validator with the semantics of the kernel's own; `rules` lists what can be found. On
the command line: ``ringfence --help``.
"""

from ringfence._core import Rule, __version__, rules
from ringfence.gfp import (
    GFP_ATOMIC,
    GFP_HIGHUSER,
    GFP_KERNEL,
    GFP_KERNEL_ACCOUNT,
    GFP_NOFS,
    GFP_NOIO,
    GFP_NOWAIT,
    GFP_USER,
    Gfp,
)

__all__ = [
    "GFP_ATOMIC",
    "GFP_HIGHUSER",
    "GFP_KERNEL",
    "GFP_KERNEL_ACCOUNT",
    "GFP_NOFS",
    "GFP_NOIO",
    "GFP_NOWAIT",
    "GFP_USER",
    "Gfp",
    "Rule",
    "__version__",
    "rules",
]
