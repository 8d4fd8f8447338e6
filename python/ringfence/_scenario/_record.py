"""Recording one program: statements, registers, and checking what they are called with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from ringfence._core import Gfp
from ringfence._scenario._returns import FENCES, FenceReturns
from ringfence._scenario._scope import Scope, Statement
from ringfence._scenario._section import Ending, Guard, Lock
from ringfence._scenario._table import NUMBERS, Parameter, operations
from ringfence._scenario._values import Argument, Int, Value
from ringfence._scenario._where import mistake
from ringfence._scenario._wording import described, wrong_argument

if TYPE_CHECKING:
    from ringfence._scenario._handled import Signature
    from ringfence._scenario._kernel import Kernel
    from ringfence._scenario._recorder import Recorder

__all__ = ["Record", "is_pure"]

V = TypeVar("V", bound=Value)

_HALF = 1 << 63
_MAX_REGISTERS = 65_535
_PURE = frozenset({"add", "sub", "and", "or", "eq", "ne", "lt", "le", "not"})


class Record:
    """The part of a `Recorder` that writes the program down.

    Attributes:
        name: the program's name.
    """

    def __init__(self, kernel: Kernel, name: str, signature: Signature, where: str) -> None:
        self.name = name
        self._kernel = kernel
        self._result = signature.result
        self._default = signature.default
        self._may_return = signature.may_return
        self._fences = FenceReturns(name, signature.may_return) if signature.may_return in FENCES else None
        self._params = len(signature.parameters)
        self._registers: list[str] = []
        self._body: list[Statement] = []
        self._scope = Scope("program", self._body, None, where)
        self._count = 0
        # A block that was asked for and must be entered next: what it is, and where.
        self._pending: tuple[str, str] | None = None
        # Numbers computed since the last block began or ended; `elif_` takes those of its condition along.
        self._recent: list[Value] = []
        self._operations = operations()

    @property
    def _self(self) -> Recorder:
        return self  # type: ignore[return-value] # the only subclass

    # ---- statements ----------------------------------------------------------------------------------------

    def _record(self, name: str, args: tuple[object, ...]) -> Statement:
        """Appends an operation."""
        scope = self._scope
        if scope.ended is not None or self._pending is not None:
            self._check_reachable(f"t.{name}()")
        converted = []
        for parameter, value in zip(self._operations[name].parameters, args, strict=True):
            # The two most frequent cases first.
            if isinstance(value, Value) and value.KIND in parameter.kinds and not parameter.many:
                converted.append(value._use(self._self))
            elif type(value) is int and parameter.number and -_HALF <= value < _HALF:
                converted.append(value)
            else:
                converted.append(self._convert(name, parameter, value))
        self._count += 1
        statement = {"op": name, "args": converted, "at": self._kernel._site(sys._getframe(2))}
        scope.body.append(statement)
        return statement

    def _do(self, name: str, *args: object) -> None:
        """Records a call that returns nothing, or whose result nobody sees."""
        self._record(name, args)

    def _value(self, kind: type[V], name: str, *args: object) -> V:
        """Records a call that returns something."""
        return kind(self._self, self._record(name, args))

    def _pure(self, name: str, args: tuple[object, ...]) -> Int:
        """Records arithmetic."""
        value = Int(self._self, self._record(name, args))
        self._recent.append(value)
        return value

    def _lock(self, ending: str, name: str, *args: object) -> Lock:
        """Records a call that opens a section and returns nothing; `ending` takes its first arguments."""
        self._record(name, args)
        arity = len(self._operations[ending].parameters)
        return Lock(self._self, Ending(ending, args[:arity], "always"))

    def _section(self, kind: type[V], end: tuple[str, Guard], name: str, *args: object) -> V:
        """Records a call that opens a section and returns something.

        The call that ends it takes the first arguments and, where it takes a value of this kind, the result.
        """
        value = kind(self._self, self._record(name, args))
        ending, guard = end
        parameters = self._operations[ending].parameters
        if guard == "always" and parameters and kind.KIND in parameters[-1].kinds:
            args = (*args[: len(parameters) - 1], value)
        value._ending = Ending(ending, args[: len(parameters)], guard)
        return value

    def _parameters(self, signature: Signature) -> list[Value]:
        """The values that the kernel hands to the program, in its first registers."""
        values = [kind(self._self) for _, kind in signature.parameters]
        for value in values:
            value._use(self._self)
        return values

    # ---- registers -----------------------------------------------------------------------------------------

    def _new_register(self, kind: str) -> int:
        if len(self._registers) >= _MAX_REGISTERS:
            message = f"program `{self.name}` has more than {_MAX_REGISTERS} values"
            raise mistake(message)
        self._registers.append(kind)
        return len(self._registers) - 1

    def _assign(self, variable: Value, value: object) -> None:
        """Records the assignment of a variable."""
        compatible = isinstance(value, Value) and (
            value.KIND == variable.KIND or (value.KIND in NUMBERS and variable.KIND in NUMBERS)
        )
        plain = isinstance(value, int) and variable.KIND in NUMBERS
        mask = isinstance(value, Gfp) and variable.KIND == "gfp"
        null = value is None and variable.KIND not in NUMBERS | {"gfp", "cookie"}
        if not (compatible or plain or mask or null):
            message = f"a variable of kind {variable.KIND} can't be {described(value)}"
            raise mistake(message)
        statement = self._record("set", (value,))
        statement["out"] = variable._use(self._self)["reg"]

    # ---- arguments -----------------------------------------------------------------------------------------

    def _convert(self, name: str, parameter: Parameter, value: object) -> Argument:
        """The JSON form of an argument that is not of the most frequent sorts.

        Raises:
            ScenarioError: it will not do.
        """
        if parameter.many:
            if isinstance(value, (list, tuple)):
                single = parameter._replace(many=False)
                return [self._convert(name, single, item) for item in value]
        elif parameter.text:
            if isinstance(value, str):
                return value
        elif value is None:
            if parameter.nullable:
                return None
        elif isinstance(value, Value):
            if value.KIND in parameter.kinds:
                return value._use(self._self)
        elif isinstance(value, Gfp):
            if parameter.gfp:
                return {"gfp": str(value)}
        elif isinstance(value, int) and parameter.number:
            if -_HALF <= value < _HALF:
                return int(value)
            message = f"t.{name}({parameter.name}=…): {value} does not fit into 64 bits"
            raise mistake(message)
        raise mistake(wrong_argument(name, parameter, value, self._operations))

    # ---- state ---------------------------------------------------------------------------------------------

    def _check_reachable(self, what: str) -> None:
        """Refuses a statement that can't be: behind the end of a block, or before a block is entered.

        Raises:
            ScenarioError: it can't be.
        """
        if self._pending is not None:
            block, where = self._pending
            message = f"{block} at {where} has no effect by itself: write `with {block}: …`"
            raise mistake(message)
        if self._scope.ended is not None:
            message = f"{what} can't be reached: {self._scope.ended}"
            raise mistake(message)


def is_pure(statement: dict[str, Any]) -> bool:
    """Whether a statement only computes numbers from numbers and can move into a branch."""
    return statement.get("op") in _PURE
