"""What the terminal can show."""

from __future__ import annotations

import difflib
import io
import os
import re
import shutil
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

__all__ = ["clean", "colour", "did_you_mean", "render", "width", "write"]

DEFAULT_WIDTH = 100
"""Columns where there is no terminal."""


def width(wanted: int | None = None) -> int:
    """Columns: those asked for, else the terminal's, else 100."""
    if wanted is not None:
        return wanted
    return shutil.get_terminal_size((DEFAULT_WIDTH, 24)).columns


def colour() -> bool:
    """Standard output takes colours: it is a terminal and nobody asked for none (https://no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write(text: str) -> None:
    """Writes all of it to standard output at once."""
    stream = sys.stdout
    stream.flush()
    # Under `python -u` a text stream drops the rest of a write that a signal cuts short.
    rest = memoryview(text.replace("\n", os.linesep).encode(stream.encoding, stream.errors or "strict"))
    while rest:
        rest = rest[stream.buffer.write(rest) :]
    stream.buffer.flush()


def clean(text: str, length: int = 400) -> str:
    """A name or message for a terminal: no control characters, not endless."""
    if len(text) > length:
        text = text[: length - 1] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`` Did you mean …?``, or nothing."""
    close = difflib.get_close_matches(word, list(known), n=10)
    close.sort(key=lambda other: -_common(word, other))
    return f" Did you mean {' or '.join(close[:3])}?" if close else ""


def _common(word: str, other: str) -> int:
    """Length of the common beginning."""
    return next((at for at, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), len(word))


def render(*things: RenderableType, columns: int | None = None) -> str:
    """Rich's output as text, with colours if standard output takes them."""
    from rich.console import Console
    from rich.theme import Theme

    coloured = colour()
    # Rich draws with what the encoding has.
    buffer = io.TextIOWrapper(io.BytesIO(), getattr(sys.stdout, "encoding", None) or "utf-8", "replace")
    console = Console(
        file=buffer,
        width=width(columns),
        force_terminal=coloured,
        color_system="auto" if coloured else None,
        highlight=False,
        markup=False,
        emoji=False,
        theme=Theme({"markdown.code": "cyan", "markdown.h2": "bold underline"}),
    )
    for thing in things:
        console.print(thing)
    buffer.seek(0)
    # Rich fills lines up to the width; nobody wants to copy that.
    return re.sub(r" +((?:\x1b\[0m)*)$", r"\1", buffer.read(), flags=re.MULTILINE)
