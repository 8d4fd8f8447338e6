"""Branches, loops, returns and variables of a program."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, TypeVar, overload

from ringfence._core import Gfp
from ringfence._scenario._blocks import Block
from ringfence._scenario._checks import checked_function
from ringfence._scenario._pointers import Pointer
from ringfence._scenario._results import LockResult, SavedState, TryLock
from ringfence._scenario._scope import Scope, Statement
from ringfence._scenario._structure import Structure
from ringfence._scenario._table import NUMBERS
from ringfence._scenario._values import Argument, Cookie, Errno, GfpMask, Int, Value
from ringfence._scenario._where import mistake
from ringfence._scenario._wording import described
from ringfence.errors import ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Flow"]

V = TypeVar("V", bound=Value)
P = TypeVar("P", bound=Pointer)
N = TypeVar("N", bound=Int)

# What a variable that starts as a result is: a number is no lock any more.
_PLAIN: dict[type[Value], type[Value]] = {LockResult: Errno, TryLock: Int, SavedState: Cookie}


class Flow(Structure):
    """The part of a `Recorder` for what decides what runs."""

    # ---- branches ------------------------------------------------------------------------------------------

    def if_(self, condition: Value | int | None) -> Block:
        """``with t.if_(ret == -rf.EDEADLK): …``: the block runs if the condition is true.

        Args:
            condition: true if it is not 0 and not NULL.

        Raises:
            ScenarioError: it is neither a symbolic value nor a number.
        """
        site = self._open("t.if_(…)")
        statement: Statement = {"if": self._condition("if_", condition), "then": [], "at": site}
        return self._branch("t.if_(…)", statement)

    def elif_(self, condition: Value | int | Callable[[], Value | int | None] | None) -> Block:
        """``with t.elif_(ret == -rf.EINTR): …``, right behind the block of `if_` or `elif_`.

        Args:
            condition: true if it is not 0 and not NULL. If it takes a call of the kernel to find out, give a
                function, ``lambda: t.read_once(cell) == 1``: it is called only where nothing before was true.

        Raises:
            ScenarioError: there is no `if_` right before it.
        """
        site = self._open("t.elif_(…)")
        chain = self._continued("t.elif_(…)")
        other, moved = self._other_branch(chain, site)
        for value in moved:
            value._scope = other
        home, self._scope = self._scope, other
        if not isinstance(condition, Value) and callable(condition):
            condition = condition()
        statement: Statement = {"if": self._condition("elif_", condition), "then": [], "at": site}
        other.body.append(statement)
        self._scope = home
        then = Scope("branch", statement["then"], other, self._kernel._place(site))
        chain.outer.append((chain.then, other))
        chain.last, chain.then = statement, then
        return self._pend(Block(self, "t.elif_(…)", then, chain))

    def else_(self) -> Block:
        """``with t.else_(): …``, right behind the block of `if_`, `elif_` or a call that can fail.

        Raises:
            ScenarioError: there is no such block right before it.
        """
        site = self._open("t.else_()")
        chain = self._continued("t.else_()")
        other, moved = self._other_branch(chain, site)
        if moved:
            message = (
                "t.else_() must stand right behind the block of t.if_(): something was computed in between"
            )
            raise mistake(message)
        return self._pend(Block(self, "t.else_()", other, chain, is_else=True))

    def not_(self, value: Value | None) -> Int:
        """``!value``: 1 if it is 0 or NULL."""
        return self._pure("not", (value,))

    # ---- loops ---------------------------------------------------------------------------------------------

    def loop(self) -> Block:
        """``with t.loop(): …``: an endless loop, left by `break_` or `return_`.

        A plain Python ``for`` unrolls: its body is recorded once for each turn.
        """
        site = self._open("t.loop()")
        statement: Statement = {"loop": [], "at": site}
        return self._loop("t.loop()", statement)

    def while_(self, condition: Callable[[], Value | int | None]) -> Block:
        """``with t.while_(lambda: t.read_once(cell) < 3): …``: a loop as long as the condition is true.

        Args:
            condition: called once, to record what finds out before each turn.

        Raises:
            ScenarioError: it is no function: a value would be looked at once and for all.
        """
        site = self._open("t.while_(…)")
        what = "t.while_() takes a function that is called before each turn, `with t.while_(lambda: …):`"
        checked_function(what, condition)
        statement: Statement = {"loop": [], "at": site}
        block = self._loop("t.while_(…)", statement)
        home, self._scope, self._pending = self._scope, block.scope, None
        value = condition()
        go_on = self._pure("not", (value if isinstance(value, Value) else self._condition("while_", value),))
        leave = {"if": go_on._use(self._self), "then": [{"break": True, "at": site}], "at": site}
        block.scope.body.append(leave)
        block.scope.first_break = self._count
        self._scope = home
        return self._pend(block)

    def break_(self) -> None:
        """``break``: leaves the innermost `loop` or `while_`, and closes the sections opened in it.

        Raises:
            ScenarioError: there is no loop around it.
        """
        loop = self._innermost_loop("t.break_()")
        site = self._leave("t.break_()", loop)
        if loop.first_break is None:
            loop.first_break = self._count
        self._finish_block({"break": True, "at": site}, "t.break_()")

    def continue_(self) -> None:
        """``continue``: starts the next turn of the innermost `loop` or `while_`; closes its sections.

        Raises:
            ScenarioError: there is no loop around it.
        """
        loop = self._innermost_loop("t.continue_()")
        site = self._leave("t.continue_()", loop)
        if loop.on_continue is not None:
            loop.on_continue()
        self._finish_block({"continue": True, "at": site}, "t.continue_()")

    # ---- returning -----------------------------------------------------------------------------------------

    def return_(self, value: Value | int | None = None) -> None:
        """``return``: leaves the program, and closes all open ``with`` sections, the innermost first.

        At the end of a handler a plain Python ``return value`` does the same.

        Args:
            value: what the caller gets.

        Raises:
            ScenarioError: a value where the caller expects none, none where it expects one, or another kind.
        """
        self._check_reachable("t.return_()")
        returned = self._returned(value)
        site = self._leave("t.return_()", None)
        self._finish_block({"return": returned, "at": site}, "t.return_()")

    def _returned(self, value: object) -> list[Argument]:
        """The JSON form of what is returned: a list of one or none."""
        if self._fences is not None:
            converted = self._fences.converted(value)
            return [converted._use(self._self) if isinstance(converted, Value) else converted]
        if self._result is None and isinstance(value, (int, Int)):
            self._result = self._may_return
        if self._result is None and value is not None:
            message = (
                f"`{self.name}` returns nothing to its caller, so that it can't return {described(value)}"
            )
            raise mistake(message)
        if self._result in NUMBERS and value is None:
            raise mistake(self._needs_value())
        if self._result is None:
            return []
        if isinstance(value, Value):
            if self._result == value.KIND or {value.KIND, self._result} <= NUMBERS:
                return [value._use(self._self)]
        elif isinstance(value, int) and self._result in NUMBERS:
            return [int(value)]
        elif value is None:
            return [None]
        message = f"`{self.name}` returns a value of kind {self._result}, not {described(value)}"
        raise mistake(message)

    def _needs_value(self) -> str:
        return f"`{self.name}` returns a value ({self._result}) to its caller; t.return_() needs one"

    # ---- variables -----------------------------------------------------------------------------------------

    @overload
    def var(self, value: int) -> Int: ...
    @overload
    def var(self, value: Gfp) -> GfpMask: ...
    @overload
    def var(self, value: type[P]) -> P: ...
    @overload
    def var(self, value: type[N]) -> N: ...
    @overload
    def var(self, value: V) -> V: ...
    def var(self, value: Any) -> Value:
        """A variable: what is assigned inside a branch or loop and used behind it.

        ``v = t.var(0)`` declares one, ``v.set(1)`` assigns it.

        Args:
            value: what it is at first: a number, a gfp mask, a value, an object; or a type, such as
                ``rf.DmaFence`` for NULL, or ``rf.Errno`` for 0.

        Raises:
            ScenarioError: it is nothing that a variable can hold.
        """
        kind: type[Value]
        if isinstance(value, type) and issubclass(value, Pointer):
            kind, value = value, None
        elif isinstance(value, type) and issubclass(value, Int):
            kind, value = _PLAIN.get(value, value), 0
        elif isinstance(value, Value):
            kind = _PLAIN.get(type(value), type(value))
        elif isinstance(value, Gfp):
            kind = GfpMask
        elif isinstance(value, int):
            kind = Int
        else:
            message = f"t.var() takes a number, a value, an object or its type, not {described(value)}"
            raise mistake(message)
        variable = kind(self._self)
        variable._is_variable = True
        self._assign(variable, value)
        return variable

    # ---- parts ---------------------------------------------------------------------------------------------

    def _condition(self, name: str, condition: object) -> Argument:
        if isinstance(condition, Value):
            return condition._use(self._self)
        if isinstance(condition, int):
            return int(condition)
        if condition is None:
            return None
        message = f"t.{name}() takes a condition, not {described(condition)}"
        raise mistake(message)

    @contextlib.contextmanager
    def _each(self, first: Callable[[], V], advance: Callable[[], V]) -> Iterator[V]:
        """A loop over what these return, up to NULL."""
        current = first()
        register = current._use(self._self)["reg"]

        def step() -> None:
            statement = advance()._statement
            if statement is not None:
                statement["out"] = register

        with self.loop():
            with self.if_(self.not_(current)):
                self.break_()
            self._scope.on_continue = step
            yield current
            if self._scope.ended is None:
                step()

    def _finish(self, result: object, function: object) -> dict[str, object]:
        """The function has returned: the program in the JSON form of scenarios.

        Raises:
            ScenarioError: a block or section is open, or what it returned will not do.
        """
        scope = self._scope
        self._check_closed(scope)
        if scope.outer is not None:
            message = f"the block opened at {scope.where} is still open at the end of `{self.name}`"
            raise mistake(message)
        fences = self._fences
        if result is None and scope.ended is None and self._result is not None:
            result = self._default
        falls_through = fences is not None and fences.seen and scope.ended is None
        if result is not None or falls_through:
            self._check_reachable("the returned value")
            returned = self._returned(result)
            site = self._kernel._last_line(function)
            self._finish_block({"return": returned, "at": site}, "return")
        elif scope.ended is None and self._result is not None:
            # The function has returned: its last line is where the value is missing.
            place = self._kernel._place(self._kernel._last_line(function))
            raise ScenarioError(self._needs_value(), place)
        self._scope.ended = (
            f"program `{self.name}` is complete; use the `t` that the handler itself was given"
        )
        return {
            "name": self.name,
            "params": self._params,
            "registers": self._registers,
            "result": self._result if fences is None else fences.kind,
            "body": self._body,
        }
