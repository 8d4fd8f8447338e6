"""Where in the user's source something was written."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ringfence.errors import ScenarioError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

__all__ = [
    "Site",
    "declared_at",
    "function_name",
    "is_own",
    "line_of",
    "mistake",
    "readable",
    "unknown_name",
    "user_frame",
]

Site = tuple[str, int, str]
"""File, line and function."""

# Frames of these files are not the user's. `contextlib` ends the sections of an ExitStack.
_HERE = Path(__file__).parent
_OWN = frozenset({*(str(path) for path in _HERE.rglob("*.py")), contextlib.__file__, functools.__file__})


def is_own(file: str) -> bool:
    """Whether a file belongs to the builder."""
    return file in _OWN


def user_frame(frame: FrameType) -> FrameType:
    """The nearest frame, from this one outwards, that is not the builder's own."""
    while frame.f_code.co_filename in _OWN and frame.f_back is not None:
        frame = frame.f_back
    return frame


# Driver models of the package are somewhere in an environment: nobody wants to know where.
_PACKAGES = f"{_HERE.parent.parent}{os.sep}"


def readable(file: str) -> str:
    """The file, relative to the current folder where it is inside; one of the package, as ``ringfence/…``."""
    if file.startswith(f"{_HERE.parent}{os.sep}"):
        return file.removeprefix(_PACKAGES)
    return file.removeprefix(f"{Path.cwd()}{os.sep}")


def line_of(file: str, line: int) -> str:
    """A place in messages."""
    return f"{readable(file)}:{line}"


def function_name(code: CodeType) -> str:
    """The function that code is part of: for a lambda or a comprehension, the one around it."""
    names = (name for name in reversed(code.co_qualname.split(".")) if not name.startswith("<"))
    return next(names, code.co_name)


def declared_at(function: Callable[..., object]) -> str:
    """Where a function stands, for messages; empty if it has no source."""
    code: CodeType | None = getattr(function, "__code__", None)
    return "" if code is None else line_of(code.co_filename, code.co_firstlineno)


def _here() -> str:
    frame = user_frame(sys._getframe(2))
    return line_of(frame.f_code.co_filename, frame.f_lineno)


def mistake(message: str) -> ScenarioError:
    """The error for a mistake in the user's line that is being executed."""
    return ScenarioError(message, _here())


def unknown_name(message: str) -> UnknownNameError:
    """The error for a name that does not exist, in the user's line that is being executed."""
    return UnknownNameError(message, _here())
