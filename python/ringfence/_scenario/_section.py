"""What opening calls return: a way to close again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from ringfence._scenario._where import mistake

if TYPE_CHECKING:
    from types import TracebackType

    from ringfence._scenario._blocks import Block
    from ringfence._scenario._recorder import Recorder

__all__ = ["Ending", "Guard", "Lock", "Section"]

# mypy.stubtest takes an alias of a `Literal` with several values for a union, and wants one at run time.
Guard = Literal["always"] | Literal["zero", "nonzero"]  # noqa: PYI030
"""When a call has taken what it was asked for: always, if it returned 0, if it returned something else."""


class Ending:
    """How a section is closed.

    Attributes:
        op: the operation that closes it.
        args: its arguments.
        guard: when there is something to close.
        used: it is, or was, in a ``with``.
        block: the branch that runs if there is something to close.
    """

    __slots__ = ("args", "block", "guard", "op", "used")

    def __init__(self, op: str, args: tuple[object, ...], guard: Guard) -> None:
        self.op = op
        self.args = args
        self.guard = guard
        self.used = False
        self.block: Block | None = None


class Section:
    """What a call that takes or opens something returns.

    The call has taken effect when it returns, as in the kernel: ``t.mutex_lock(m)`` alone locks. In a
    ``with`` statement the end of the block unlocks, and so do ``t.return_()``, ``t.break_()`` and
    ``t.continue_()`` that leave the block, as with the kernel's ``guard()`` (``include/linux/cleanup.h``).

    A call that can fail guards its block, as the kernel's ``scoped_cond_guard()``: in
    ``with t.mutex_trylock(m): …`` the block runs if the lock was taken; ``with t.else_(): …`` right behind
    it runs if it was not.
    """

    __slots__ = ()

    _owner: Recorder
    _ending: Ending | None

    def __enter__(self) -> Self:
        ending = self._ending
        if ending is None:
            message = "this value opens nothing: it can't be used in `with`"
            raise mistake(message)
        if ending.used:
            message = (
                f"this was closed by a `with` already ({ending.op}); call the operation that opens it again"
            )
            raise mistake(message)
        ending.used = True
        self._owner._enter_section(self, ending)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._ending is not None:
            self._owner._exit_section(self, self._ending)


class Lock(Section):
    """A lock that is held, or another section without a value."""

    __slots__ = ("_ending", "_owner")

    def __init__(self, owner: Recorder, ending: Ending) -> None:
        self._owner = owner
        self._ending = ending

    def __bool__(self) -> bool:
        message = (
            "this call returns nothing that could be tested: it always succeeds. For the ones that can fail "
            "see …_trylock and …_interruptible"
        )
        raise mistake(message)

    def __repr__(self) -> str:
        ending: Any = self._ending
        return f"<section that {ending.op} closes>"
