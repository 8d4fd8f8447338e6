"""What a caller can get wrong, as exceptions.

A *finding* is never one of them: what the toolkit detects in a program or trace is a value that is returned.
An engine bug is neither; it is a ``PanicException`` and passes through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ringfence.lockdep import Replayed

__all__ = [
    "ArgumentError",
    "GfpError",
    "MisuseError",
    "ProfileError",
    "ReplayError",
    "RingfenceError",
    "ScenarioError",
    "ScenarioWarning",
    "TraceError",
    "UnknownNameError",
    "UnknownRuleError",
]

_SHOWN = 10


class RingfenceError(Exception):
    """Base of every mistake that a caller of ringfence can make."""


class ArgumentError(RingfenceError, TypeError, ValueError):
    """An argument of the wrong type, or out of range."""


class MisuseError(RingfenceError):
    """A call that makes no sense.

    It contradicts earlier ones (an exit without an enter), or names a lock or task of another validator.
    """


class ProfileError(RingfenceError, ValueError):
    """A profile or a switch that does not exist, or a value that the switch does not take."""


class ReplayError(RingfenceError, ValueError):
    """A replay string that is damaged, of another version, or of another scenario or profile."""


class GfpError(RingfenceError, ValueError):
    """A word in a gfp mask that Linux does not know."""


class ScenarioError(RingfenceError, ValueError):
    """A scenario that makes no sense: a lock of the wrong kind, a value before it exists, a typing error.

    Attributes:
        message: what is wrong, and what to do.
        place: ``file:line`` of the scenario's source, or the path into a scenario's JSON; empty if unknown.
    """

    def __init__(self, message: str, place: str = "") -> None:
        super().__init__(message, place)
        self.message = message
        self.place = place

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class ScenarioWarning(UserWarning):
    """What a scenario may mean, but probably does not: a handler that nothing calls."""


class UnknownNameError(ScenarioError, AttributeError):
    """A misspelt call: the message suggests the right one."""


class UnknownRuleError(RingfenceError, LookupError):
    """No rule has this code or name."""


class TraceError(RingfenceError, ValueError):
    """Some traces could not be used; the others were decided.

    Attributes:
        problems: one message per unusable line or input: where, what, and what was expected.
        results: the traces that were decided all the same, in input order.
    """

    def __init__(self, problems: Sequence[str], results: Sequence[Replayed] = ()) -> None:
        super().__init__(problems, results)
        self.problems = list(problems)
        self.results = list(results)

    def __str__(self) -> str:
        lines = self.problems[:_SHOWN]
        if len(self.problems) > _SHOWN:
            lines.append(f"… and {len(self.problems) - _SHOWN} more")
        lines.append(f"({len(self.results)} other traces were decided: see `.results`)")
        return "\n".join(lines)
