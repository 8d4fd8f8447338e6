"""Calls that Python itself refuses, in the words of the user's line."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from ringfence._scenario._where import declared_at, is_own, line_of
from ringfence._scenario._wording import closest
from ringfence.errors import RingfenceError, ScenarioError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

__all__ = ["run_user_code"]


def run_user_code(
    function: Callable[..., Any], arguments: Sequence[object], keywords: Mapping[str, object], what: str
) -> object:
    """Calls a function that the user wrote.

    Args:
        function: the function.
        arguments: its arguments.
        keywords: its keyword arguments.
        what: how it is called, for messages.

    Raises:
        ScenarioError: Python refuses the call, or one that the function makes to the builder.
    """
    try:
        result = function(*arguments, **keywords)
    except TypeError as error:
        if isinstance(error, RingfenceError):
            raise
        translated = _translated(error, function, what)
        if translated is None:
            raise
        raise translated from error
    if inspect.isgenerator(result) or inspect.iscoroutine(result):
        result.close()
        message = f"{what}, and must be a plain function: `yield` and `async` are not recorded"
        raise ScenarioError(message, declared_at(function))
    return result


def _translated(error: TypeError, function: Callable[..., Any], what: str) -> ScenarioError | None:
    """The same mistake as a ScenarioError; None if it is one of the user's own code."""
    innermost: TracebackType | None = error.__traceback__
    while innermost is not None and innermost.tb_next is not None:
        innermost = innermost.tb_next
    refused = re.match(r"(?:[\w.<>]+\.)?([\w<>]+)\(\) (.+)$", str(error), re.DOTALL)
    if innermost is None or refused is None:
        return None
    code = innermost.tb_frame.f_code
    if code is run_user_code.__code__:
        return ScenarioError(f"{what}, but it can't be: {error}", declared_at(function))
    called = _builder_function(str(error).partition("(")[0])
    if called is None or is_own(code.co_filename):
        return None
    name, problem = refused.groups()
    taken = list(inspect.signature(called).parameters.values())[1:]
    shown = inspect.Signature([parameter.replace(annotation=parameter.empty) for parameter in taken])
    message = f"{name}() {problem}; it takes {name}{shown}"
    unknown = re.search(r"unexpected keyword argument '(\w+)'", problem)
    if unknown:
        close = closest(unknown[1], [parameter.name for parameter in taken], cutoff=0.4)
        message += f"; did you mean {close!r}?" if close else ""
    return ScenarioError(message, line_of(code.co_filename, innermost.tb_lineno))


def _builder_function(qualified: str) -> Callable[..., Any] | None:
    """The method of the builder with this qualified name."""
    from ringfence._scenario._kernel import Kernel
    from ringfence._scenario._recorder import Recorder

    for cls in (*Kernel.__mro__, *Recorder.__mro__):
        function = vars(cls).get(qualified.rpartition(".")[2])
        if getattr(function, "__qualname__", None) == qualified and callable(function):
            return function  # type: ignore[no-any-return] # a function of a class
    return None
