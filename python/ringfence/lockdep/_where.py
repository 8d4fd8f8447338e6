"""Where in the caller's source a call was made."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from ringfence.errors import MisuseError

__all__ = ["Where", "caller", "place"]

Where = str | tuple[str, int] | tuple[str, int, str]
"""A place given by hand: ``"file.c:123"``, ``("file.c", 123)`` or ``("file.c", 123, "function")``."""

# Frames of these files are not the caller's. `contextlib` ends the sections of an ExitStack.
_HERE = str(Path(__file__).parent)
_OWN = {
    *(
        str(Path(_HERE, name))
        for name in ("_events.py", "_section.py", "_task.py", "_validator.py", "_where.py")
    ),
    contextlib.__file__,
}


def caller() -> tuple[str, int, str]:
    """File, line and function of the nearest frame outside this package. Its strings are not copied."""
    frame = sys._getframe(2)  # noqa: SLF001 - what `inspect` itself uses, and cheap
    while frame.f_code.co_filename in _OWN and frame.f_back is not None:
        frame = frame.f_back
    code = frame.f_code
    return code.co_filename, frame.f_lineno, code.co_name


def place(where: Where) -> tuple[str, int, str]:
    """Understands a place given by hand.

    Raises:
        MisuseError: it has none of the three forms.
    """
    match where:
        case str():
            file, colon, line = where.rpartition(":")
            if colon and line.isascii() and line.isdigit() and len(line) < 10:
                return file, int(line), ""
        case (str(file), int(line)) if 0 <= line < 1 << 32:
            return file, line, ""
        case (str(file), int(line), str(function)) if 0 <= line < 1 << 32:
            return file, line, function
    message = f"where={where!r}; expected 'file:line', (file, line) or (file, line, function)"
    raise MisuseError(message)


def readable(file: str, function: str) -> tuple[str, str]:
    """The file, relative to the current folder where it is inside; the function, unless it is the module."""
    return file.removeprefix(f"{Path.cwd()}{os.sep}"), "" if function == "<module>" else function
