"""Checks of arguments that type checkers check too, for those who use none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ringfence._scenario._values import Value
from ringfence._scenario._where import mistake
from ringfence._scenario._wording import closest, described

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MAX", "checked_choice", "checked_function", "checked_name", "checked_number"]

MAX = (1 << 63) - 1
"""The largest number."""


def checked_number(what: str, value: object, low: int, high: int) -> int:
    """The number, which must be in range.

    Raises:
        ScenarioError: it is not, or no number.
    """
    if isinstance(value, int) and low <= value <= high:
        return int(value)
    message = f"{what} takes a number from {low} to {high}, not {described(value)}"
    raise mistake(message)


def checked_name(what: str, value: object) -> str:
    """The name, which must be a text and not empty.

    Raises:
        ScenarioError: it is not.
    """
    if isinstance(value, str) and value:
        return value
    message = f"{what} is declared with a name, a text, not {described(value)}"
    raise mistake(message)


def checked_choice(what: str, value: object, known: Sequence[str]) -> str:
    """The text, which must be one of these.

    Raises:
        ScenarioError: it is not.
    """
    if isinstance(value, str) and value in known:
        return value
    message = f"{what} takes {' or '.join(map(repr, known))}, not {described(value)}"
    close = closest(value, known, cutoff=0.4) if isinstance(value, str) else None
    raise mistake(message + (f"; did you mean {close!r}?" if close else ""))


def checked_function(what: str, value: Any) -> Callable[..., Any]:
    """The function.

    Raises:
        ScenarioError: it is none.
    """
    if callable(value) and not isinstance(value, Value):
        return value  # type: ignore[no-any-return] # what it takes is the user's business
    message = f"{what}, not {described(value)}"
    raise mistake(message)
