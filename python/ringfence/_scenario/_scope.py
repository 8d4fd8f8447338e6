"""Blocks of a program while they are recorded, and which values are known where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

    from ringfence._scenario._section import Section

__all__ = ["BlockKind", "Scope", "Statement"]

Statement = dict[str, Any]
"""A statement in the JSON form of scenarios."""

# mypy.stubtest takes an alias of a `Literal` with several values for a union, and wants one at run time.
BlockKind = Literal["program", "branch"] | Literal["loop"]  # noqa: PYI030


class Scope:
    """One block: a program's body, a branch, or the body of a loop.

    Attributes:
        kind: which of them.
        body: its statements.
        outer: the block around it.
        where: the place it was opened at, for messages.
        is_open: statements can be added, now or inside a block within it.
        ended: why nothing after its last statement can be reached; None: it can.
        sections: `with` sections that were opened in it and are not closed, innermost last.
        sibling: for a branch, the other one.
        first_break: for a loop, how many statements the program had at the first way out.
        on_continue: for a loop, what records its step.
    """

    __slots__ = (
        "body",
        "ended",
        "first_break",
        "is_open",
        "kind",
        "on_continue",
        "outer",
        "sections",
        "sibling",
        "where",
    )

    def __init__(self, kind: BlockKind, body: list[Statement], outer: Scope | None, where: str) -> None:
        self.kind = kind
        self.body = body
        self.outer = outer
        self.where = where
        self.is_open = True
        self.ended: str | None = None
        self.sections: list[Section] = []
        self.sibling: Scope | None = None
        self.first_break: int | None = None
        self.on_continue: Callable[[], None] | None = None

    def knows(self, number: int) -> bool:
        """Whether a value made here, by this statement of the program, exists wherever we are now.

        The block must be open; or be a loop that is only left after the value was made; or be the only branch
        that goes on behind the branches.
        """
        if self.is_open:
            return True
        if self.outer is None:
            return False
        if self.kind == "loop":
            stays = self.first_break is None or number <= self.first_break
        else:
            stays = self.ended is None and self.sibling is not None and self.sibling.ended is not None
        return stays and self.outer.knows(number)
