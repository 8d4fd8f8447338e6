"""The engine's table of operations, prepared for checking arguments."""

from __future__ import annotations

from typing import NamedTuple

from ringfence import _core

__all__ = ["NUMBERS", "Parameter", "Spec", "operations"]

_NUMERIC = frozenset(kind for kind, sort in _core.kinds() if sort == "number")
NUMBERS = _NUMERIC - {"cookie", "gfp"}
"""Kinds that stand for one another: where a number is asked for, any number will do."""


class Parameter(NamedTuple):
    """What an argument may be.

    Attributes:
        name: its name.
        kinds: the kinds of values that will do.
        asked: the kinds that are asked for.
        number: a plain Python number will do.
        gfp: a gfp mask will do.
        nullable: None will do.
        many: it is a list of such.
        text: it is a text.
    """

    name: str
    kinds: frozenset[str]
    asked: frozenset[str]
    number: bool
    gfp: bool
    nullable: bool
    many: bool
    text: bool


class Spec(NamedTuple):
    """A signature.

    Attributes:
        name: the operation's name.
        parameters: its arguments.
        result: kind of what it returns.
        visible: other threads can run before it.
    """

    name: str
    parameters: tuple[Parameter, ...]
    result: str | None
    visible: bool


def _parameter(argument: _core.Argument) -> Parameter:
    kinds = frozenset(argument.kinds)
    number = not kinds.isdisjoint(NUMBERS)
    return Parameter(
        name=argument.name,
        kinds=kinds | NUMBERS if number else kinds,
        asked=kinds,
        number=number,
        gfp="gfp" in kinds,
        nullable=argument.nullable,
        many=argument.list,
        text=argument.text,
    )


_TABLE: dict[str, Spec] = {}


def operations() -> dict[str, Spec]:
    """Every operation by its name; read when first asked for, so that importing the package stays fast."""
    if not _TABLE:
        for op in _core.operations():
            _TABLE[op.name] = Spec(op.name, tuple(map(_parameter, op.args)), op.result, op.visible)
    return _TABLE
