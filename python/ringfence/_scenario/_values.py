"""Symbolic values: what is only known when the scenario runs."""

from __future__ import annotations

import linecache
import re
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ringfence._scenario._where import line_of, mistake, user_frame
from ringfence.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence._core import Gfp
    from ringfence._scenario._pointers import Declared
    from ringfence._scenario._recorder import Recorder
    from ringfence._scenario._scope import Scope, Statement
    from ringfence._scenario._section import Ending

__all__ = [
    "Argument",
    "Cookie",
    "Errno",
    "GfpMask",
    "Int",
    "Nanos",
    "Seqno",
    "UsageLevel",
    "Value",
    "undecided",
]

Argument = Any
"""An argument in the JSON form of scenarios."""


class Value:
    """A value of one program that is only known when the scenario runs.

    Comparing gives a symbolic truth value, for ``t.if_``. A plain ``if``, ``while``, ``and``, ``or`` or
    ``not`` can't decide on it while the scenario is built, and raises `ScenarioError`.

    Attributes:
        KIND: the engine's name for its kind.
    """

    __slots__ = (
        "_argument",
        "_declared",
        "_ending",
        "_is_variable",
        "_number",
        "_owner",
        "_scope",
        "_statement",
    )

    KIND: ClassVar[str] = "int"

    def __init__(self, owner: Recorder, statement: Statement | None = None) -> None:
        self._owner = owner
        self._statement = statement
        self._scope: Scope = owner._scope
        self._number = owner._count
        self._argument: Argument = None
        self._ending: Ending | None = None
        self._is_variable = False
        self._declared: Declared | None = None

    def _use(self, recorder: Recorder) -> Argument:
        """Its JSON form as an argument in that program.

        Raises:
            ScenarioError: it is not known there.
        """
        if self._owner is not recorder:
            message = (
                f"{self!r} is a value of program `{self._owner.name}`; in `{recorder.name}` it is not known. "
                "Hand it over through a declared object: k.cell() for numbers, k.dma_fence() for fences, "
                "a dma_resv, a syncobj"
            )
            raise mistake(message)
        if not self._scope.is_open and not self._scope.knows(self._number):
            message = (
                f"{self!r} is assigned in the block opened at {self._scope.where} only; here it may not "
                "exist. Declare a variable before the block, `v = t.var(…)`, and assign it inside, `v.set(…)`"
            )
            raise mistake(message)
        if self._argument is None:
            self._argument = {"reg": recorder._new_register(self.KIND)}
            if self._statement is not None:
                self._statement["out"] = self._argument["reg"]
        return self._argument

    def set(self, value: Self | int | Gfp | None) -> None:
        """Assigns the variable.

        Args:
            value: what it is from here on; of the same kind. None: NULL.

        Raises:
            ScenarioError: it is no variable, or the value is of another kind.
        """
        if not self._is_variable:
            message = (
                f"{self!r} is no variable: it is assigned once, by the call that returned it. "
                "`v = t.var(…)` makes a variable"
            )
            raise mistake(message)
        self._owner._assign(self, value)

    def _binary(self, op: str, other: object) -> Int:
        return self._owner._pure(op, (self, other))

    # Symbolic, not bool: that is what the whole module is for.
    def __eq__(self, other: object) -> Int:  # type: ignore[override]
        return self._binary("eq", other)

    def __ne__(self, other: object) -> Int:  # type: ignore[override]
        return self._binary("ne", other)

    __hash__ = object.__hash__

    def __bool__(self) -> bool:
        raise undecided(self)

    def __repr__(self) -> str:
        statement = self._statement
        if statement is None:
            return f"<{type(self).__name__} of {self._owner.name}>"
        place = self._owner._kernel._place(statement["at"])
        return f"<{type(self).__name__} {statement['op']}() of {place}>"


class Int(Value):
    """A number or truth value (1 or 0).

    Supports ``==``, ``!=``, ``<``, ``<=``, ``>``, ``>=``, ``+``, ``-``, ``&`` and ``|``, with numbers and
    with each other; 64 bits, wrapping. ``v += 1`` and its like assign a variable (``v = t.var(0)``).
    """

    __slots__ = ()

    def __add__(self, other: int | Int) -> Int:
        return self._binary("add", other)

    __radd__ = __add__

    def __sub__(self, other: int | Int) -> Int:
        return self._binary("sub", other)

    def __rsub__(self, other: int | Int) -> Int:
        return self._owner._pure("sub", (other, self))

    def __neg__(self) -> Int:
        return self._owner._pure("sub", (0, self))

    def __and__(self, other: int | Int) -> Int:
        return self._binary("and", other)

    __rand__ = __and__

    def __or__(self, other: int | Int) -> Int:
        return self._binary("or", other)

    __ror__ = __or__

    def _in_place(self, result: Int) -> Int:
        """``v += 1`` assigns a variable; of a value, the name stands for the result from here on."""
        if not self._is_variable:
            return result
        self._owner._assign(self, result)
        return self

    def __iadd__(self, other: int | Int) -> Int:  # noqa: PYI034 - of a value, it is another one
        return self._in_place(self + other)

    def __isub__(self, other: int | Int) -> Int:  # noqa: PYI034 - of a value, it is another one
        return self._in_place(self - other)

    def __iand__(self, other: int | Int) -> Int:  # noqa: PYI034 - of a value, it is another one
        return self._in_place(self & other)

    def __ior__(self, other: int | Int) -> Int:  # noqa: PYI034 - of a value, it is another one
        return self._in_place(self | other)

    def __lt__(self, other: int | Int) -> Int:
        return self._binary("lt", other)

    def __le__(self, other: int | Int) -> Int:
        return self._binary("le", other)

    def __gt__(self, other: int | Int) -> Int:
        return self._owner._pure("lt", (other, self))

    def __ge__(self, other: int | Int) -> Int:
        return self._owner._pure("le", (other, self))

    def __index__(self) -> int:
        raise undecided(self)


class Errno(Int):
    """0, or a negative errno such as ``-EDEADLK``."""

    __slots__ = ()
    KIND = "errno"

    @property
    def failed(self) -> Int:
        """Whether it is negative."""
        return self < 0


class Nanos(Int):
    """Virtual nanoseconds."""

    __slots__ = ()
    KIND = "ns"


class UsageLevel(Int):
    """An ``enum dma_resv_usage``; see `ringfence.Usage` for the constants."""

    __slots__ = ()
    KIND = "usage"


class Seqno(Int):
    """A number on a timeline."""

    __slots__ = ()
    KIND = "seqno"


class GfpMask(Value):
    """A gfp mask in a variable."""

    __slots__ = ()
    KIND = "gfp"


class Cookie(Value):
    """What a save or ``dma_fence_begin_signalling()`` returned, for its counterpart."""

    __slots__ = ()
    KIND = "cookie"


_FIXES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"while\s+(.+?)\s*:", lambda found: f"`with t.while_(lambda: {found[1]}):`"),
    (r"elif\s+(.+?)\s*:", lambda found: f"`with t.elif_({found[1]}):`"),
    (r"if\s+not\s+(\w+)\s*:", lambda found: f"`with t.if_(t.not_({found[1]})):`"),
    (r"if\s+(.+?)\s*:", lambda found: f"`with t.if_({found[1]}):`"),
    (r"(?:.*[=(]\s*)?not\s+(\w[\w.]*)", lambda found: f"`t.not_({found[1]})`"),
    (r"assert\s+(.+)", lambda found: f"`t.warn_on(t.not_({found[1]}))`"),
    (r".*\bin\s+range\(", lambda _: "`with t.while_(lambda: …):` with a variable `i = t.var(0)`"),
)


def undecided(value: Value) -> ScenarioError:
    """The error for a value that Python wants to know while the scenario is built."""
    frame = user_frame(sys._getframe(2))
    code = frame.f_code
    source = linecache.getline(code.co_filename, frame.f_lineno, frame.f_globals).strip()
    fix = "`with t.if_(…):`, `with t.while_(lambda: …):`"
    for pattern, words in _FIXES:
        if found := re.match(pattern, source):
            fix = words(found)
            break
    if re.search(r"\band\b|\bor\b", fix):
        fix += "; in it, write & for `and`, | for `or`, with parentheses around each side"
    message = (
        f"{value!r} is only known when the scenario runs, so that a plain `if`, `while`, `and`, `or`, `not` "
        f"or `in` can't decide on it. Write {fix}"
    )
    if source:
        message += f"\n    {source}"
    return ScenarioError(message, line_of(code.co_filename, frame.f_lineno))
