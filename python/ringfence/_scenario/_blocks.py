"""What ``t.if_()``, ``t.loop()`` and their like return: blocks for a ``with`` statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from ringfence._scenario._where import mistake

if TYPE_CHECKING:
    from types import TracebackType

    from ringfence._scenario._scope import Scope, Statement
    from ringfence._scenario._structure import Structure

__all__ = ["Block", "Chain"]


class Chain:
    """An ``if`` whose branch is closed, and which ``else_`` and ``elif_`` can go on with.

    Attributes:
        top: the statement in the block that the chain stands in.
        last: its innermost ``if``, which has no other branch yet.
        then: the branch of that.
        home: the block that the chain stands in.
        outer: the branches around it, outermost first: of each ``if``, the one that was taken, and the other
            one, which holds the next ``if``.
    """

    __slots__ = ("home", "last", "outer", "then", "top")

    def __init__(self, top: Statement, home: Scope, then: Scope) -> None:
        self.top = top
        self.last = top
        self.home = home
        self.then = then
        self.outer: list[tuple[Scope, Scope]] = []

    @property
    def parent(self) -> Scope:
        """The block that the innermost ``if`` stands in."""
        return self.outer[-1][1] if self.outer else self.home

    def set_open(self, is_open: bool) -> None:
        """Opens the branches around, to go on inside them, or closes them."""
        for _, other in self.outer:
            other.is_open = is_open

    def pass_ends_on(self, other: Scope) -> None:
        """When no branch goes on, nothing behind the chain can be reached."""
        pairs = [*self.outer, (self.then, other)]
        for then, otherwise in reversed(pairs):
            if then.ended is None or otherwise.ended is None or otherwise.outer is None:
                return
            otherwise.outer.ended = otherwise.ended


class Block:
    """A block of statements, for a ``with`` statement.

    Attributes:
        what: the call that made it.
        scope: its statements.
        chain: for a branch, the ``if`` it belongs to.
        is_else: nothing can follow in the chain.
    """

    __slots__ = ("_recorder", "chain", "is_else", "scope", "what")

    def __init__(
        self, recorder: Structure, what: str, scope: Scope, chain: Chain | None = None, is_else: bool = False
    ) -> None:
        self._recorder = recorder
        self.what = what
        self.scope = scope
        self.chain = chain
        self.is_else = is_else

    def __enter__(self) -> Self:
        self._recorder._enter_block(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._recorder._exit_block(self)

    def __bool__(self) -> bool:
        message = f"{self.what} is a block: write `with {self.what}:`"
        raise mistake(message)

    def __repr__(self) -> str:
        return f"<block of {self.what}>"
