"""What a handler returns that may return a fence: its programs say no more than they do."""

from __future__ import annotations

from ringfence._scenario._table import NUMBERS
from ringfence._scenario._values import Argument, Value
from ringfence._scenario._where import mistake
from ringfence._scenario._wording import described

__all__ = ["FENCES", "FenceReturns"]

FENCES = frozenset({"dma_fence", "dma_fence_or_err"})
"""What such a handler may return at most."""

_NARROWEST = {
    frozenset({"errno"}): "errno",
    frozenset({"dma_fence"}): "dma_fence",
    frozenset({"NULL"}): "dma_fence",
    frozenset({"NULL", "dma_fence"}): "dma_fence",
}


class FenceReturns:
    """The values that one program returns: fences, NULL, negative errnos.

    Attributes:
        seen: which of them it returns somewhere.
    """

    def __init__(self, program: str, widest: str) -> None:
        self._program = program
        self._widest = widest
        self.seen: set[str] = set()

    @property
    def kind(self) -> str | None:
        """The narrowest kind for all of them; None: it returns nothing anywhere."""
        return _NARROWEST.get(frozenset(self.seen), "dma_fence_or_err") if self.seen else None

    def converted(self, value: object) -> Value | Argument:
        """What is returned: a symbolic value, or the JSON form of a plain one.

        Raises:
            ScenarioError: the caller expects something else.
        """
        numbers = self._widest == "dma_fence_or_err"
        if isinstance(value, Value) and value.KIND == "dma_fence":
            self.seen.add("dma_fence")
            return value
        if value is None:
            self.seen.add("NULL")
            return None
        if numbers and isinstance(value, Value) and value.KIND in NUMBERS:
            self.seen.add("errno")
            return value
        if numbers and type(value) is int and value < 0:
            self.seen.add("errno")
            return value
        wanted = (
            "a fence, None (NULL) or a negative errno (-rf.ENOMEM)" if numbers else "a fence or None (NULL)"
        )
        message = f"`{self._program}` returns {wanted}, not {described(value)}"
        raise mistake(message)
