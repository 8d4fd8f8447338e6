"""What is open while a program is recorded: blocks, and sections of ``with``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ringfence._scenario._blocks import Block, Chain
from ringfence._scenario._python_flow import check_python_flow
from ringfence._scenario._record import Record, is_pure
from ringfence._scenario._scope import Scope, Statement
from ringfence._scenario._values import Value
from ringfence._scenario._where import mistake, user_frame

if TYPE_CHECKING:
    from ringfence._scenario._handled import Signature
    from ringfence._scenario._kernel import Kernel
    from ringfence._scenario._section import Ending, Section

__all__ = ["Structure"]


class Structure(Record):
    """The part of a `Recorder` that keeps what is open."""

    def __init__(self, kernel: Kernel, name: str, signature: Signature, where: str) -> None:
        super().__init__(kernel, name, signature, where)
        # The `if` that the latest statement closed.
        self._chain: Chain | None = None

    # ---- blocks --------------------------------------------------------------------------------------------

    def _site(self) -> int:
        return self._kernel._site(sys._getframe(1))

    def _open(self, what: str) -> int:
        """Before a block: may it be here, and does Python leave it alone? Its place."""
        self._check_reachable(what)
        check_python_flow(user_frame(sys._getframe(1)))
        return self._site()

    def _branch(self, what: str, statement: Statement) -> Block:
        home = self._scope
        home.body.append(statement)
        then = Scope("branch", statement["then"], home, self._kernel._place(statement["at"]))
        return self._pend(Block(self, what, then, Chain(statement, home, then)))

    def _loop(self, what: str, statement: Statement) -> Block:
        self._scope.body.append(statement)
        scope = Scope("loop", statement["loop"], self._scope, self._kernel._place(statement["at"]))
        return self._pend(Block(self, what, scope))

    def _continued(self, what: str) -> Chain:
        """The chain that was closed right before."""
        chain = self._chain
        if chain is not None and chain.home is self._scope:
            for statement in reversed(chain.home.body):
                if statement is chain.top:
                    self._chain = None
                    return chain
                if not is_pure(statement):
                    break
        message = (
            f"{what} must stand right behind the block of t.if_(), t.elif_() or a call that can fail. If the "
            "condition takes a call of the kernel, write t.elif_(lambda: …)"
        )
        raise mistake(message)

    def _other_branch(self, chain: Chain, site: int) -> tuple[Scope, list[Value]]:
        """Opens the other branch of a chain; what was computed behind the chain moves into it."""
        home = chain.home.body
        start = next(index for index in reversed(range(len(home))) if home[index] is chain.top) + 1
        statements = home[start:]
        del home[start:]
        moved = self._recent[-len(statements) :] if statements else []
        chain.set_open(is_open=True)
        chain.last["else"] = statements
        other = Scope("branch", statements, chain.parent, self._kernel._place(site))
        other.sibling, chain.then.sibling = chain.then, other
        return other, moved

    def _pend(self, block: Block) -> Block:
        self._pending = (block.what, block.scope.where)
        return block

    def _enter_block(self, block: Block) -> None:
        if self._pending is None or not block.scope.is_open or block.scope.outer is None:
            message = f"{block.what} was entered before: call it again for another block"
            raise mistake(message)
        self._pending = None
        self._recent.clear()
        self._scope = block.scope

    def _exit_block(self, block: Block) -> None:
        scope = block.scope
        self._check_closed(scope)
        outer = scope.outer
        if outer is None or self._scope is not scope:
            message = f"{block.what} of {scope.where} is not the innermost block that is open"
            raise mistake(message)
        scope.is_open = False
        self._recent.clear()
        chain = block.chain
        if chain is None:
            self._scope = outer
            if scope.first_break is None:
                outer.ended = f"the loop at {scope.where} has no t.break_()"
            return
        chain.set_open(is_open=False)
        self._scope = chain.home
        if block.is_else:
            chain.pass_ends_on(scope)
        else:
            self._chain = chain

    def _check_closed(self, scope: Scope) -> None:
        if self._pending is not None:
            self._check_reachable("the end of the block")
        if scope.sections:
            ending = scope.sections[-1]._ending
            closes = "" if ending is None else f" ({ending.op} would close it)"
            message = (
                f"a `with` section{closes} is still open at the end of the block opened at {scope.where}"
            )
            raise mistake(message)

    def _innermost_loop(self, what: str) -> Scope:
        scope: Scope | None = self._scope
        while scope is not None and scope.kind != "loop":
            scope = scope.outer
        if scope is None:
            message = f"{what} stands in no t.loop() or t.while_()"
            raise mistake(message)
        return scope

    def _leave(self, what: str, last: Scope | None) -> int:
        """Records the ends of all `with` sections from here out to that block, or to the whole program."""
        self._check_reachable(what)
        scope: Scope | None = self._scope
        while scope is not None:
            for section in reversed(scope.sections):
                ending = section._ending
                if ending is not None:
                    self._record(ending.op, ending.args)
            scope = None if scope is last else scope.outer
        return self._site()

    def _finish_block(self, statement: Statement, what: str) -> None:
        self._scope.body.append(statement)
        self._scope.ended = f"the block ends with {what} at {self._kernel._place(statement['at'])}"

    # ---- sections ------------------------------------------------------------------------------------------

    def _enter_section(self, section: Section, ending: Ending) -> None:
        """The section's `with` begins; that of a call that can fail is a branch."""
        self._check_reachable("this `with`")
        if ending.guard != "always" and isinstance(section, Value):
            value: Value = section
            if ending.guard == "zero":
                value = self._pure("not", (section,))
            check_python_flow(user_frame(sys._getframe(1)))
            block = self._branch(
                "this `with`", {"if": value._use(self._self), "then": [], "at": self._site()}
            )
            ending.block = block
            self._enter_block(block)
        self._scope.sections.append(section)

    def _exit_section(self, section: Section, ending: Ending) -> None:
        scope = self._scope
        if not scope.sections or scope.sections[-1] is not section:
            message = f"this section ({ending.op} closes it) is not the innermost `with` that is open"
            raise mistake(message)
        if self._pending is not None:
            self._check_reachable("the end of the section")
        if scope.ended is None:
            self._record(ending.op, ending.args)
        scope.sections.pop()
        if ending.block is not None:
            self._exit_block(ending.block)
