"""A test and fuzzing toolkit for the Linux dma-fence cross-driver contract."""

from ringfence._core import __version__

__all__ = ["__version__"]
